use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::{ClusterError, LogTail};

/// How much of a log an error shows.
const TAIL: u64 = 4096;

/// A server as a child of this process: its log is in a file, and it ends with this value.
#[derive(Debug)]
pub(super) struct Process {
    name: String,
    log: PathBuf,
    running: Mutex<Running>,
}

#[derive(Debug)]
struct Running {
    command: Command,
    child: Child,
    /// Its end was asked for, and is no trouble.
    ended: bool,
}

impl Process {
    /// Starts a program whose log goes to `<folder>/<name>.log`.
    pub(super) fn start(name: &str, folder: &Path, mut command: Command) -> Result<Self, ClusterError> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).map_err(ClusterError::io(format!("creating {}", log.display())))?;
        let other = file.try_clone().map_err(ClusterError::io(format!("opening {}", log.display())))?;
        command.stdin(Stdio::null()).stdout(file).stderr(other);
        let child = spawn(name, &mut command)?;
        Ok(Self { name: name.to_owned(), log, running: Mutex::new(Running { command, child, ended: false }) })
    }

    /// An error with the end of its log when the server is no longer there, and was not asked to go.
    pub(super) fn alive(&self) -> Result<(), ClusterError> {
        let mut running = self.running();
        let ended =
            running.child.try_wait().map_err(ClusterError::io(format!("looking at {}", self.name)))?;
        match ended {
            Some(status) if !running.ended => {
                Err(ClusterError::Ended { program: self.name.clone(), status, log: self.log_tail() })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn log_tail(&self) -> LogTail {
        LogTail(read_tail(&self.log).unwrap_or_default())
    }

    /// Ends the server without giving it time, as a crash would.
    pub(super) fn kill(&self) {
        let mut running = self.running();
        running.ended = true;
        // It may have ended by itself.
        let _ = running.child.kill();
        let _ = running.child.wait();
    }

    /// Starts it as it was started before.
    pub(super) fn start_again(&self) -> Result<(), ClusterError> {
        self.kill();
        let mut running = self.running();
        running.child = spawn(&self.name, &mut running.command)?;
        running.ended = false;
        Ok(())
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(name: &str, command: &mut Command) -> Result<Child, ClusterError> {
    command.spawn().map_err(|source| ClusterError::Spawn { program: name.to_owned(), source })
}

fn read_tail(log: &Path) -> std::io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    // The first line is cut unless the log is short.
    Ok(match text.split_once('\n') {
        Some((_, rest)) if length > TAIL => rest.trim_end().to_owned(),
        _ => text.trim_end().to_owned(),
    })
}

/// Writes a file that a server reads.
pub(super) fn write(file: &Path, text: impl AsRef<[u8]>) -> Result<(), ClusterError> {
    fs::write(file, text).map_err(ClusterError::io(format!("writing {}", file.display())))
}

/// Runs a command to its end.
pub(super) fn run(command: &mut Command) -> Result<String, ClusterError> {
    let line = format!("{command:?}").replace('"', "");
    let output =
        command.stdin(Stdio::null()).output().map_err(ClusterError::io(format!("running `{line}`")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stderr, output.stdout].concat();
    Err(ClusterError::Command { command: line, output: String::from_utf8_lossy(&said).trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_server_is_told_with_its_log_and_a_live_one_is_ended_with_its_value() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such flag >&2; exit 3"]);
        let brief = Process::start("brief", folder.path(), command).unwrap();
        let error = loop {
            match brief.alive() {
                Ok(()) => std::thread::yield_now(),
                Err(error) => break error.to_string(),
            }
        };
        assert!(error.contains("brief ended (exit status: 3)") && error.ends_with("no such flag"), "{error}");

        let mut command = Command::new("sleep");
        command.arg("1000");
        let lasting = Process::start("lasting", folder.path(), command).unwrap();
        lasting.kill();
        assert!(lasting.alive().is_ok(), "its end was asked for");
        lasting.start_again().unwrap();
        let proof = format!("/proc/{}", lasting.running().child.id());
        assert!(lasting.alive().is_ok() && Path::new(&proof).exists());
        drop(lasting);
        assert!(!Path::new(&proof).exists());
    }
}

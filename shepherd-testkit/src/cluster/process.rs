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
    child: Mutex<Child>,
}

impl Process {
    /// Starts a program whose log goes to `<folder>/<name>.log`.
    pub(super) fn start(name: &str, folder: &Path, command: &mut Command) -> Result<Self, ClusterError> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).map_err(ClusterError::io(format!("creating {}", log.display())))?;
        let other = file.try_clone().map_err(ClusterError::io(format!("opening {}", log.display())))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(other)
            .spawn()
            .map_err(|source| ClusterError::Spawn { program: name.to_owned(), source })?;
        Ok(Self { name: name.to_owned(), log, child: Mutex::new(child) })
    }

    /// An error with the end of its log when the server is no longer there.
    pub(super) fn alive(&self) -> Result<(), ClusterError> {
        let ended = self.child().try_wait().map_err(ClusterError::io(format!("looking at {}", self.name)))?;
        match ended {
            None => Ok(()),
            Some(status) => {
                Err(ClusterError::Ended { program: self.name.clone(), status, log: self.log_tail() })
            }
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
        let mut child = self.child();
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
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
        let brief = Process::start(
            "brief",
            folder.path(),
            Command::new("sh").args(["-c", "echo no such flag >&2; exit 3"]),
        )
        .unwrap();
        let error = loop {
            match brief.alive() {
                Ok(()) => std::thread::yield_now(),
                Err(error) => break error.to_string(),
            }
        };
        assert!(error.contains("brief ended (exit status: 3)") && error.ends_with("no such flag"), "{error}");

        let lasting = Process::start("lasting", folder.path(), Command::new("sleep").arg("1000")).unwrap();
        let proof = format!("/proc/{}", lasting.child().id());
        assert!(lasting.alive().is_ok() && Path::new(&proof).exists());
        drop(lasting);
        assert!(!Path::new(&proof).exists());
    }
}

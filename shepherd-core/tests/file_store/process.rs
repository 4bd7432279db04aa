//! Another process on the same directory: this test binary again, running [`child`] alone.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use shepherd_core::ports::{Sequence, Store};
use shepherd_core::store::FileStore;

use super::{claim, saved, web};

/// Takes a while, and a different one for each number.
pub(super) fn spin(turns: u64) {
    for turn in 0..turns {
        std::hint::black_box(turn);
    }
}

/// The process, and what it says.
pub(super) struct Process {
    pub(super) child: Child,
    said: BufReader<ChildStdout>,
}

pub(super) const DIRECTORY: &str = "FILE_STORE_TEST_DIRECTORY";
pub(super) const SIZE: &str = "FILE_STORE_TEST_SNAPSHOT_SIZE";

impl Process {
    pub(super) fn start(directory: &Path) -> Self {
        Self::spawn(Command::new(std::env::current_exe().unwrap()).env(DIRECTORY, directory))
    }

    pub(super) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .args(["--exact", "process::child", "--nocapture"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    /// The next thing it says, or nothing when it has ended.
    pub(super) fn next(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.said.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // The test harness talks on the same stream.
            if let Some((_, said)) = line.trim_end().split_once("child: ") {
                return Some(said.to_owned());
            }
        }
    }

    /// The sequence of the next save that it says was acknowledged, or nothing when it has ended.
    pub(super) fn acknowledged(&mut self) -> Option<u64> {
        let said = self.next()?;
        let sequence = said.strip_prefix("saved ").unwrap_or_else(|| panic!("{said}"));
        Some(sequence.parse().unwrap())
    }

    pub(super) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(name).arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Dead, and no longer there.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Not a test of its own: what a child process does. Without the variable there is nothing to do.
#[tokio::test]
async fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let size: usize = std::env::var(SIZE).map_or(0, |size| size.parse().unwrap());
    let say = |what: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nchild: {what}").and_then(|()| out.flush()).unwrap();
    };
    let store = FileStore::open(directory).unwrap();
    let owned = match store.claim(&web(), &claim(&format!("child {}", std::process::id()))).await {
        Ok(owned) => owned,
        Err(error) => return say(error.to_string()),
    };
    let mut sequence = owned.saved.map_or(Sequence::new(1), |saved| saved.sequence.next());
    loop {
        let mut saved = saved(sequence.get());
        saved.snapshot.extend(std::iter::repeat_n('x', size));
        if let Err(error) = store.save(&web(), owned.epoch, &saved).await {
            return say(error.to_string());
        }
        say(format!("saved {}", sequence.get()));
        sequence = sequence.next();
    }
}

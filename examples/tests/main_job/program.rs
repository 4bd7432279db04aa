//! The program as a child process, and what it prints.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Far beyond what anything here takes: a test that gets there has failed.
const DEADLINE: Duration = Duration::from_mins(1);

pub(crate) struct Program {
    child: Child,
    lines: Receiver<(Stream, String)>,
    stdout: Vec<String>,
    stderr: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Stdout,
    Stderr,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
}

impl Program {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_rollout"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (sender, lines) = channel();
        read(child.stdout.take().expect("piped"), Stream::Stdout, sender.clone());
        read(child.stderr.take().expect("piped"), Stream::Stderr, sender);
        Self { child, lines, stdout: Vec::new(), stderr: Vec::new() }
    }

    /// Lively, and light enough for many at a time.
    pub(crate) fn start_short(arguments: &[&str]) -> Self {
        Self::start(&[&["--interval", "500ms", "--rate", "150"], arguments].concat())
    }

    pub(crate) fn run(arguments: &[&str]) -> Ended {
        Self::start(arguments).end()
    }

    /// Returns when a line with this text was printed, which answers the line.
    pub(crate) fn until(&mut self, text: &str) -> String {
        self.until_any(&[text])
    }

    /// The same for whichever of these texts comes first.
    pub(crate) fn until_any(&mut self, texts: &[&str]) -> String {
        while let Some(line) = self.next() {
            if texts.iter().any(|text| line.contains(text)) {
                return line;
            }
        }
        panic!("it ended without any of {texts:?}: {:#?} {:#?}", self.stdout, self.stderr);
    }

    /// As `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it is gone");
    }

    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        let killed = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(killed.expect("kill is there").success());
    }

    pub(crate) fn end(mut self) -> Ended {
        while self.next().is_some() {}
        let code = self.child.wait().expect("it ends").code();
        let (stdout, stderr) = (std::mem::take(&mut self.stdout), std::mem::take(&mut self.stderr));
        Ended { code, stdout, stderr }
    }

    /// None when it prints no more.
    fn next(&mut self) -> Option<String> {
        match self.lines.recv_timeout(DEADLINE) {
            Ok((stream, line)) => {
                let kept = if stream == Stream::Stdout { &mut self.stdout } else { &mut self.stderr };
                kept.push(line.clone());
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("nothing more: {:#?} {:#?}", self.stdout, self.stderr),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(from: impl Read + Send + 'static, stream: Stream, to: Sender<(Stream, String)>) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if to.send((stream, line)).is_err() {
                return;
            }
        }
    });
}

impl Ended {
    /// The last line on stdout, as a program reads it.
    pub(crate) fn summary(&self) -> serde_json::Value {
        let line = self.stdout.last().unwrap_or_else(|| panic!("nothing on stdout: {self:#?}"));
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    pub(crate) fn assert_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{self:#?}");
    }

    /// Refused for one reason, which is told.
    pub(crate) fn assert_refused(&self, reason: &str) {
        self.assert_code(2);
        let told = self.stderr.join("\n");
        assert!(told.contains(reason) && told.matches("error:").count() == 1, "{told}");
        assert!(self.stdout.is_empty(), "{self:#?}");
    }
}

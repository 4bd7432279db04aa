use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Far beyond what anything here takes: a test that gets there has failed.
const DEADLINE: Duration = Duration::from_mins(2);

/// A program as a child process, and what it prints.
pub(crate) struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    told: Vec<String>,
    errors: JoinHandle<String>,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) told: String,
    pub(crate) errors: String,
}

impl Program {
    pub(crate) fn start(program: &str, kubeconfig: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .env("KUBECONFIG", kubeconfig)
            // No login of whoever runs the tests.
            .env("DOCKER_CONFIG", kubeconfig.parent().expect("a file in a folder"))
            // That the tests run in a pod is nothing to the programs.
            .env_remove("KUBERNETES_SERVICE_HOST")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut stderr = child.stderr.take().expect("piped");
        let errors = tokio::spawn(async move {
            let mut errors = String::new();
            stderr.read_to_string(&mut errors).await.expect("text");
            errors
        });
        Self { child, lines, told: Vec::new(), errors }
    }

    /// Returns when a line with this text was printed.
    pub(crate) async fn until(&mut self, text: &str) {
        assert!(self.tells(text).await, "it ended without {text:?}: {:#?}", self.told);
    }

    /// Whether a line with this text is printed before it ends.
    pub(crate) async fn tells(&mut self, text: &str) -> bool {
        while let Some(line) = self.next().await {
            if line.contains(text) {
                return true;
            }
        }
        false
    }

    /// As `kill -9` does.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("it runs");
    }

    pub(crate) async fn interrupt(&self) {
        self.signal("INT").await;
    }

    /// `STOP` lets it hang, and `CONT` wakes it.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().await.expect("kill is there");
        assert!(sent.success());
    }

    pub(crate) async fn end(mut self) -> Ended {
        while self.next().await.is_some() {}
        let code = self.child.wait().await.expect("it ends").code();
        Ended { code, told: self.told.join("\n"), errors: self.errors.await.expect("text") }
    }

    /// None when it prints no more.
    async fn next(&mut self) -> Option<String> {
        let line = timeout(DEADLINE, self.lines.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("nothing more: {:#?}", self.told)).expect("text")?;
        self.told.push(line.clone());
        Some(line)
    }
}

impl Ended {
    pub(crate) fn assert_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{self:#?}");
    }

    /// Ended for one reason, which is told in one line.
    pub(crate) fn assert_line(&self, code: i32, reason: &str) {
        self.assert_error(code, reason);
        assert_eq!(self.errors.lines().count(), 1, "{self:#?}");
    }

    /// Ended for one reason, which is told.
    pub(crate) fn assert_error(&self, code: i32, reason: &str) {
        self.assert_code(code);
        assert!(self.errors.contains(reason) && self.errors.matches("error:").count() == 1, "{self:#?}");
    }
}

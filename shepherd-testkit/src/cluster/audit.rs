use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::SystemTime;

use serde_json::Value;

use super::error::ClusterError;

/// Every write that the API server has answered: who, with what program, to which resource.
///
/// A write is in the log a moment after its answer.
///
/// ```no_run
/// # async fn example() -> Result<(), shepherd_testkit::cluster::ClusterError> {
/// use shepherd_testkit::cluster::Cluster;
/// let cluster = Cluster::shared().await?;
/// let before = cluster.audit().mark()?;
/// // Roll out something.
/// let writes = cluster.audit().since(before)?.by_user("admin");
/// println!("{} writes: {:?}", writes.count(), writes.per_resource());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AuditLog {
    file: PathBuf,
}

/// A moment in an [`AuditLog`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditMark(u64);

impl AuditLog {
    pub(super) fn new(file: PathBuf) -> Self {
        Self { file }
    }

    /// This moment.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn mark(&self) -> Result<AuditMark, ClusterError> {
        end_of_lines(&mut self.open()?).map(AuditMark).map_err(self.failed())
    }

    /// Everything after that moment.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn since(&self, mark: AuditMark) -> Result<Writes, ClusterError> {
        self.between(mark, AuditMark(u64::MAX))
    }

    /// Everything from one moment to another.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn between(&self, from: AuditMark, to: AuditMark) -> Result<Writes, ClusterError> {
        let mut file = self.open()?;
        file.seek(SeekFrom::Start(from.0)).map_err(self.failed())?;
        let mut text = String::new();
        file.take(to.0.saturating_sub(from.0)).read_to_string(&mut text).map_err(self.failed())?;
        // A line that is not whole yet is of a write that is not over yet.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let parse = |line: &str| {
            let value = serde_json::from_str(line);
            let value = value
                .map_err(|error| ClusterError::Malformed(format!("a line of the audit log: {error}")))?;
            Ok(Write::of(&value))
        };
        whole.lines().map(parse).collect::<Result<_, _>>().map(Writes)
    }

    fn open(&self) -> Result<File, ClusterError> {
        File::open(&self.file).map_err(self.failed())
    }

    fn failed(&self) -> impl FnOnce(std::io::Error) -> ClusterError {
        ClusterError::io(format!("reading the audit log {}", self.file.display()))
    }
}

/// Where the last whole line ends: the next one may be half written.
fn end_of_lines(file: &mut File) -> io::Result<u64> {
    const BLOCK: u64 = 8192;
    let mut end = file.metadata()?.len();
    while end > 0 {
        let begin = end.saturating_sub(BLOCK);
        let mut block = Vec::new();
        file.seek(SeekFrom::Start(begin))?;
        file.by_ref().take(end - begin).read_to_end(&mut block)?;
        if let Some(last) = block.iter().rev().position(|byte| *byte == b'\n') {
            return Ok(end.saturating_sub(u64::try_from(last).unwrap_or_default()));
        }
        end = begin;
    }
    Ok(0)
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Write {
    /// Who: `admin`, `system:serviceaccount:<namespace>:<name>`, or a server of the cluster.
    pub user: String,
    /// Which program, as it says.
    pub agent: String,
    /// `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// `pods`, and with a subresource `deployments/scale`.
    pub resource: String,
    /// Where; empty for what is in no namespace.
    pub namespace: String,
    /// Of which object; empty when the API server gave the name.
    pub name: String,
    /// The status code of the answer.
    pub code: u16,
    /// Whether it only asked what would come of it.
    pub dry_run: bool,
    /// When the API server had received it.
    pub received: SystemTime,
}

impl Write {
    fn of(event: &Value) -> Self {
        let text = |pointer| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (resource, below) = (text("/objectRef/resource"), text("/objectRef/subresource"));
        Self {
            user: text("/user/username"),
            agent: text("/userAgent"),
            verb: text("/verb"),
            resource: if below.is_empty() { resource } else { format!("{resource}/{below}") },
            namespace: text("/objectRef/namespace"),
            name: text("/objectRef/name"),
            received: humantime::parse_rfc3339_weak(&text("/requestReceivedTimestamp"))
                .unwrap_or(SystemTime::UNIX_EPOCH),
            dry_run: text("/requestURI").contains("dryRun="),
            code: event.pointer("/responseStatus/code").and_then(Value::as_u64).map_or(0, |code| {
                // A status code that is none is no answer.
                code.try_into().unwrap_or_default()
            }),
        }
    }
}

/// Some of the writes, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writes(Vec<Write>);

impl Writes {
    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Those of a user.
    #[must_use]
    pub fn by_user(&self, user: &str) -> Self {
        self.only(|write| write.user == user)
    }

    /// Those of programs whose user agent begins so.
    #[must_use]
    pub fn by_agent(&self, begins: &str) -> Self {
        self.only(|write| write.agent.starts_with(begins))
    }

    /// Those within a namespace.
    #[must_use]
    pub fn within(&self, namespace: &str) -> Self {
        self.only(|write| write.namespace == namespace)
    }

    /// Those to a resource: `pods`, `deployments/scale`.
    #[must_use]
    pub fn to(&self, resource: &str) -> Self {
        self.only(|write| write.resource == resource)
    }

    /// Those that the API server refused.
    #[must_use]
    pub fn refused(&self) -> Self {
        self.only(|write| write.code >= 400)
    }

    /// How many to each resource.
    pub fn per_resource(&self) -> BTreeMap<&str, usize> {
        self.counted(|write| &write.resource)
    }

    /// How many by each user.
    pub fn per_user(&self) -> BTreeMap<&str, usize> {
        self.counted(|write| &write.user)
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Write> {
        self.0.iter()
    }

    fn only(&self, which: impl Fn(&Write) -> bool) -> Self {
        Self(self.0.iter().filter(|write| which(write)).cloned().collect())
    }

    fn counted(&self, by: impl Fn(&Write) -> &str) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for write in &self.0 {
            *counts.entry(by(write)).or_default() += 1;
        }
        counts
    }
}

impl<'a> IntoIterator for &'a Writes {
    type Item = &'a Write;
    type IntoIter = std::slice::Iter<'a, Write>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"kind":"Event","verb":"patch","user":{"username":"admin"},"userAgent":"shepherd/0.1","objectRef":{"resource":"deployments","subresource":"scale","namespace":"shop","name":"web"},"responseStatus":{"code":200}}"#;

    #[test]
    fn reads_what_is_between_two_moments_and_leaves_half_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditLog::new(folder.path().join("audit"));
        let write = |text: &str| std::fs::write(&log.file, text).unwrap();
        write(&format!("{LINE}\n"));
        let first = log.mark().unwrap();
        let refused = LINE.replace("admin", "guest").replace(":200", ":403");
        write(&format!("{LINE}\n{refused}\n{}", &LINE[..20]));
        assert_eq!(log.between(AuditMark(0), first).unwrap().count(), 1);
        let writes = log.since(first).unwrap();
        assert_eq!((writes.count(), writes.by_user("guest").refused().count()), (1, 1));
        let all = log.since(AuditMark(0)).unwrap();
        assert_eq!(all.by_agent("shepherd").within("shop").per_resource(), [("deployments/scale", 2)].into());
        assert_eq!((all.to("deployments").count(), all.per_user()["admin"]), (0, 1));
    }

    #[test]
    fn a_moment_in_the_midst_of_a_line_is_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditLog::new(folder.path().join("audit"));
        let write = |text: &str| std::fs::write(&log.file, text).unwrap();
        let wide = LINE.replace("shepherd/0.1", &"x".repeat(20_000));
        for half in [0, 1, 20, 10_000, wide.len()] {
            write(&format!("{LINE}\n{}", &wide[..half]));
            let moment = log.mark().unwrap();
            write(&format!("{LINE}\n{wide}\n"));
            assert_eq!(log.since(moment).unwrap().count(), 1, "{half}");
        }
        write(&LINE[..20]);
        assert_eq!(log.mark().unwrap(), AuditMark(0));
    }
}

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;

use super::behaviour::Behaviour;
use crate::cluster::error::ClusterError;

/// What a pod's process does, exactly. A new one is well: it listens at once, answers every request with 200, and when
/// it is told to end it answers for one second more, asking kept connections to leave.
///
/// It is the value of the annotation [`PodScript::ANNOTATION`] on a pod (so, in the template of a Deployment), and may be
/// changed on a running one. For the usual cases [`Behaviour`] goes with the image's name.
///
/// ```
/// use std::time::Duration;
/// use shepherd_testkit::cluster::PodScript;
///
/// let script = PodScript::new().starts_in(Duration::from_secs(5)).fails_requests(0.3);
/// assert_eq!(script.to_string(), "start=5s errors=0.3");
/// assert_eq!("start=5s errors=0.3".parse::<PodScript>()?, script);
/// # Ok::<(), shepherd_testkit::cluster::ClusterError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PodScript {
    pub(super) start: Duration,
    pub(super) ready: bool,
    pub(super) fate: Fate,
    pub(super) errors: f64,
    pub(super) latency: Duration,
    pub(super) drain: Duration,
    pub(super) ending: Ending,
}

/// How it goes with the process while nobody ends it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    Lives,
    CannotBePulled,
    Exits { code: i32, after: Duration },
}

/// What it does when it is told to end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ending {
    Drains,
    /// Is killed when its grace period is over.
    Ignores,
    /// Stays, as on a node that is gone, until somebody deletes it by force.
    Never,
}

/// What a process ends with that the kernel killed for its memory.
pub(super) const OUT_OF_MEMORY: i32 = 137;

impl PodScript {
    /// The annotation that holds it.
    pub const ANNOTATION: &'static str = "shepherd-testkit/script";

    /// A process that is well.
    pub fn new() -> Self {
        Self {
            start: Duration::ZERO,
            ready: true,
            fate: Fate::Lives,
            errors: 0.0,
            latency: Duration::ZERO,
            drain: Duration::from_secs(1),
            ending: Ending::Drains,
        }
    }

    /// The same, listening (and ready) only so long after it was started.
    #[must_use]
    pub fn starts_in(mut self, time: Duration) -> Self {
        self.start = time;
        self
    }

    /// The same, but its readiness check fails: it runs and listens, and the pod is not ready.
    #[must_use]
    pub fn never_ready(mut self) -> Self {
        self.ready = false;
        self
    }

    /// The same, but its image cannot be pulled.
    #[must_use]
    pub fn cannot_be_pulled(mut self) -> Self {
        self.fate = Fate::CannotBePulled;
        self
    }

    /// The same, but it ends with this exit code so long after it listens, each time it is started; at once, and it
    /// never listens. Where the pod restarts it, that is a crash loop with ever longer pauses; 137 is what a process
    /// ends with that the kernel killed for its memory. In the pod of a Job it is the job's result.
    #[must_use]
    pub fn exits(mut self, code: i32, after: Duration) -> Self {
        self.fate = Fate::Exits { code, after };
        self
    }

    /// The same, but this part of its requests (0 to 1) is answered with 500. Spread evenly, not drawn: of 10 requests
    /// at 0.3 exactly 3.
    #[must_use]
    pub fn fails_requests(mut self, part: f64) -> Self {
        self.errors = part.clamp(0.0, 1.0);
        self
    }

    /// The same, but each answer takes that long.
    #[must_use]
    pub fn answers_in(mut self, time: Duration) -> Self {
        self.latency = time;
        self
    }

    /// The same, but it goes on answering for that long when it is told to end; zero is a process that just leaves.
    #[must_use]
    pub fn drains_for(mut self, time: Duration) -> Self {
        self.drain = time;
        self
    }

    /// The same, but it does not listen when told to end: it stays until its grace period is over.
    #[must_use]
    pub fn ignores_termination(mut self) -> Self {
        self.ending = Ending::Ignores;
        self
    }

    /// The same, but it stays when told to end, whatever its grace period, as on a node that is gone; only a deletion
    /// with a grace period of zero takes it away.
    #[must_use]
    pub fn never_terminates(mut self) -> Self {
        self.ending = Ending::Never;
        self
    }

    /// What a pod is asked to do: by its annotation, else by the image of its first container.
    ///
    /// # Errors
    /// When the annotation cannot be understood.
    pub fn of(pod: &Pod) -> Result<Self, ClusterError> {
        let annotations = pod.metadata.annotations.as_ref();
        if let Some(text) = annotations.and_then(|all| all.get(Self::ANNOTATION)) {
            return text.parse();
        }
        let image = pod.spec.as_ref().and_then(|spec| spec.containers.first()?.image.as_deref());
        Ok(Behaviour::script_of(image.unwrap_or_default()))
    }
}

impl Default for PodScript {
    fn default() -> Self {
        Self::new()
    }
}

impl Display for PodScript {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let well = Self::new();
        let duration = |time| humantime::format_duration(time).to_string().replace(' ', "");
        let mut words = Vec::new();
        if self.start != well.start {
            words.push(format!("start={}", duration(self.start)));
        }
        if !self.ready {
            words.push("ready=never".to_owned());
        }
        match self.fate {
            Fate::Lives => {}
            Fate::CannotBePulled => words.push("pull=never".to_owned()),
            Fate::Exits { code, after } => words.push(format!("exit={code}@{}", duration(after))),
        }
        if self.errors > 0.0 {
            words.push(format!("errors={}", self.errors));
        }
        if self.latency != well.latency {
            words.push(format!("latency={}", duration(self.latency)));
        }
        if self.drain != well.drain {
            words.push(format!("drain={}", duration(self.drain)));
        }
        match self.ending {
            Ending::Drains => {}
            Ending::Ignores => words.push("end=ignored".to_owned()),
            Ending::Never => words.push("end=never".to_owned()),
        }
        f.write_str(&words.join(" "))
    }
}

impl FromStr for PodScript {
    type Err = ClusterError;

    fn from_str(text: &str) -> Result<Self, ClusterError> {
        let mut script = Self::new();
        for word in text.split_whitespace() {
            script = script.with(word).ok_or_else(|| {
                ClusterError::Malformed(format!(
                    "`{word}` in the annotation {} is not one of start=<time>, ready=never, pull=never, \
                     exit=<code>@<time>, errors=<0 to 1>, latency=<time>, drain=<time>, end=ignored, end=never",
                    Self::ANNOTATION
                ))
            })?;
        }
        Ok(script)
    }
}

impl PodScript {
    fn with(self, word: &str) -> Option<Self> {
        let (key, value) = word.split_once('=')?;
        let time = |text: &str| humantime::parse_duration(text).ok();
        Some(match (key, value) {
            ("start", _) => self.starts_in(time(value)?),
            ("ready", "never") => self.never_ready(),
            ("pull", "never") => self.cannot_be_pulled(),
            ("exit", _) => {
                let (code, after) = value.split_once('@')?;
                self.exits(code.parse().ok()?, time(after)?)
            }
            ("errors", _) => {
                let part = value.parse().ok().filter(|part| (0.0..=1.0).contains(part))?;
                self.fails_requests(part)
            }
            ("latency", _) => self.answers_in(time(value)?),
            ("drain", _) => self.drains_for(time(value)?),
            ("end", "ignored") => self.ignores_termination(),
            ("end", "never") => self.never_terminates(),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let all = [
            PodScript::new(),
            PodScript::new().starts_in(Duration::from_millis(1500)).never_ready().never_terminates(),
            PodScript::new().exits(137, Duration::ZERO).ignores_termination(),
            PodScript::new().cannot_be_pulled().drains_for(Duration::ZERO),
            PodScript::new().fails_requests(0.25).answers_in(Duration::from_millis(200)),
        ];
        for script in all {
            assert_eq!(script.to_string().parse::<PodScript>().unwrap(), script, "{script}");
        }
    }

    #[test]
    fn what_is_not_understood_is_named_with_what_is_allowed() {
        for text in ["errors=2", "ready", "start=soon", "ready=never exit=x@1s"] {
            let error = text.parse::<PodScript>().unwrap_err().to_string();
            assert!(
                error.contains(text.split(' ').next_back().unwrap()) && error.contains("drain=<time>"),
                "{error}"
            );
        }
    }

    #[test]
    fn the_annotation_comes_before_the_image() {
        let mut pod: Pod = serde_json::from_value(serde_json::json!({
            "spec": { "containers": [{ "name": "app", "image": "shop:v2-unready" }] }
        }))
        .unwrap();
        assert_eq!(PodScript::of(&pod).unwrap(), PodScript::new().never_ready());
        pod.metadata.annotations = Some([(PodScript::ANNOTATION.to_owned(), "errors=1".to_owned())].into());
        assert_eq!(PodScript::of(&pod).unwrap(), PodScript::new().fails_requests(1.0));
    }
}

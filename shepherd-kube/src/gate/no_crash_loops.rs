use async_trait::async_trait;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use shepherd_core::model::Verdict;
use shepherd_core::ports::{CheckContext, HealthGate, PortError};

use super::Tracks;
use crate::workload::pods;

/// Passes when no container of a track's pods crashes: none is held back because it ended again and again
/// (`CrashLoopBackOff`), none was ended for want of memory (`OOMKilled`), and none has ended with a code other than 0
/// and was not begun again.
///
/// One that ended with an error and runs again passes here; [`Restarts`](super::Restarts) counts those. It fails with
/// pod, container, reason and exit code.
///
/// # Cancel safety
/// It only reads.
///
/// ```no_run
/// # fn example(tracks: shepherd_kube::gate::Tracks) {
/// let gate = shepherd_kube::gate::NoCrashLoops::of(tracks);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct NoCrashLoops {
    pub(super) tracks: Tracks,
}

impl NoCrashLoops {
    /// Asks about these.
    pub fn of(tracks: Tracks) -> Self {
        Self { tracks }
    }
}

#[async_trait]
impl HealthGate for NoCrashLoops {
    async fn check(&self, context: &CheckContext) -> Result<Verdict, PortError> {
        self.tracks.judged(context, |side| side.each_pod(fault, "crash nowhere")).await
    }
}

fn fault(pod: &Pod) -> Option<String> {
    pods::containers(pod).find_map(|container| {
        let why = crash(container)?;
        Some(format!("pod {}, container {}: {why}", pods::name(pod), container.name))
    })
}

fn crash(container: &ContainerStatus) -> Option<String> {
    let before = container.last_state.as_ref();
    let restarts = container.restart_count;
    if let Some((reason @ "CrashLoopBackOff", message)) = pods::waiting(container) {
        let ended = before.and_then(pods::ended).unwrap_or_else(|| "ended".to_owned());
        return Some(format!("{reason}: it {ended}, {restarts} restarts; {message}"));
    }
    let is_over = |code: i32, reason: Option<&str>| code != 0 || reason == Some("OOMKilled");
    let now = container.state.as_ref();
    let over = now.filter(|state| {
        state.terminated.as_ref().is_some_and(|ended| is_over(ended.exit_code, ended.reason.as_deref()))
    });
    let killed = before.filter(|state| {
        state.terminated.as_ref().is_some_and(|ended| ended.reason.as_deref() == Some("OOMKilled"))
    });
    let ended = over.or(killed).and_then(pods::ended)?;
    Some(format!("it {ended}, {restarts} restarts"))
}

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use shepherd_core::model::Verdict;
use shepherd_core::ports::{CheckContext, HealthGate, PortError};

use super::Tracks;
use super::side::Side;
use crate::workload::pods;

/// Passes while the containers of a track's present pods have been restarted no more than so often, all together.
///
/// Pods that are gone do not count. It fails with the sum, and with the container that was restarted most.
///
/// # Cancel safety
/// It only reads.
///
/// ```no_run
/// # fn example(tracks: shepherd_kube::gate::Tracks) {
/// let gate = shepherd_kube::gate::Restarts::of(tracks, 2);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Restarts {
    pub(super) tracks: Tracks,
    allowed: u32,
}

impl Restarts {
    /// Asks about these, and allows so many.
    pub fn of(tracks: Tracks, allowed: u32) -> Self {
        Self { tracks, allowed }
    }

    fn judge(&self, side: &Side) -> Verdict {
        let containers = || side.pods.iter().flat_map(|pod| pods::containers(pod).map(move |one| (pod, one)));
        let total: u32 = containers().map(|(_, container)| count(container)).sum();
        let worst = containers().max_by_key(|(_, container)| count(container));
        let allowed = self.allowed;
        match worst {
            Some((pod, container)) if total > allowed => {
                let most = told(pod, container);
                Verdict::Fail(format!("{total} restarts, and {allowed} are allowed; {most}").into())
            }
            _ => side.each_pod(|_| None, &format!("have {total} restarts of {allowed} allowed")),
        }
    }
}

#[async_trait]
impl HealthGate for Restarts {
    async fn check(&self, context: &CheckContext) -> Result<Verdict, PortError> {
        self.tracks.judged(context, |side| self.judge(side)).await
    }
}

fn count(container: &ContainerStatus) -> u32 {
    u32::try_from(container.restart_count).unwrap_or(0)
}

fn told(pod: &Pod, container: &ContainerStatus) -> String {
    let ended = container.last_state.as_ref().and_then(pods::ended);
    let why = ended.map_or(String::new(), |ended| format!(", it {ended}"));
    format!("{} of them in pod {}, container {}{why}", count(container), pods::name(pod), container.name)
}

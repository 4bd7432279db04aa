use async_trait::async_trait;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use shepherd_core::model::Verdict;
use shepherd_core::ports::{CheckContext, HealthGate, PortError};

use super::Tracks;
use super::side::Side;
use crate::workload::pods;

/// Passes when every container of a track's pods has its image.
///
/// It fails with what the registry answered for one that cannot be pulled, and is inconclusive while one is being
/// pulled.
///
/// # Cancel safety
/// It only reads.
///
/// ```no_run
/// # fn example(tracks: shepherd_kube::gate::Tracks) {
/// let gate = shepherd_kube::gate::ImagesPulled::of(tracks);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ImagesPulled {
    pub(super) tracks: Tracks,
}

impl ImagesPulled {
    /// Asks about these.
    pub fn of(tracks: Tracks) -> Self {
        Self { tracks }
    }
}

#[async_trait]
impl HealthGate for ImagesPulled {
    async fn check(&self, context: &CheckContext) -> Result<Verdict, PortError> {
        self.tracks.judged(context, judge).await
    }
}

/// For these a container waits whose image cannot be had.
const REFUSED: &[&str] = &[
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
];

fn judge(side: &Side) -> Verdict {
    let refused = side.each_pod(|pod| told(pod, refusal), "have their images");
    let missing = side.pods.iter().find_map(|pod| told(pod, pulling));
    match missing {
        Some(missing) if refused.is_pass() => Verdict::Inconclusive(missing.into()),
        _ => refused,
    }
}

fn told(pod: &Pod, what: impl Fn(&ContainerStatus) -> Option<String>) -> Option<String> {
    let name = pods::name(pod);
    // Of a pod that no node has taken yet nothing is said of its containers.
    if pods::containers(pod).next().is_none() {
        return what(&ContainerStatus::default()).map(|why| format!("pod {name}: {why}"));
    }
    pods::containers(pod).find_map(|container| {
        what(container).map(|why| format!("pod {name}, container {}: {why}", container.name))
    })
}

fn refusal(container: &ContainerStatus) -> Option<String> {
    let (reason, message) = pods::waiting(container).filter(|(reason, _)| REFUSED.contains(reason))?;
    Some(format!("{reason}: {message}"))
}

fn pulling(container: &ContainerStatus) -> Option<String> {
    container.image_id.is_empty().then(|| "its image is not there yet".to_owned())
}

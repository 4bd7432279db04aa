use async_trait::async_trait;
use shepherd_core::model::Verdict;
use shepherd_core::ports::{CheckContext, HealthGate, PortError};

use super::Tracks;
use super::side::Side;
use crate::workload::pods;

/// Passes when all pods of a track are there and ready, and none of another revision is left beside them.
///
/// It fails with what the first pod that is not ready says itself, or with why there are too few.
///
/// # Cancel safety
/// It only reads.
///
/// ```no_run
/// # fn example(tracks: shepherd_kube::gate::Tracks) {
/// let gate = shepherd_kube::gate::PodsReady::of(tracks);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PodsReady {
    pub(super) tracks: Tracks,
}

impl PodsReady {
    /// Asks about these.
    pub fn of(tracks: Tracks) -> Self {
        Self { tracks }
    }
}

#[async_trait]
impl HealthGate for PodsReady {
    async fn check(&self, context: &CheckContext) -> Result<Verdict, PortError> {
        self.tracks.judged(context, judge).await
    }
}

fn judge(side: &Side) -> Verdict {
    match fault(side) {
        Some(fault) => Verdict::Fail(fault.into()),
        None => Verdict::Pass(format!("{}: all {} pods are ready", side.place, side.pods.len()).into()),
    }
}

fn fault(side: &Side) -> Option<String> {
    let unready = |pod| pods::unready(pod).map(|why| format!("pod {} is not ready: {why}", pods::name(pod)));
    // What a container says is nearer to the cause than that it is not ready.
    side.trouble()
        .or_else(|| side.pods.iter().find_map(unready))
        .or_else(|| too_few(side))
        .or_else(|| left(side))
}

fn too_few(side: &Side) -> Option<String> {
    let there = side.pods.len();
    let wanted = usize::try_from(side.wanted).unwrap_or(usize::MAX);
    (there < wanted).then(|| format!("{} has {there} pods of {wanted}", side.place))
}

fn left(side: &Side) -> Option<String> {
    let others = side.others.join(", ");
    (!others.is_empty()).then(|| format!("{} still has pods of another revision: {others}", side.place))
}

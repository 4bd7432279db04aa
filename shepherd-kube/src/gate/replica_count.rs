use async_trait::async_trait;
use shepherd_core::model::Verdict;
use shepherd_core::ports::{CheckContext, HealthGate, PortError};

use super::Tracks;
use super::side::Side;

/// Passes when a track has as many replicas of its present revision as it wants: there, ready, and available, which is
/// ready for as long as the template asks for.
///
/// It fails with the numbers, and with what keeps the others.
///
/// # Cancel safety
/// It only reads.
///
/// ```no_run
/// # fn example(tracks: shepherd_kube::gate::Tracks) {
/// let gate = shepherd_kube::gate::ReplicaCount::of(tracks);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ReplicaCount {
    pub(super) tracks: Tracks,
}

impl ReplicaCount {
    /// Asks about these.
    pub fn of(tracks: Tracks) -> Self {
        Self { tracks }
    }
}

#[async_trait]
impl HealthGate for ReplicaCount {
    async fn check(&self, context: &CheckContext) -> Result<Verdict, PortError> {
        self.tracks.judged(context, judge).await
    }
}

fn judge(side: &Side) -> Verdict {
    let counts @ [there, ready, available] =
        ["replicas", "readyReplicas", "availableReplicas"].map(|field| side.count(field));
    let (place, wanted) = (&side.place, side.wanted);
    let numbers = format!("{place}: {wanted} wanted, {there} there, {ready} ready, {available} available");
    if counts == [wanted; 3] {
        return Verdict::Pass(numbers.into());
    }
    match side.trouble() {
        Some(why) => Verdict::Fail(format!("{numbers}; {why}").into()),
        None => Verdict::Fail(numbers.into()),
    }
}

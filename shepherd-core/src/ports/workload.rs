use async_trait::async_trait;

use super::PortError;
use crate::model::{Fence, Mark, TrackSpec, WorkloadState};

/// Runs the replicas of both tracks: Deployments, processes, machines. One value runs one target.
///
/// # Contract
/// - [`apply`](Self::apply) is absolute and idempotent, and returns when the backend has accepted it; how far it has
///   come is [`observe`](Self::observe)d.
/// - Changing a track's revision keeps the track serving: replicas of the new revision are ready before those of the
///   old one end.
/// - A replica that ends finishes the requests that it has.
/// - `ready` counts replicas of the track's own revision that take requests, and no others.
/// - The mark is written with the change, and a write that [`Mark::admit`] refuses changes nothing. A backend that
///   cannot hold marks leaves [`TrackState::mark`](crate::model::TrackState::mark) empty.
/// - A revision that [`TrackSpec::may_replace`] refuses to replace stays, and nothing is changed: somebody has given it
///   to the track meanwhile.
/// - Which side is stable is decided by the first [`claim`](Self::claim) of a rollout, from what serves, and stays so
///   for all of that rollout, whatever serves meanwhile.
/// - Scaling down ends replicas that are not ready before those that are.
/// - Both tracks may live in one object, as in a rolling update. Then one loses what the other one gains, stable keeps
///   its revision until the next rollout, and while fewer are asked for than the object has, those that go wait for
///   those that come.
/// - Every call may be dropped at any await: it has then happened or not, and the same call again completes it.
///
/// The testkit has a suite with one test for each of these promises.
#[async_trait]
pub trait Workload: Send + Sync {
    /// What it works on, and how: all that decides where a write lands, such as `Deployment shop/web, in place`.
    ///
    /// It is kept with each plan, and a rollout that was begun in one place is not gone on with in another. So the same
    /// settings must give the same words, in later versions as well. An adapter that says nothing, as it does by default,
    /// is taken for the same wherever it writes.
    fn place(&self) -> Option<String> {
        None
    }

    /// Stamps the owner on what is scaled, so that older owners' writes fail from now on.
    ///
    /// The first claim of a rollout ([`Fence::begins`]) also takes the roles, in the same write as the marks. Where a
    /// router takes part they are those that its claim has recorded, which was made before this one. Where none does,
    /// and all replicas that shall run are the candidate's, the candidate's side is stable from then on. Every other
    /// claim keeps the roles, and until this one they are what they were: a late write of the rollout before must not
    /// find its sides exchanged. A backend that cannot hold marks takes the router's roles at every claim, and without a
    /// router keeps its own.
    ///
    /// # Errors
    /// [`Fenced`](crate::model::FailureKind::Fenced) when a later owner has been there.
    async fn claim(&self, fence: &Fence) -> Result<(), PortError>;

    /// Makes a track what `spec` says: so many replicas of a revision. Zero replicas retires it.
    ///
    /// # Errors
    /// Says who must act. [`Fenced`](crate::model::FailureKind::Fenced) when [`Mark::admit`] refuses it,
    /// [`Conflict`](crate::model::FailureKind::Conflict) when [`TrackSpec::may_replace`] does.
    async fn apply(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError>;

    /// What both tracks are now.
    ///
    /// # Errors
    /// Says who must act.
    async fn observe(&self) -> Result<WorkloadState, PortError>;
}

use async_trait::async_trait;

use super::PortError;
use crate::model::{Fence, Route, RouterCapabilities, Routing};

/// Sends users to one track or the other: a Service selector, an ingress, a mesh, a proxy of your own. One value
/// routes one target.
///
/// # Contract
/// - [`apply`](Self::apply) is absolute and idempotent: the same route again changes nothing.
/// - The exposure and its mark are written in one write, through [`admit`](crate::model::admit) where the backend can
///   hold a mark; a router that cannot says so in its [capabilities](RouterCapabilities::fenced).
/// - What was applied is what [`observe`](Self::observe) answers, exactly: a weight that would be rounded to another
///   one is refused as [unsupported](PortError::unsupported), never rounded in silence.
/// - Which side is stable is decided by the first [`claim`](Self::claim) of a rollout and stays so for all of that
///   rollout. A router that [swaps](RouterCapabilities::swaps) takes the side that has all of the traffic.
/// - Nothing else that the backend holds is changed.
/// - Every call may be dropped at any await: it has then happened or not, and the same call again completes it.
///
/// The testkit has a suite with one test for each of these promises.
#[async_trait]
pub trait TrafficRouter: Send + Sync {
    /// What this router can do. Constant, and answered without I/O.
    fn capabilities(&self) -> RouterCapabilities;

    /// What it writes to: all that decides where a write lands, such as `HTTPRoute shop/web (from web to web-next)`.
    ///
    /// It is kept with each plan, and a rollout that was begun in one place is not gone on with in another, where an off
    /// would take nobody off. So the same settings must give the same words, in later versions as well. An adapter that
    /// says nothing, as it does by default, is taken for the same wherever it writes.
    fn place(&self) -> Option<String> {
        None
    }

    /// Stamps the owner on what is routed, so that older owners' raises fail from now on; what users meet stays as it
    /// is. Does nothing where the backend cannot hold a mark.
    ///
    /// The first claim of a rollout ([`Fence::begins`]) by a router that [swaps](RouterCapabilities::swaps), while the
    /// candidate has all of the traffic ([`Exposure::is_all`](crate::model::Exposure::is_all)), exchanges the roles in
    /// the same write as the mark: the side that serves is stable from then on, and the exposure observed is off. Every
    /// other claim keeps the roles, and whatever is partial stays as it is.
    ///
    /// # Errors
    /// [`Fenced`](crate::model::FailureKind::Fenced) when a later owner has been there.
    async fn claim(&self, fence: &Fence) -> Result<(), PortError>;

    /// Makes users meet the candidate as the route says. Returns when the backend has accepted it; whether it has
    /// taken effect is [`observe`](Self::observe)d.
    ///
    /// # Errors
    /// Says who must act. [`Fenced`](crate::model::FailureKind::Fenced) when [`admit`](crate::model::admit) refuses it.
    async fn apply(&self, route: &Route) -> Result<(), PortError>;

    /// How users meet the candidate now, whoever made it so; and, where that can be told, what it waits for to be in effect.
    ///
    /// # Errors
    /// Says who must act.
    async fn observe(&self) -> Result<Routing, PortError>;
}

use async_trait::async_trait;
use shepherd_core::model::Verdict;

/// Knows which images there are. The API server does not: it makes pods of any image, and only their nodes find out.
///
/// [`Registries`](crate::registry::Registries) asks where images come from. Whoever has a catalogue of releases may ask
/// that:
///
/// ```
/// use std::collections::BTreeSet;
///
/// use async_trait::async_trait;
/// use shepherd_core::model::Verdict;
/// use shepherd_kube::preflight::Images;
///
/// struct Released(BTreeSet<String>);
///
/// #[async_trait]
/// impl Images for Released {
///     async fn look(&self, image: &str) -> Verdict {
///         match self.0.contains(image) {
///             true => Verdict::Pass("it was released".into()),
///             false => Verdict::Fail("it was never released".into()),
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait Images: Send + Sync {
    /// Whether there is an image of this name, as a container names it. It is waited for, so it must come to an end by itself,
    /// and it may be dropped before. A fail is only for what is known not to be there: it keeps a rollout from
    /// being begun. What cannot be said is inconclusive or an error, and told as a warning.
    async fn look(&self, image: &str) -> Verdict;
}

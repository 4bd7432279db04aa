use std::fmt;

/// How a candidate of a [`DeploymentPair`](super::DeploymentPair) becomes stable. For the rollout all three are a
/// promotion by copy: stable runs the candidate's revision, the traffic returns to it, and the candidate's replicas end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum PromoteBy {
    /// Stable's Deployment gets what the candidate runs, and starts its pods once more. Whoever looks for the service
    /// finds it where it always was.
    #[default]
    Copy,
    /// The Service of stable is sent to the pods that the candidate has already, by one write of its selector, and no
    /// pod starts twice. The two Deployments change roles: the old pods end, and the next candidate comes up in their
    /// Deployment. Until they end, the way back is one write too.
    ///
    /// Both [Services](super::DeploymentPair::services) must be named, and select by labels that differ between the
    /// two ([`Labels::Isolated`](super::Labels::Isolated)). A rollout is refused, before anything is changed, when a
    /// `HorizontalPodAutoscaler` scales one of the two Deployments, or a tool such as Argo CD, Flux or Helm applies one
    /// of the four objects: it would put them back.
    Switch,
    /// Whoever owns stable's manifest ships the revision: Argo CD, Flux, a pipeline. The rollout waits until stable runs
    /// it, ready, and says so; of stable it writes annotations: `shepherd.rs/mark` and, while it waits,
    /// `shepherd.rs/wanted`, which names the revision, and `shepherd.rs/until-then`, what may stand there until he has.
    /// When a rollout is taken back after he has shipped its revision, users stay on the candidate until he has shipped the
    /// old one again; else it is off at once. Whatever else he ships meanwhile takes the candidate back, and gets its users.
    ///
    /// Stable's count is the owner's too, so such a promotion needs a router.
    External,
}

/// As in "promoted by copy". Plans keep these words: they stay as they are.
impl fmt::Display for PromoteBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PromoteBy::Copy => "copy",
            PromoteBy::Switch => "a switch",
            PromoteBy::External => "the owner of its manifest",
        })
    }
}

use serde::{Deserialize, Serialize};

use super::{Failure, FailureKind, Replicas, Revision, Track};

/// What a track shall be: so many replicas of a revision.
///
/// ```
/// use shepherd_core::model::{FailureKind, Replicas, Revision, Track, TrackSpec};
///
/// let [old, new, hotfix] = ["v1", "v2", "v1-hotfix"].map(|name| name.parse::<Revision>().unwrap());
/// let promoted = TrackSpec::new(Track::Stable, new.clone(), Replicas::new(10)).replacing([old.clone()]);
/// assert!(promoted.may_replace(&old).is_ok() && promoted.may_replace(&new).is_ok());
/// assert_eq!(promoted.may_replace(&hotfix).unwrap_err().kind, FailureKind::Conflict);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrackSpec {
    /// Which side.
    pub track: Track,
    /// What runs there.
    pub revision: Revision,
    /// How many of it.
    pub replicas: Replicas,
    /// The revisions that this one may take the place of: those that the rollout knows of. Any, when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<Revision>,
}

impl TrackSpec {
    /// So many replicas of this revision, whatever runs there.
    pub const fn new(track: Track, revision: Revision, replicas: Replicas) -> Self {
        Self { track, revision, replicas, replaces: Vec::new() }
    }

    /// The same, in the place of these revisions only.
    #[must_use]
    pub fn replacing(mut self, revisions: impl IntoIterator<Item = Revision>) -> Self {
        self.replaces.extend(revisions);
        self
    }

    /// Lets the write through where the track is meant to run `runs`. What a workload asks inside the one write that it
    /// makes, beside [`Mark::admit`](super::Mark::admit).
    ///
    /// # Errors
    /// [`FailureKind::Conflict`] when that is a revision that the rollout does not know of: somebody has given it to the
    /// track since the rollout looked, and it is not overwritten.
    pub fn may_replace(&self, runs: &Revision) -> Result<(), Failure> {
        let known = self.replaces.is_empty() || self.revision == *runs || self.replaces.contains(runs);
        if known {
            return Ok(());
        }
        let why =
            format!("somebody has given it {runs} meanwhile, which is not overwritten by {}", self.revision);
        Err(Failure::new(FailureKind::Conflict, self.track.to_string(), why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(name: &str) -> Revision {
        name.parse().unwrap()
    }

    #[test]
    fn whoever_knows_of_none_replaces_any() {
        let spec = TrackSpec::new(Track::Candidate, revision("v2"), Replicas::new(1));
        assert_eq!(spec.may_replace(&revision("v0")), Ok(()));
    }

    #[test]
    fn what_is_not_known_is_named_and_stays() {
        let spec =
            TrackSpec::new(Track::Stable, revision("v2"), Replicas::new(1)).replacing([revision("v1")]);
        let failure = spec.may_replace(&revision("v3")).unwrap_err();
        let said = "stable: somebody has given it v3 meanwhile, which is not overwritten by v2 (conflict)";
        assert_eq!(failure.to_string(), said);
    }

    #[test]
    fn what_an_earlier_release_saved_replaces_any() {
        let saved = r#"{"track":"stable","revision":"v2","replicas":3}"#;
        let spec: TrackSpec = serde_json::from_str(saved).unwrap();
        assert_eq!(spec, TrackSpec::new(Track::Stable, revision("v2"), Replicas::new(3)));
        assert_eq!(serde_json::to_string(&spec).unwrap(), saved);
    }
}

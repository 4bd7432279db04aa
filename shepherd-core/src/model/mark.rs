//! Who last wrote where traffic goes, and the rules by which the next write is let through.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Exposure, Failure, FailureKind, Reason, RolloutId, StageIndex};

/// Counts the owners of a target, across rollouts and restarts. A greater epoch is a later owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(u64);

/// Counts the decisions of a rollout, so that a late write can be told from the newest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(u64);

/// Who writes: every write outside carries it, and one with an older epoch is refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fence {
    /// The rollout that writes.
    pub rollout: RolloutId,
    /// The owner that drives it.
    pub epoch: Epoch,
}

/// Whether a rollout may still show its candidate to users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Traffic {
    /// It may.
    On,
    /// It has been taken back and never may again: off is absorbing.
    Off,
}

/// What a write leaves beside what it changes, in the same write: who made it, and in which stage.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mark {
    /// Who wrote.
    #[serde(flatten)]
    pub fence: Fence,
    /// The stage of the plan that asked for it.
    pub stage: StageIndex,
    /// Which decision of the rollout it is.
    pub generation: Generation,
    /// Whether the candidate may still be shown.
    pub traffic: Traffic,
    /// Why traffic was taken off, when it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Reason>,
}

/// One absolute routing write: the whole exposure, and the mark that goes with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Route {
    /// How users shall meet the candidate.
    pub exposure: Exposure,
    /// Who says so.
    pub mark: Mark,
}

impl Epoch {
    /// The epoch of this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The next owner's.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl Generation {
    /// The generation of this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The next decision's.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl Fence {
    /// Whether a claim by this owner is the first one of its rollout, where `stored` was written last. Which side is
    /// stable is decided then, and by no other claim.
    pub fn begins(&self, stored: Option<&Mark>) -> bool {
        stored.is_none_or(|mark| mark.fence.rollout != self.rollout)
    }

    /// Lets a write by this owner through where `stored` has written last.
    fn admit(&self, stored: &Fence) -> Result<(), Failure> {
        if stored.epoch > self.epoch {
            return Err(superseded(stored, self));
        }
        Ok(())
    }
}

impl Mark {
    /// Lets a write with this mark through where `stored` was written last. What a workload asks before it changes a
    /// track; a router asks [`admit`], which looks at the exposure too.
    ///
    /// # Errors
    /// [`FailureKind::Fenced`] when a later owner has been there, when the rollout was taken off and this write would
    /// bring it back, or when a later decision of the same rollout has been written.
    pub fn admit(&self, stored: Option<&Mark>) -> Result<(), Failure> {
        let Some(stored) = stored else { return Ok(()) };
        self.fence.admit(&stored.fence)?;
        if stored.fence.rollout != self.fence.rollout {
            return Ok(());
        }
        if stored.traffic == Traffic::Off && self.traffic == Traffic::On {
            return Err(refused(format!(
                "rollout {} was taken off and is never raised again",
                stored.fence.rollout
            )));
        }
        if stored.generation > self.generation {
            return Err(refused(format!(
                "a late write of decision {}: decision {} has been written",
                self.generation, stored.generation
            )));
        }
        Ok(())
    }

    /// The mark after `fence` has claimed what `stored` marks: every later write of an older owner is refused.
    ///
    /// # Errors
    /// [`FailureKind::Fenced`] when a later owner has been there already.
    pub fn claimed(stored: Option<&Mark>, fence: &Fence) -> Result<Mark, Failure> {
        match stored {
            Some(mark) if mark.fence.epoch > fence.epoch => Err(superseded(&mark.fence, fence)),
            Some(mark) if mark.fence.rollout == fence.rollout => {
                Ok(Mark { fence: fence.clone(), ..mark.clone() })
            }
            _ => Ok(Mark {
                fence: fence.clone(),
                stage: StageIndex::FIRST,
                generation: Generation::default(),
                traffic: Traffic::On,
                cause: None,
            }),
        }
    }
}

/// Decides what a router that holds `stored` beside `current` may write when it is asked for `asked`.
///
/// Every adapter uses it inside the one write that it makes, so that all of them keep the same promises:
/// - an older owner writes nothing, whatever it asks for: what it takes for stable may be gone by now;
/// - once a rollout's traffic is off, no write of that rollout raises it;
/// - a late write of an earlier decision is refused; the same decision again is let through;
/// - an off is never late: whoever takes traffic off may do so before it knows what was decided last, and lowers only.
///
/// # Errors
/// [`FailureKind::Fenced`], naming who has been there.
pub fn admit(stored: Option<&Mark>, current: &Exposure, asked: &Route) -> Result<Route, Failure> {
    if asked.mark.traffic == Traffic::Off {
        stored.map_or(Ok(()), |stored| asked.mark.fence.admit(&stored.fence))?;
        return Ok(lowered(current, asked));
    }
    asked.mark.admit(stored)?;
    Ok(asked.clone())
}

/// An off only lowers, whatever stands there.
fn lowered(current: &Exposure, asked: &Route) -> Route {
    let exposure = Exposure {
        weight: asked.exposure.weight.min(current.weight),
        matches: asked.exposure.matches.iter().filter(|m| current.matches.contains(m)).cloned().collect(),
        mirror: asked.exposure.mirror.min(current.mirror),
    };
    Route { exposure, mark: asked.mark.clone() }
}

fn superseded(stored: &Fence, asked: &Fence) -> Failure {
    refused(format!(
        "epoch {} of rollout {} is over: epoch {} of rollout {} has taken over",
        asked.epoch, asked.rollout, stored.epoch, stored.rollout
    ))
}

fn refused(message: String) -> Failure {
    Failure::new(FailureKind::Fenced, "fence", message)
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Weight;

    fn fence(rollout: &str, epoch: u64) -> Fence {
        Fence { rollout: RolloutId::new(rollout).unwrap(), epoch: Epoch::new(epoch) }
    }

    fn route(rollout: &str, epoch: u64, generation: u64, percent: u32, traffic: Traffic) -> Route {
        let exposure = Exposure::weight(Weight::percent(percent).unwrap());
        let generation = Generation::new(generation);
        Route {
            exposure,
            mark: Mark {
                fence: fence(rollout, epoch),
                stage: StageIndex::FIRST,
                generation,
                traffic,
                cause: None,
            },
        }
    }

    fn ask(stored: &Route, asked: &Route) -> Result<Route, FailureKind> {
        admit(Some(&stored.mark), &stored.exposure, asked).map_err(|failure| failure.kind)
    }

    #[test]
    fn an_older_owner_writes_nothing() {
        let stored = route("web#1", 2, 4, 25, Traffic::On);
        for (percent, traffic) in [(50, Traffic::On), (10, Traffic::On), (0, Traffic::Off)] {
            assert_eq!(ask(&stored, &route("web#1", 1, 5, percent, traffic)), Err(FailureKind::Fenced));
        }
        assert_eq!(ask(&stored, &route("web#0", 1, 5, 0, Traffic::Off)), Err(FailureKind::Fenced));
    }

    #[test]
    fn off_is_absorbing_for_its_rollout_and_no_other() {
        let stored = route("web#1", 1, 4, 0, Traffic::Off);
        assert_eq!(ask(&stored, &route("web#1", 2, 9, 10, Traffic::On)), Err(FailureKind::Fenced));
        assert!(ask(&stored, &route("web#2", 2, 1, 10, Traffic::On)).is_ok());
    }

    #[test]
    fn an_off_never_raises_what_is_lower_already() {
        let stored = route("web#1", 1, 4, 10, Traffic::Off);
        let asked = route("web#1", 1, 5, 60, Traffic::Off);
        assert_eq!(ask(&stored, &asked).unwrap().exposure, stored.exposure);
    }

    #[test]
    fn an_off_is_never_late_and_nothing_raises_after_it() {
        let stored = route("web#1", 2, 9, 50, Traffic::On);
        let off = ask(&stored, &route("web#1", 2, 3, 0, Traffic::Off)).unwrap();
        assert!(off.exposure.is_off());
        assert_eq!(ask(&off, &route("web#1", 2, 10, 50, Traffic::On)), Err(FailureKind::Fenced));
    }

    #[test]
    fn a_late_write_is_refused_and_a_repeated_one_let_through() {
        let stored = route("web#1", 1, 4, 25, Traffic::On);
        assert_eq!(ask(&stored, &route("web#1", 1, 3, 10, Traffic::On)), Err(FailureKind::Fenced));
        assert!(ask(&stored, &stored).is_ok());
    }

    #[test]
    fn the_first_claim_of_a_rollout_is_told_from_its_later_ones() {
        let stored = route("web#1", 1, 4, 100, Traffic::On).mark;
        assert!(fence("web#1", 1).begins(None) && fence("web#2", 2).begins(Some(&stored)));
        assert!(!fence("web#1", 2).begins(Some(&stored)));
    }

    #[test]
    fn a_claim_keeps_what_the_same_rollout_marked() {
        let stored = route("web#1", 1, 4, 0, Traffic::Off).mark;
        let claimed = Mark::claimed(Some(&stored), &fence("web#1", 2)).unwrap();
        assert_eq!((claimed.traffic, claimed.generation), (Traffic::Off, Generation::new(4)));
        assert_eq!(Mark::claimed(Some(&claimed), &fence("web#1", 1)).unwrap_err().kind, FailureKind::Fenced);
        assert_eq!(Mark::claimed(Some(&claimed), &fence("web#3", 3)).unwrap().traffic, Traffic::On);
    }
}

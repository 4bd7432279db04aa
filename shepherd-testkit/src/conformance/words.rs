//! The names and marks that suites write with.

use shepherd_core::machine::EffectId;
use shepherd_core::model::{
    Epoch, Fence, Generation, Mark, Revision, RolloutId, StageIndex, Target, Traffic,
};

#[allow(clippy::expect_used, reason = "the text is a name: letters, a sign and a number")]
pub(super) fn rollout(nth: u64) -> RolloutId {
    RolloutId::new(format!("conformance#{nth}")).expect("a rollout's name")
}

#[allow(clippy::expect_used, reason = "the text is a name: letters and a number")]
pub(super) fn target(nth: usize) -> Target {
    format!("conformance/target-{nth}").parse().expect("a target's name")
}

#[allow(clippy::expect_used, reason = "the text is a name: letters and a number")]
pub(super) fn revision(nth: usize) -> Revision {
    Revision::new(format!("v{nth}")).expect("a revision's name")
}

pub(super) fn effect(nth: u64) -> EffectId {
    EffectId::new(nth)
}

/// The owner of `epoch` that drives the rollout of this number.
pub(super) fn fence(rollout_number: u64, epoch: u64) -> Fence {
    Fence { rollout: rollout(rollout_number), epoch: Epoch::new(epoch) }
}

/// A mark that lets the candidate be shown.
pub(super) fn on(fence: &Fence, generation: u64) -> Mark {
    Mark {
        fence: fence.clone(),
        stage: StageIndex::new(3),
        generation: Generation::new(generation),
        traffic: Traffic::On,
        cause: None,
    }
}

/// A mark that takes the candidate off for good.
pub(super) fn off(fence: &Fence, generation: u64) -> Mark {
    let cause = Some("error_rate was 7.5% > 5% for 2m, said \"prom\"".into());
    Mark { traffic: Traffic::Off, cause, ..on(fence, generation) }
}

//! What routers are asked for.

use shepherd_core::model::{
    Epoch, Exposure, Fence, Generation, Mark, Match, RolloutId, Route, StageIndex, Traffic, Weight,
};

/// The owner of `epoch` that drives the rollout of this number.
pub(crate) fn fence(rollout: u64, epoch: u64) -> Fence {
    Fence { rollout: RolloutId::new(format!("shop/web#{rollout}")).unwrap(), epoch: Epoch::new(epoch) }
}

/// What the first rollout decides in its first epoch.
pub(crate) fn shown(generation: u64, exposure: Exposure) -> Route {
    let (stage, generation) = (StageIndex::FIRST, Generation::new(generation));
    Route {
        exposure,
        mark: Mark { fence: fence(1, 1), stage, generation, traffic: Traffic::On, cause: None },
    }
}

pub(crate) fn on(generation: u64, percent: u32) -> Route {
    shown(generation, Exposure::weight(Weight::percent(percent).unwrap()))
}

/// The same rollout is taken back.
pub(crate) fn off(generation: u64) -> Route {
    let Route { exposure, mark } = on(generation, 0);
    Route { exposure, mark: Mark { traffic: Traffic::Off, ..mark } }
}

pub(crate) fn beta(generation: u64) -> Route {
    shown(generation, Exposure::matching([header("x-beta", "1")]))
}

pub(crate) fn header(name: &str, value: &str) -> Match {
    Match::Header { name: name.to_owned(), value: value.to_owned() }
}

pub(crate) fn cookie(name: &str, value: &str) -> Match {
    Match::Cookie { name: name.to_owned(), value: value.to_owned() }
}

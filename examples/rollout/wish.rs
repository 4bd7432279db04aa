//! What is asked of one rollout: everything that must be the same when another process goes on with it.

use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use shepherd_core::driver::RolloutBuilder;
use shepherd_core::guard::Guard;
use shepherd_core::model::{Weight, WeightError};
use shepherd_core::plan::{Attention, Recovery, Unattended};
use shepherd_core::strategy::{AbTest, BlueGreen, Canary, Rolling};

use crate::ground::behaviour::Behaviour;
use crate::ground::pool::Catalogue;

/// The version that serves, and the one that is rolled out.
pub(crate) const STABLE: &str = "v1";
pub(crate) const CANDIDATE: &str = "v2";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    pub(crate) strategy: StrategyKind,
    pub(crate) candidate: CandidateKind,
    /// The canary's; none for its own.
    pub(crate) weights: Option<Vec<Weight>>,
    pub(crate) interval: Duration,
    pub(crate) guards: Vec<Guard>,
    pub(crate) replicas: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StrategyKind {
    /// Server by server, without a router
    Rolling,
    /// A second set of servers, then everybody at once
    BlueGreen,
    /// More and more of the traffic, watched at each step
    Canary,
    /// First the requests with `x-beta: 1` or the cookie `beta=1`, then all
    Ab,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CandidateKind {
    /// As good as v1
    Healthy,
    /// Every fifth answer is a 500
    Failing,
    /// Every answer takes 400 ms longer
    Slow,
    /// Each server dies at its 40th request
    Crashing,
    /// Each request makes all later ones 4 ms slower
    Leaking,
}

impl Wish {
    pub(crate) fn catalogue(&self) -> Catalogue {
        let candidate = match self.candidate {
            CandidateKind::Healthy => Behaviour::Healthy,
            CandidateKind::Failing => Behaviour::FAILING,
            CandidateKind::Slow => Behaviour::SLOW,
            CandidateKind::Crashing => Behaviour::CRASHING,
            CandidateKind::Leaking => Behaviour::LEAKING,
        };
        Catalogue::from([(STABLE.into(), Behaviour::Healthy), (CANDIDATE.into(), candidate)])
    }

    /// Whether a router takes part.
    pub(crate) fn routed(&self) -> bool {
        self.strategy != StrategyKind::Rolling
    }

    pub(crate) fn apply(&self, rollout: RolloutBuilder) -> Result<RolloutBuilder, WeightError> {
        let rollout = self.guards.iter().cloned().fold(rollout, RolloutBuilder::guard);
        self.with_strategy(rollout.attention(attention()))
    }

    fn with_strategy(&self, rollout: RolloutBuilder) -> Result<RolloutBuilder, WeightError> {
        let interval = self.interval;
        let a_second = Duration::from_secs(1);
        let recovery = Recovery::default().drain(a_second).ready_within(a_second);
        Ok(match self.strategy {
            StrategyKind::Rolling => rollout.strategy(Rolling::new().settle(interval).recovery(recovery)),
            StrategyKind::BlueGreen => rollout.strategy(BlueGreen::new().grace(interval).recovery(recovery)),
            StrategyKind::Ab => {
                let beta = AbTest::by_header("x-beta", "1").or_cookie("beta", "1");
                rollout.strategy(beta.lasting(interval).settle(interval).recovery(recovery))
            }
            StrategyKind::Canary => {
                let canary = match self.weights.clone() {
                    Some(weights) => Canary::weights(weights)?,
                    None => Canary::default(),
                };
                rollout.strategy(canary.every(interval).recovery(recovery))
            }
        })
    }
}

/// Twice a second, since the whole of it takes half a minute. While nobody drives it the service itself is down and
/// hurts nobody, so that one may come back to it much later; after a day nobody means it any more.
fn attention() -> Attention {
    const A_DAY: Duration = Duration::from_hours(24);
    let twice_a_second = Attention::default().every(Duration::from_millis(500));
    twice_a_second.call_timeout(Duration::from_secs(5)).unattended(A_DAY, Unattended::RollBack)
}

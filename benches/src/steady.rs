use std::time::Duration;

use shepherd_core::machine::{Answer, Effect, EffectId, Input, Machine, Step};
use shepherd_core::model::{Epoch, Metric, Now, RolloutId};

use crate::{Ground, Shape, baking};

/// A machine in its steady state: it bakes in the last but two of its stages, between two rounds.
#[derive(Clone)]
pub struct Steady {
    /// The machine.
    pub machine: Machine,
    now: Now,
    ground: Ground,
    metrics: Vec<Metric>,
}

impl Steady {
    /// A machine of such a plan, brought there by an outside in which all is well.
    ///
    /// # Panics
    /// When it does not come there.
    #[allow(clippy::expect_used, reason = "a benchmark of something else must not go on")]
    pub fn of(shape: Shape) -> Self {
        let plan = baking(shape);
        let last_bake = shape.stages - 3;
        let ground = Ground::serving(plan.stable().clone());
        let rollout = RolloutId::new("shop/web#1").expect("an id");
        let machine = Machine::start(plan, rollout, Epoch::new(1), Now::default());
        let metrics = machine.metrics().to_vec();
        let mut steady = Self { machine, now: Now::default(), ground, metrics };
        for _ in 0..10 * shape.stages + 100 {
            steady.round();
            if usize::from(steady.machine.status().index) == last_bake {
                // The first rounds of a stage are not like those that follow.
                (0..10).for_each(|_| steady.round());
                return steady;
            }
        }
        panic!("it never baked: {:?}", steady.machine.status());
    }

    /// The machine's time goes on to when it wants to be stepped, and it is told so.
    pub fn tick(&mut self) -> Step {
        self.pass(self.machine.pending().wake_in.unwrap_or_default());
        self.machine.step(self.now, Input::Tick)
    }

    /// What it waits for is answered, one by one.
    pub fn answer_all(&mut self) {
        while let Some((id, answer)) = self.next_answer(|_| true) {
            let _ = self.machine.step(self.now, Input::Answered { effect: id, answer });
        }
    }

    /// One beat: a tick that begins a round, and the answers that end it.
    pub fn round(&mut self) {
        let _ = self.tick();
        self.answer_all();
    }

    /// The answer to the first outstanding effect of a kind.
    pub fn next_answer(&self, wanted: impl Fn(&Effect) -> bool) -> Option<(EffectId, Answer)> {
        let pending = self.machine.pending().effects;
        let (id, effect) = pending.into_iter().find(|(_, effect)| wanted(effect))?;
        Some((id, self.ground.perform(effect, &self.metrics)))
    }

    /// The time of the next step.
    pub fn now(&self) -> Now {
        self.now
    }

    fn pass(&mut self, time: Duration) {
        self.now = Now { wall: self.now.wall + time, elapsed: self.now.elapsed + time };
    }
}

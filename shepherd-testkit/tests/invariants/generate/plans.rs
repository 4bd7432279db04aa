//! The plan that a case asks for.

use shepherd_core::model::{Exposure, Match, Replicas, RouterCapabilities, Track, Weight};
use shepherd_core::plan::{
    Approval, Attention, Change, GateCheck, Mode, OnFailure, Plan, PlanBuilder, Promotion, Recovery,
};
use shepherd_core::strategy::{AbTest, BlueGreen, Canary, Count, Rolling, Strategy as _};

use super::{Asked, Shape, Step, actor, percent, revision, secs};

impl Asked {
    fn change(&self) -> Change {
        let router = RouterCapabilities::weighted().with_matches().with_mirror().with_swaps();
        let router = if self.router.coarse { router.finest_weight(percent(5)) } else { router };
        let router = if self.router.fenced { router } else { router.unfenced() };
        let attention = Attention::default()
            .every(secs(self.beat))
            .call_timeout(secs(10))
            .blind(secs(90))
            .unattended(secs(900), shepherd_core::plan::Unattended::Hold);
        let change = Change::new("shop/web".parse().unwrap(), revision("v1"), revision("v2"))
            .replicas(Replicas::new(self.replicas))
            .router(router.settling(secs(self.router.settle)))
            .attention(attention);
        if self.guarded { change.guard("error_rate > 5% for 20s".parse().unwrap()) } else { change }
    }

    fn recovery(&self) -> Recovery {
        Recovery::default().drain(secs(self.drain)).deadline(secs(120))
    }

    /// Without marks the sides cannot change roles.
    fn promotion(&self, swap: bool) -> Promotion {
        if swap && self.router.fenced { Promotion::Swap } else { Promotion::Copy }
    }

    /// The plan; the generators ask for nothing that is no plan.
    pub(crate) fn plan(&self) -> Plan {
        let (mut change, recovery) = (self.change(), self.recovery());
        let plan = match &self.shape {
            Shape::Canary { weights, bake, confirmed, swap } => {
                let canary = Canary::weights(weights.iter().copied()).unwrap().every(secs(*bake));
                let canary = if *confirmed { canary.confirmed() } else { canary };
                canary.promotion(self.promotion(*swap)).recovery(recovery).plan(&change)
            }
            Shape::Ratio { weights, bake } => {
                change.router = None;
                let canary = Canary::weights(weights.iter().copied()).unwrap().every(secs(*bake));
                canary.recovery(recovery).plan(&change)
            }
            Shape::BlueGreen { checked, approved, bake, keep_old } => {
                let plan =
                    BlueGreen::new().grace(secs(*bake)).recovery(recovery).promotion(self.promotion(true));
                let plan = if *checked { plan.check(gate()) } else { plan };
                let plan = if *approved { plan.approved_by(Approval::of_anybody(1)) } else { plan };
                (if *keep_old { plan.keep_old() } else { plan }).plan(&change)
            }
            Shape::Rolling { surge, unavailable, settle } => {
                change.router = None;
                Rolling::new()
                    .max_surge(Count::number(*surge))
                    .max_unavailable(Count::number(*unavailable))
                    .settle(secs(*settle))
                    .progress_deadline(secs(240))
                    .recovery(recovery)
                    .plan(&change)
            }
            Shape::AbTest { few, bake, approved } => {
                let plan = AbTest::by_header("x-beta", "1").or_cookie("beta", "1");
                let plan = plan.lasting(secs(*bake)).settle(secs(*bake)).recovery(recovery);
                let plan = if *few { plan.replicas(Replicas::new(1)) } else { plan };
                (if *approved { plan.approved_by(Approval::of_anybody(1)) } else { plan }).plan(&change)
            }
            Shape::ByHand { steps, swap, bake } => self
                .by_hand(&change, steps, *bake)
                .promotion(self.promotion(*swap))
                .recovery(recovery)
                .build(),
        };
        plan.unwrap_or_else(|error| panic!("{error}\n{self:#?}"))
    }

    fn by_hand(&self, change: &Change, steps: &[Step], bake: u32) -> PlanBuilder {
        let all = Replicas::new(self.replicas);
        let mut plan = Plan::builder(change, "by hand").mode(Mode::Split);
        let (mut before, mut stable, mut candidate) = (Exposure::OFF, all, Replicas::ZERO);
        for step in steps {
            let beta = Match::Header { name: "x-beta".into(), value: "1".into() };
            let exposure = if step.matches { Exposure::matching([beta]) } else { Exposure::OFF };
            let exposure = exposure.with_weight(percent(step.percent)).mirrored(percent(step.mirror));
            if !exposure.raises(&before) || exposure.weight < before.weight || before.is_full() {
                continue;
            }
            // Copies are traffic too, and the scale never goes below what is there.
            let load = step.percent * 100 + (100 - step.percent) * step.mirror;
            let load = all.for_weight(Weight::hundredths(load).unwrap()).max(Replicas::new(1));
            if load > candidate {
                plan = plan.scale(Track::Candidate, load);
                candidate = load;
            }
            plan = if step.checked { plan.check(gate()) } else { plan };
            plan = if step.hooked { plan.hook("tell".parse().unwrap()) } else { plan };
            plan = if step.approved {
                plan.approve(Approval::of(1, [actor("ada"), actor("bob")]))
            } else {
                plan
            };
            let rest = all.for_weight(exposure.weight.rest());
            plan = plan.expose(exposure.clone()).bake(secs(bake));
            plan = if self.pauses { plan.on_failure(OnFailure::Pause) } else { plan };
            if step.shrinks_stable && rest < stable {
                plan = plan.scale(Track::Stable, rest);
                stable = rest;
            }
            before = exposure;
        }
        if !before.is_full() {
            plan = if candidate < all { plan.scale(Track::Candidate, all) } else { plan };
            plan = plan.weight(Weight::FULL).bake(secs(bake));
        }
        plan = plan.promote();
        match &self.shape {
            Shape::ByHand { swap, .. } if self.promotion(*swap) == Promotion::Swap => {
                plan.retire(Track::Stable, secs(self.drain))
            }
            _ => plan.expose(Exposure::OFF).retire(Track::Candidate, secs(self.drain)),
        }
    }
}

fn gate() -> GateCheck {
    GateCheck::new("smoke".parse().unwrap()).every(secs(5)).passes(2).failures(1)
}

//! What a case happens in, and the simulation of both.

use shepherd_core::model::{Exposure, Replicas, Track};
use shepherd_core::plan::{Mode, Plan};
use shepherd_testkit::faults::FaultPlan;
use shepherd_testkit::simulation::Simulation;
use shepherd_testkit::world::{Behaviour, World};

use super::{Broken, Candidate, Case, EDITED, Lever, Twist, percent, revision, secs};

impl Case {
    /// A world in which each replica that the plan counts is needed for its users; the plan counts no replica for the
    /// few who match, so there is that much to spare.
    pub(crate) fn world(&self, plan: &Plan) -> World {
        let v2 = Behaviour::new().start_up(secs(self.nature.start_up));
        let v2 = match self.nature.candidate {
            Candidate::Well => v2,
            Candidate::Failing => v2.error_rate(0.5),
            Candidate::FailingFrom(age) => v2.error_rate(shepherd_testkit::world::Curve::of(move |moment| {
                if moment.age >= secs(age) { 0.5 } else { 0.0 }
            })),
            Candidate::NeverReady => v2.never_ready(),
            Candidate::Stuck => v2.stuck("ErrImagePull"),
            Candidate::Crashing(after) => v2.crashes_after(secs(after)),
        };
        let least = match plan.mode() {
            Mode::InPlace(headroom) | Mode::Ratio(headroom) => {
                plan.replicas().get() - headroom.unavailable.get().min(plan.replicas().get())
            }
            _ => plan.replicas().get(),
        };
        // Where all may be unavailable, none is needed.
        let least = if least == 0 { 1e-12 } else { f64::from(least) };
        World::of(plan)
            .load(60.0 * f64::from(plan.replicas().get()))
            .capacity(66.0 * f64::from(plan.replicas().get()) / least)
            .matching(0.02)
            .propagation(secs(self.nature.propagation))
            .behaviour(revision("v2"), v2)
            .gate("smoke".parse().unwrap(), self.nature.verdicts.iter().map(|said| said.verdict()))
    }

    pub(crate) fn simulation(&self) -> Simulation {
        let plan = self.plan.plan();
        let world = self.world(&plan);
        let mut faults = FaultPlan::new();
        for Broken { call, first, many, fault } in &self.faults {
            faults = faults.between(*call, *first, first.saturating_add(*many - 1), *fault);
        }
        let mut simulation = Simulation::new(plan, world).faults(faults).limit(secs(3600));
        for (at, lever) in &self.levers {
            simulation = simulation.at(secs(*at), lever.by(), lever.command());
        }
        for (at, twist) in self.twists.clone() {
            simulation = simulation.twist(secs(at), move |world, now| match twist {
                Twist::BreakStable(pods) => world.break_replicas(now, Track::Stable, Replicas::new(pods)),
                Twist::BreakCandidate(pods) => {
                    world.break_replicas(now, Track::Candidate, Replicas::new(pods));
                }
                Twist::EditStable => world.edit(now, Track::Stable, revision(EDITED)),
                Twist::Meddle(weight) => world.meddle(now, Exposure::weight(percent(weight))),
            });
        }
        for killed in &self.crashes {
            simulation = simulation.crash(killed.crash());
        }
        simulation
    }

    /// The same with people pulling this lever at this second.
    pub(crate) fn lever(&self, at: u32, lever: Lever) -> Self {
        let mut case = self.clone();
        case.levers.push((at, lever));
        case
    }
}

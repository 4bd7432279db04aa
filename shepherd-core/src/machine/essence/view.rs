//! Each part of the state as an essence tells it.

use std::mem::discriminant;
use std::time::Duration;

use super::super::outstanding::Outstanding;
use super::super::rollout_machine::Machine;
use super::super::state::{
    Attach, Course, Hold, RecoveryRun, Round, RoutingWanted, Seen, StageRun, State, TrackWanted,
};
use super::super::{Cause, Effect, EffectId};
use super::{Asked, Back, Beat, Hands, Held, Looks, Run, Shown, Side, Sight, Tells};
use crate::model::{Elapsed, Mark, Track, TrackState};
use crate::plan::SHORTEST_POLL;

/// A machine, read relative to now.
pub(super) struct View<'a> {
    machine: &'a Machine,
    state: &'a State,
}

/// A little more than a limit that must be passed.
const MORE: Duration = Duration::from_millis(1);

impl<'a> View<'a> {
    pub(super) fn of(machine: &'a Machine) -> Self {
        Self { machine, state: &machine.state }
    }

    pub(super) fn until(&self, at: Elapsed) -> Duration {
        at - self.machine.now()
    }

    fn age(&self, at: Elapsed, limit: Duration) -> Duration {
        (self.machine.now() - at).min(limit)
    }

    fn looking(&self) -> bool {
        self.state.outstanding.any(Effect::is_observation)
    }

    fn tells(&self, since: EffectId) -> Tells {
        let coming = |wanted: fn(&Effect) -> bool| {
            self.state.outstanding.iter().any(|(id, effect)| wanted(effect) && id >= since)
        };
        Tells {
            seen: self.state.seen.workload.as_ref().is_some_and(|(id, _)| *id >= since),
            workload: coming(|effect| matches!(effect, Effect::ObserveWorkload)),
            routing: coming(|effect| matches!(effect, Effect::ObserveRouting)),
        }
    }

    pub(super) fn back(&self, course: &Course) -> Option<Back> {
        let Course::Recovery(recovery) = course else { return None };
        let RecoveryRun { cause, since, alarm_at, off_decided, off_since, forced, stable_intact } = recovery;
        let drain = self.machine.plan.recovery().drain + self.machine.settle();
        Some(Back {
            aborted: cause.is_abort(),
            found_off: matches!(cause, Cause::FoundOff(_)),
            age: self.age(*since, self.machine.plan.attention().call_timeout),
            alarm_in: self.until(*alarm_at),
            off_decided: *off_decided,
            off_for: off_since.map(|since| self.age(since, drain)),
            forced: *forced,
            stable_intact: *stable_intact,
        })
    }

    pub(super) fn run(&self, run: &StageRun) -> Run {
        let StageRun {
            index,
            // For people: how long it waits.
            entered: _,
            first,
            deadline,
            unwritten_since,
            observed,
            credit_from,
            approvals,
            passes,
            failures,
            next_try,
            acted,
            failed,
            said: _,
        } = run;
        let limit = self.machine.plan.attention().max_gap + MORE;
        // A round under way counts from its own beginning, and the next one from its own.
        let until = if self.looking() { self.state.round.started } else { self.machine.now() };
        Run {
            index: *index,
            deadline: deadline.map(|deadline| self.until(deadline)),
            unwritten: unwritten_since.map(|since| self.age(since, self.machine.plan.attention().blind)),
            looked: self.tells(*first),
            routes_seen: self.state.seen.routing.as_ref().is_some_and(|(id, _)| id >= first),
            observed: *observed,
            credited: credit_from.map(|from| (until - from).min(limit)),
            approvals: approvals.clone(),
            passes: *passes,
            failures: *failures,
            next_try: self.until(*next_try),
            acted: acted.map(|acted| self.age(acted, self.machine.drain())),
            failed: *failed,
        }
    }

    /// Who goes on moves what was to come by the time of the pause.
    pub(super) fn held(&self, hold: &Hold) -> Held {
        let Hold { reason: _, since } = hold;
        let run = &self.state.run;
        let unwritten = run.unwritten_since.map(|unwritten| (*since - unwritten, unwritten - *since));
        Held { left: run.deadline.map(|deadline| deadline - *since), unwritten }
    }

    pub(super) fn shown(&self, routing: &RoutingWanted) -> Shown {
        let RoutingWanted { exposure, confirmed, decided, accepted, in_effect, raised, late_raises } =
            routing;
        let limit = self.machine.settle() + self.machine.plan.recovery().drain;
        Shown {
            exposure: exposure.clone(),
            confirmed: confirmed.clone(),
            decided: *decided,
            accepted: accepted.map(|accepted| self.tells(accepted)),
            in_effect: in_effect.map(|since| self.age(since, limit)),
            raised: *raised,
            // A router that holds fences refuses them; nobody waits for them then.
            late_raises: if self.machine.fenced() { Vec::new() } else { late_raises.clone() },
        }
    }

    pub(super) fn side(&self, track: Track, wanted: &TrackWanted) -> Side {
        let TrackWanted { revision, replicas, accepted } = wanted;
        let seen = self.state.workload().map(|workload| {
            let TrackState { revision, desired, ready, failing, awaits, unreached: _, mark: _ } =
                workload.track(track);
            Sight {
                revision: revision.clone(),
                desired: *desired,
                ready: *ready,
                failing: failing.is_some(),
                awaits: awaits.is_some(),
            }
        });
        let accepted = accepted.map(|accepted| self.tells(accepted));
        Side { revision: revision.clone(), replicas: *replicas, accepted, seen }
    }

    pub(super) fn hands(&self, attach: &Attach) -> Hands {
        let Attach { routing_claimed, workload_claimed, began, done, workload_marked, routing_marked, told } =
            *attach;
        let limit = self.machine.plan.attention().blind + MORE;
        let began = began.filter(|_| !done).map(|began| self.age(began, limit));
        Hands {
            routing: routing_claimed,
            workload: workload_claimed,
            began,
            done,
            marked: [workload_marked, routing_marked],
            told: (!done).then_some(told),
        }
    }

    /// After so long it is looked again as rarely as ever; at once, where the plan looks as often as it can.
    fn longest_wait(&self) -> Duration {
        let poll = self.machine.derived.poll;
        if poll > SHORTEST_POLL { poll * 4 } else { Duration::ZERO }
    }

    pub(super) fn looks(&self, seen: &Seen, round: &Round) -> Looks {
        let Seen { workload: _, routing, blind_since, blind_failure: _, starved_since, deserted_since } =
            seen;
        let Round { due, started, awaiting, first, measured_at, failed, again, all_clear, noted: _ } = round;
        let attention = self.machine.plan.attention();
        let measures = !self.machine.metrics().is_empty();
        let round = if self.looking() {
            Beat::UnderWay {
                age: self.age(*started, attention.max_gap + MORE),
                outdated: *first < self.state.run.first,
                failed: *failed,
                again: *again,
                all_clear: *all_clear,
            }
        } else {
            Beat::Due(self.until(*due))
        };
        Looks {
            exposure: routing.as_ref().map(|(_, routing)| routing.exposure.clone()),
            blind: blind_since.map(|since| self.age(since, attention.blind + MORE)),
            awaited: self.age(*awaiting, self.longest_wait()),
            starved: starved_since.map(|since| self.age(since, attention.max_gap + MORE)),
            deserted: deserted_since.map(|since| self.age(since, attention.max_gap + MORE)),
            measured: measured_at
                .filter(|_| measures)
                .map(|at| self.age(at, attention.max_gap + attention.beat)),
            round,
        }
    }
}

pub(super) fn asked(outstanding: &Outstanding) -> Vec<Asked> {
    let asked = |effect: &Effect| {
        let told = |mark: &Mark| (mark.generation, mark.traffic);
        let kind = discriminant(effect);
        let nothing = Asked { kind, exposure: None, spec: None, mark: None };
        match effect {
            Effect::Route(route) => {
                Asked { exposure: Some(route.exposure.clone()), mark: Some(told(&route.mark)), ..nothing }
            }
            Effect::Deploy { spec, mark } => {
                let spec = (spec.track, spec.revision.clone(), spec.replicas);
                Asked { spec: Some(spec), mark: Some(told(mark)), ..nothing }
            }
            // What gate or hook it is follows from the stage.
            _ => nothing,
        }
    };
    outstanding.iter().map(|(_, effect)| asked(effect)).collect()
}

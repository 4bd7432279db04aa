use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use shepherd_core::machine::{
    Answer, Command, Effect, EffectId, Event, Input, Machine, Outcome, Save, Snapshot, SnapshotError,
};
use shepherd_core::model::{Actor, Elapsed, Epoch, Failure, FailureKind, Metric, Now, RolloutId};

use super::queue::{Due, Queue, Then};
use super::{Crash, Ended, Glance, Kept, Refused, SimReport, Simulation, Wire};
use crate::clock::DAWN;
use crate::faults::{Call, Fault, Faults, Garbage};
use crate::world::World;

/// How long saves that may wait are joined, and how long a failed one waits before it is tried again.
const JOINED: Duration = Duration::from_secs(2);
const AGAIN: Duration = Duration::from_millis(500);
/// More steps in one instant than any decision needs.
const SPINNING: u32 = 10_000;

/// A simulation under way.
pub(super) struct Run<'a> {
    look: &'a mut dyn FnMut(&Glance<'_>),
    world: World,
    faults: Faults,
    latencies: BTreeMap<Call, Duration>,
    crashes: Vec<Crash>,
    queue: Queue,
    limit: Elapsed,
    now: Elapsed,
    process: Option<Process>,
    processes: u32,
    /// What the store holds.
    stored: Snapshot,
    /// What the next process is to know instead, when everything was kept.
    kept: Option<Snapshot>,
    missed: Vec<(Actor, Command)>,
    steps: u64,
    steps_now: u32,
    saves: u64,
    outcome: Option<Outcome>,
    events: Vec<Event>,
    refused: Vec<Refused>,
}

/// What drives, and dies with a crash.
struct Process {
    nth: u32,
    machine: Machine,
    metrics: Vec<Metric>,
    call_timeout: Duration,
    began: Elapsed,
    stepped: Elapsed,
    started: BTreeSet<EffectId>,
    /// Counts the states that must be saved at once, and those of them that are.
    wanted: u64,
    saved: u64,
    saving: bool,
    saving_soon: bool,
    /// The last save failed: nothing is brought forward until one succeeds.
    failing: bool,
}

impl<'a> Run<'a> {
    pub(super) fn of(simulation: Simulation, look: &'a mut dyn FnMut(&Glance<'_>)) -> Self {
        let Simulation { plan, world, faults, latencies, crashes, queue, limit } = simulation;
        let epoch = Epoch::new(1);
        let rollout = RolloutId::of(plan.target(), epoch);
        let machine = Machine::start(plan, rollout, epoch, Now { wall: DAWN, elapsed: Elapsed::ZERO });
        let stored = machine.snapshot();
        let mut run = Self {
            look,
            world,
            faults: faults.into(),
            latencies,
            crashes,
            queue,
            limit: Elapsed::from(limit),
            now: Elapsed::ZERO,
            process: None,
            processes: 0,
            stored,
            kept: None,
            missed: Vec::new(),
            steps: 0,
            steps_now: 0,
            saves: 0,
            outcome: None,
            events: Vec::new(),
            refused: Vec::new(),
        };
        run.begin(machine);
        run
    }

    pub(super) fn finish(mut self) -> SimReport {
        loop {
            match self.turn() {
                Ok(None) => {}
                Ok(Some(ended)) => return self.report(ended),
                Err(error) => return self.report(Ended::Unreadable(error.to_string())),
            }
        }
    }

    /// Lets the next thing happen; answers when nothing will.
    fn turn(&mut self) -> Result<Option<Ended>, SnapshotError> {
        self.perform_pending();
        if self.is_over() {
            return Ok(Some(Ended::Done));
        }
        let wake = self.wake();
        let Some(next) = [self.queue.next(), wake].into_iter().flatten().min() else {
            return Ok(Some(Ended::Done));
        };
        if next > self.limit {
            return Ok(Some(Ended::OutOfTime));
        }
        if next > self.now {
            self.now = next;
            self.steps_now = 0;
        }
        match self.queue.take(self.now) {
            Some(due) => self.happens(due)?,
            None => self.step(Input::Tick),
        }
        Ok((self.steps_now > SPINNING).then_some(Ended::Spinning))
    }

    /// Nothing is left to do, and nothing that could still do harm is on its way.
    fn is_over(&self) -> bool {
        let done = self
            .process
            .as_ref()
            .is_some_and(|process| process.machine.is_done() && process.wanted == process.saved);
        done && !self.queue.any(|due| matches!(due, Due::Lands { .. } | Due::Resume))
    }

    fn wake(&self) -> Option<Elapsed> {
        let process = self.process.as_ref()?;
        let wait = process.machine.pending().wake_in?;
        Some((process.stepped + wait).max(self.now))
    }

    fn happens(&mut self, due: Due) -> Result<(), SnapshotError> {
        let current = self.process.as_ref().map(|process| process.nth);
        match due {
            Due::Lands { process, id, effect, then } => self.lands(process, id, &effect, then),
            Due::Heard { process, input } if current == Some(process) => self.step(input),
            Due::Saved { process, version, snapshot } if current == Some(process) => {
                self.saved(version, *snapshot);
            }
            Due::SaveAgain { process } if current == Some(process) => {
                if let Some(process) = &mut self.process {
                    (process.failing, process.saving) = (true, false);
                }
                self.save();
            }
            Due::SaveSoon { process } if current == Some(process) => {
                if let Some(process) = &mut self.process {
                    process.saving_soon = false;
                }
                self.save();
            }
            Due::Lever { by, command } => self.lever(by, command),
            Due::Twist(twist) => {
                self.world.advance(self.now);
                twist(&mut self.world, self.now);
            }
            Due::Resume => self.resume()?,
            Due::Heard { .. } | Due::Saved { .. } | Due::SaveAgain { .. } | Due::SaveSoon { .. } => {}
        }
        Ok(())
    }

    fn begin(&mut self, machine: Machine) {
        self.processes += 1;
        self.process = Some(Process {
            nth: self.processes,
            metrics: machine.metrics().to_vec(),
            call_timeout: machine.plan().attention().call_timeout,
            machine,
            began: self.now,
            stepped: self.now,
            started: BTreeSet::new(),
            // The first save keeps the plan, before anything outside knows of it.
            wanted: 1,
            saved: 0,
            saving: false,
            saving_soon: false,
            failing: false,
        });
        self.save();
        self.step(Input::Tick);
    }

    fn resume(&mut self) -> Result<(), SnapshotError> {
        let snapshot = self.kept.take().unwrap_or_else(|| self.stored.clone());
        let snapshot = Snapshot::decode(&snapshot.encode()?)?;
        let epoch = Epoch::new(u64::from(self.processes) + 1);
        self.begin(Machine::resume(snapshot, epoch)?);
        for (by, command) in std::mem::take(&mut self.missed) {
            self.lever(by, command);
        }
        Ok(())
    }

    fn lever(&mut self, by: Actor, command: Command) {
        if self.process.is_none() {
            self.missed.push((by, command));
            return;
        }
        self.step(Input::Commanded { by, command });
    }

    fn step(&mut self, input: Input) {
        let Some(process) = &mut self.process else { return };
        let (elapsed, wall) = (Elapsed::from(self.now - process.began), DAWN + (self.now - Elapsed::ZERO));
        let commanded = match &input {
            Input::Commanded { by, command } => Some((by.clone(), command.clone())),
            _ => None,
        };
        let heard = input.clone();
        let step = process.machine.step(Now { wall, elapsed }, input);
        (self.look)(&Glance {
            at: self.now,
            process: process.nth,
            input: &heard,
            step: &step,
            machine: &process.machine,
            writes: self.world.writes().len(),
        });
        process.stepped = self.now;
        self.steps += 1;
        self.steps_now += 1;
        self.events.extend(step.events);
        if let (Some(why), Some((by, command))) = (step.refused, commanded) {
            self.refused.push(Refused { at: self.now, by, command, why });
        }
        self.outcome = process.machine.outcome().cloned();
        match step.save {
            Save::No => {}
            Save::Soon if process.saving_soon => {}
            Save::Soon => {
                process.saving_soon = true;
                self.queue.add(self.now + JOINED, Due::SaveSoon { process: process.nth });
            }
            Save::Now => {
                process.wanted += 1;
                self.save();
            }
        }
        self.perform_pending();
        if let Some(nth) = self.crashes.iter().position(|crash| crash.step == self.steps) {
            let crash = self.crashes.swap_remove(nth);
            self.crash(crash);
        }
    }

    /// Begins to save, unless that is under way: what it does not hold is saved after it.
    fn save(&mut self) {
        let fault = match &mut self.process {
            Some(process) if !process.saving => {
                process.saving = true;
                self.faults.next(Call::Save)
            }
            _ => return,
        };
        let Some(process) = &self.process else { return };
        let latency = self.latencies.get(&Call::Save).copied().unwrap_or_default();
        let saved = Due::Saved {
            process: process.nth,
            version: process.wanted,
            snapshot: Box::new(process.machine.snapshot()),
        };
        let again = Due::SaveAgain { process: process.nth };
        let given_up = self.now + process.call_timeout;
        match fault {
            Some(Fault::Slow(time)) => self.queue.add(self.now + latency + time, saved),
            Some(Fault::Fail(_) | Fault::Panic) => self.queue.add(self.now + latency + AGAIN, again),
            Some(Fault::AnswerLost) => {
                self.stored = process.machine.snapshot();
                self.queue.add(given_up + AGAIN, again);
            }
            Some(Fault::Hang | Fault::Late(_)) => self.queue.add(given_up + AGAIN, again),
            None | Some(Fault::Garbage) => self.queue.add(self.now + latency, saved),
        }
    }

    fn saved(&mut self, version: u64, snapshot: Snapshot) {
        self.saves += 1;
        self.stored = snapshot;
        let Some(process) = &mut self.process else { return };
        (process.failing, process.saving) = (false, false);
        process.saved = process.saved.max(version);
        if process.saved < process.wanted {
            self.save();
        }
    }

    /// Begins what may begin: what is gated waits for all that must be saved at once.
    fn perform_pending(&mut self) {
        let Some(process) = &mut self.process else { return };
        let saved = process.saved == process.wanted && !process.failing;
        let pending = process.machine.pending().effects;
        let may_begin = |(id, effect): &(EffectId, &Effect)| {
            !process.started.contains(id) && (saved || !effect.is_gated())
        };
        let beginning: Vec<(EffectId, Effect)> =
            pending.into_iter().filter(may_begin).map(|(id, effect)| (id, effect.clone())).collect();
        let (nth, timeout) = (process.nth, process.call_timeout);
        process.started.extend(beginning.iter().map(|(id, _)| *id));
        for (id, effect) in beginning {
            self.perform(nth, timeout, id, effect);
        }
    }

    fn perform(&mut self, process: u32, timeout: Duration, id: EffectId, effect: Effect) {
        let call = Call::of(&effect);
        let fault = call.and_then(|call| self.faults.next(call));
        let latency = call.and_then(|call| self.latencies.get(&call)).copied().unwrap_or_default();
        let (done, given_up) = (self.now + latency, self.now + timeout);
        let fails = |failure| Due::Heard { process, input: Input::Failed { effect: id, failure } };
        let lands = |then| Due::Lands { process, id, effect, then };
        let silent =
            || fails(Failure::new(FailureKind::Transient, "simulation", "no answer within the time-out"));
        let queue = &mut self.queue;
        match fault {
            Some(Fault::Fail(kind)) => queue.add(done, fails(Fault::failure(kind))),
            Some(Fault::Panic) => {
                queue.add(
                    done,
                    fails(Failure::new(FailureKind::Permanent, "simulation", "the adapter panicked")),
                );
            }
            Some(Fault::Hang) => queue.add(given_up, silent()),
            Some(Fault::AnswerLost) => {
                queue.add(given_up, silent());
                queue.add(done, lands(Then::Silence));
            }
            Some(Fault::Late(after)) => {
                queue.add(given_up, silent());
                queue.add(given_up + after, lands(Then::Silence));
            }
            Some(Fault::Garbage) => queue.add(done, lands(Then::Garbage)),
            Some(Fault::Slow(time)) if latency + time > timeout => {
                queue.add(given_up, silent());
                queue.add(done + time, lands(Then::Silence));
            }
            Some(Fault::Slow(time)) => queue.add(done + time, lands(Then::Answer)),
            None => queue.add(done, lands(Then::Answer)),
        }
    }

    fn lands(&mut self, process: u32, id: EffectId, effect: &Effect, then: Then) {
        let answer = self.ask_world(effect);
        let answer = match then {
            Then::Silence => return,
            Then::Answer => answer,
            Then::Garbage => answer.map(garbage),
        };
        let input = match answer {
            Ok(answer) => Input::Answered { effect: id, answer },
            Err(failure) => Input::Failed { effect: id, failure },
        };
        self.queue.add(self.now, Due::Heard { process, input });
    }

    fn ask_world(&mut self, effect: &Effect) -> Result<Answer, Failure> {
        let (world, now) = (&mut self.world, self.now);
        let done = |()| Answer::Done;
        match effect {
            Effect::ClaimRouting(fence) => world.claim_routing(now, fence).map(done),
            Effect::ClaimWorkload(fence) => world.claim_workload(now, fence).map(done),
            Effect::ObserveRouting => world.routing(now).map(Answer::Routing),
            Effect::ObserveWorkload => Ok(Answer::Workload(world.workload(now))),
            Effect::Measure { cursor } => {
                let metrics =
                    self.process.as_ref().map(|process| process.metrics.clone()).unwrap_or_default();
                Ok(Answer::Measured(world.measure(now, &metrics, cursor.as_ref())))
            }
            Effect::Route(route) => world.route(now, route).map(done),
            Effect::Deploy { spec, mark } => world.deploy(now, spec, mark).map(done),
            Effect::Check { gate, track } => Ok(Answer::Checked(world.check(now, gate, *track))),
            _ => Ok(Answer::Done),
        }
    }

    fn crash(&mut self, crash: Crash) {
        let Some(process) = self.process.take() else { return };
        if crash.kept == Kept::All {
            self.kept = Some(process.machine.snapshot());
        }
        self.queue.retain(|due| match due {
            Due::Lands { then, .. } => crash.wire == Wire::Lands || *then == Then::Silence,
            _ => true,
        });
        self.queue.add(self.now + crash.down, Due::Resume);
    }

    fn report(mut self, ended: Ended) -> SimReport {
        self.world.advance(self.now);
        SimReport {
            outcome: self.outcome,
            ended,
            events: self.events,
            refused: self.refused,
            steps: self.steps,
            saves: self.saves,
            processes: self.processes,
            elapsed: self.now - Elapsed::ZERO,
            world: self.world,
        }
    }
}

fn garbage(answer: Answer) -> Answer {
    match answer {
        Answer::Routing(routing) => Answer::Routing(Garbage::garbage(routing)),
        Answer::Workload(workload) => Answer::Workload(Garbage::garbage(workload)),
        Answer::Measured(measurement) => Answer::Measured(Garbage::garbage(measurement)),
        Answer::Checked(verdict) => Answer::Checked(Garbage::garbage(verdict)),
        answer => answer,
    }
}

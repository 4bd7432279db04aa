//! What can happen to a small plan, breadth first and up to a bounded number of states: every order of answers, failures of each kind, lost
//! answers, late writes, ticks, kills, levers and replicas that come and go. A search of our own is smaller than a model
//! checker, and the machine is its own model: the states are those of the real machine, beside an outside that is no more
//! than marks and counts.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::time::Duration;

use shepherd_core::machine::{
    Answer, Command, Effect, EffectId, Happening, Input, Machine, Outcome, Phase, Snapshot,
};
use shepherd_core::model::{
    Elapsed, Epoch, Exposure, Failure, FailureKind, Mark, Now, Replicas, Revision, RolloutId, Routing,
    Timestamp, Track, TrackState, Traffic, WorkloadState, admit,
};
use shepherd_core::plan::{Attention, Change, Plan, Recovery};

use super::generate::{actor, revision};
use super::trail::{needed, ready};

/// Where traffic goes and what runs, without time.
#[derive(Clone, Debug, PartialEq)]
struct Outside {
    exposure: Exposure,
    mark: Option<Mark>,
    workload: WorkloadState,
    /// The rollout's traffic was taken off, by an accepted write.
    off: bool,
    /// The newest epoch that both claims were accepted from.
    claimed: [Epoch; 2],
}

/// How much more may go wrong on this path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Luck {
    failures: u8,
    late: u8,
    kills: u8,
    levers: u8,
    losses: u8,
}

#[derive(Clone)]
struct Node {
    machine: Machine,
    outside: Outside,
    now: Elapsed,
    /// The oldest snapshot that a kill may leave.
    saved: Snapshot,
    /// Writes whose caller has given up or is dead.
    late: Vec<Effect>,
    luck: Luck,
    /// What was last answered to this process about the replicas, and about the routing.
    look: Option<WorkloadState>,
    shown: Exposure,
    /// Effects that this process has offered already.
    offered: BTreeSet<EffectId>,
    raised: bool,
    touched: bool,
    back: bool,
    path: Vec<Does>,
}

#[derive(Clone, Debug, PartialEq)]
enum Does {
    Answers(EffectId),
    Fails(EffectId, FailureKind),
    /// It is done, and its caller hears of a time-out.
    LosesAnswer(EffectId),
    /// Its caller gives up; it is done some time later.
    Delays(EffectId),
    Lands(usize),
    Ticks,
    /// The process dies; its writes under way are lost, or arrive later.
    Dies {
        saved: bool,
        lands: bool,
    },
    Pulls(Command),
    Readies(Track),
    Loses(Track),
}

fn plan(replicas: u32) -> Plan {
    use shepherd_core::model::{RouterCapabilities, Weight};
    let change = Change::new("web".parse().unwrap(), revision("v1"), revision("v2"))
        .replicas(Replicas::new(replicas))
        .router(RouterCapabilities::weighted())
        .attention(Attention::default().every(Duration::from_secs(10)));
    Plan::builder(&change, "small")
        .recovery(Recovery::default().drain(Duration::from_secs(10)))
        .scale(Track::Candidate, Replicas::new(1))
        .weight(Weight::percent(50).unwrap())
        .bake(Duration::from_secs(10))
        .scale(Track::Candidate, Replicas::new(replicas))
        .weight(Weight::FULL)
        .promote()
        .expose(Exposure::OFF)
        .retire(Track::Candidate, Duration::from_secs(10))
        .build()
        .unwrap()
}

impl Outside {
    fn of(plan: &Plan) -> Self {
        let stable = TrackState {
            revision: Some(plan.stable().clone()),
            desired: plan.replicas(),
            ready: plan.replicas(),
            failing: None,
            mark: None,
        };
        let workload = WorkloadState { stable, candidate: TrackState::default() };
        Self { exposure: Exposure::OFF, mark: None, workload, off: false, claimed: [Epoch::default(); 2] }
    }

    fn side(&mut self, track: Track) -> &mut TrackState {
        match track {
            Track::Stable => &mut self.workload.stable,
            Track::Candidate => &mut self.workload.candidate,
        }
    }

    /// Does what is asked, or refuses it as every adapter must; and says what should never have been let through.
    fn perform(&mut self, effect: &Effect) -> Result<Result<Answer, Failure>, String> {
        Ok(match effect {
            Effect::ClaimRouting(fence) => Mark::claimed(self.mark.as_ref(), fence).map(|mark| {
                self.mark = Some(mark);
                self.claimed[0] = fence.epoch;
                Answer::Done
            }),
            Effect::ClaimWorkload(fence) => {
                let marks = Track::BOTH.map(|track| Mark::claimed(self.side(track).mark.as_ref(), fence));
                if let Some(Err(failure)) = marks.iter().find(|mark| mark.is_err()) {
                    return Ok(Err(failure.clone()));
                }
                for (track, mark) in Track::BOTH.into_iter().zip(marks) {
                    self.side(track).mark = mark.ok();
                }
                self.claimed[1] = fence.epoch;
                Ok(Answer::Done)
            }
            Effect::ObserveRouting => Ok(Answer::Routing(Routing {
                exposure: self.exposure.clone(),
                mark: self.mark.clone(),
                in_effect: true,
            })),
            Effect::ObserveWorkload => Ok(Answer::Workload(self.workload.clone())),
            Effect::Route(route) => match admit(self.mark.as_ref(), &self.exposure, route) {
                Err(failure) => Err(failure),
                Ok(route) => {
                    if route.mark.fence.epoch < self.claimed[0] {
                        return Err(format!(
                            "epoch {} routes after {}",
                            route.mark.fence.epoch, self.claimed[0]
                        ));
                    }
                    if self.off && route.exposure.raises(&self.exposure) {
                        return Err(format!("{} after off", route.exposure));
                    }
                    self.off |= route.mark.traffic == Traffic::Off;
                    (self.exposure, self.mark) = (route.exposure, Some(route.mark));
                    Ok(Answer::Done)
                }
            },
            Effect::Deploy { spec, mark } => {
                if let Err(failure) = mark.admit(self.side(spec.track).mark.as_ref()) {
                    Err(failure)
                } else {
                    if mark.fence.epoch < self.claimed[1] {
                        return Err(format!("epoch {} deploys after {}", mark.fence.epoch, self.claimed[1]));
                    }
                    self.deploy(&spec.revision, spec.track, spec.replicas, mark)?;
                    Ok(Answer::Done)
                }
            }
            _ => Ok(Answer::Done),
        })
    }

    fn deploy(
        &mut self,
        revision: &Revision,
        track: Track,
        replicas: Replicas,
        mark: &Mark,
    ) -> Result<(), String> {
        let exposure = self.exposure.clone();
        let side = self.side(track);
        let shrinks = replicas < side.desired;
        if side.revision.as_ref() != Some(revision) {
            side.ready = Replicas::ZERO;
        }
        side.revision = Some(revision.clone());
        side.desired = replicas;
        side.ready = side.ready.min(replicas);
        side.mark = Some(mark.clone());
        let share = if track == Track::Stable { exposure.weight.rest() } else { exposure.weight };
        if shrinks && replicas == Replicas::ZERO && !share.is_zero() {
            return Err(format!("{track} is ended under {share} of the traffic"));
        }
        Ok(())
    }
}

impl Node {
    fn start(plan: Plan, luck: Luck) -> Self {
        let (outside, rollout) = (Outside::of(&plan), RolloutId::of(plan.target(), Epoch::new(1)));
        let machine = Machine::start(plan, rollout, Epoch::new(1), Now::default());
        let mut node = Self {
            saved: machine.snapshot(),
            machine,
            outside,
            now: Elapsed::ZERO,
            late: Vec::new(),
            luck,
            look: None,
            shown: Exposure::OFF,
            offered: BTreeSet::new(),
            raised: false,
            touched: false,
            back: false,
            path: Vec::new(),
        };
        node.step(Input::Tick).unwrap();
        node
    }

    fn now(&self) -> Now {
        Now { wall: Timestamp::from_millis(self.now.as_millis()), elapsed: self.now }
    }

    fn pending(&self) -> Vec<(EffectId, Effect)> {
        let pending = self.machine.pending().effects;
        pending
            .into_iter()
            .filter(|(_, effect)| !matches!(effect, Effect::Notify(_)))
            .map(|(id, effect)| (id, effect.clone()))
            .collect()
    }

    /// Tells the machine, and judges what it decides by what it had been told.
    fn step(&mut self, input: Input) -> Result<(), String> {
        match &input {
            Input::Answered { answer: Answer::Workload(workload), .. } => self.look = Some(workload.clone()),
            Input::Answered { answer: Answer::Routing(routing), .. } => self.shown = routing.exposure.clone(),
            _ => {}
        }
        let (was_back, before) = (self.back, self.raised);
        let finds_off = matches!(&input, Input::Answered { answer: Answer::Routing(routing), .. }
            if routing.mark.as_ref().is_some_and(|mark| mark.traffic == Traffic::Off));
        let now = self.now();
        let step = self.machine.step(now, input);
        let triggered = step.events.iter().any(|event| matches!(event.what, Happening::Triggered(_)));
        self.back |= triggered;
        if finds_off && !self.back && self.machine.outcome().is_none() {
            return Err("it finds itself off, and goes on".to_owned());
        }
        // People are always told at once.
        let told: Vec<_> = self
            .machine
            .pending()
            .effects
            .into_iter()
            .filter(|(_, effect)| matches!(effect, Effect::Notify(_)))
            .map(|(id, _)| id)
            .collect();
        for effect in told {
            let _ = self.machine.step(now, Input::Answered { effect, answer: Answer::Done });
        }
        let plan = self.machine.plan().clone();
        let fresh: Vec<_> = self.pending().into_iter().filter(|(id, _)| self.offered.insert(*id)).collect();
        for (_, effect) in &fresh {
            self.judge(&plan, effect, was_back || triggered)?;
        }
        if triggered && before && self.machine.outcome().is_none() {
            let off = fresh.iter().find_map(|(_, effect)| match effect {
                Effect::Route(route) => Some(route.exposure.is_off()),
                _ => None,
            });
            let none_ready =
                self.look.as_ref().is_some_and(|look| ready(look, Track::Stable, plan.stable()) == 0);
            if off.is_none() || (off == Some(false) && !self.touched && !none_ready) {
                return Err(format!("{off:?} follows the trigger"));
            }
        }
        // What is gated begins only after the save that holds it.
        if fresh.iter().any(|(_, effect)| effect.is_gated()) {
            self.saved = self.machine.snapshot();
        }
        Ok(())
    }

    fn judge(&mut self, plan: &Plan, effect: &Effect, back: bool) -> Result<(), String> {
        match effect {
            Effect::Route(route) if back => {
                if route.mark.traffic == Traffic::On {
                    return Err(format!("{effect} on the way back"));
                }
            }
            Effect::Deploy { mark, .. } if back && mark.traffic == Traffic::On => {
                return Err(format!("{effect} on the way back"));
            }
            Effect::Route(route) => {
                self.raised |= !route.exposure.is_off();
                for track in Track::BOTH {
                    let enough = needed(plan, track, &route.exposure);
                    let grows = enough > needed(plan, track, &self.shown);
                    let revision = if track == Track::Stable && !route.exposure.is_off() {
                        plan.stable()
                    } else {
                        plan.candidate()
                    };
                    let seen = self.look.as_ref().map(|look| ready(look, track, revision));
                    if grows && seen.is_none_or(|ready| ready < enough) {
                        return Err(format!("{effect} on {seen:?} of {track}, needs {enough}"));
                    }
                }
            }
            Effect::Deploy { spec, .. } if spec.track == Track::Stable && !back => {
                self.touched |= spec.replicas < plan.replicas() || spec.revision != *plan.stable();
            }
            _ => {}
        }
        Ok(())
    }

    fn choices(&self) -> Vec<Does> {
        let mut choices = Vec::new();
        let pending = self.pending();
        // Observations change nothing outside: the first of them is answered before the others.
        let first_look = pending.iter().find(|(_, effect)| effect.is_observation()).map(|(id, _)| *id);
        for (id, effect) in &pending {
            if effect.is_observation() && Some(*id) != first_look {
                continue;
            }
            choices.push(Does::Answers(*id));
            if self.luck.failures > 0 {
                choices.push(Does::Fails(*id, FailureKind::Transient));
                if !effect.is_observation() {
                    choices.push(Does::Fails(*id, FailureKind::Permanent));
                    choices.push(Does::Fails(*id, FailureKind::Fenced));
                    choices.push(Does::LosesAnswer(*id));
                }
            }
            if self.luck.late > 0 && !effect.is_observation() {
                choices.push(Does::Delays(*id));
            }
        }
        choices.extend((0..self.late.len()).map(Does::Lands));
        // Time passes while calls are under way only on the paths on which they are late.
        if pending.is_empty() && self.machine.pending().wake_in.is_some() {
            choices.push(Does::Ticks);
        }
        if self.luck.kills > 0 {
            choices.extend(
                [(true, true), (true, false), (false, true), (false, false)]
                    .map(|(saved, lands)| Does::Dies { saved, lands }),
            );
        }
        if self.luck.levers > 0 && self.machine.outcome().is_none() {
            choices.push(Does::Pulls(Command::Abort { reason: "so".into() }));
            choices.push(Does::Pulls(Command::Promote));
            choices.push(Does::Pulls(Command::RollBack { reason: "so".into(), force: true }));
            choices.push(Does::Pulls(Command::Supersede { revision: revision("v3") }));
        }
        for track in Track::BOTH {
            let side = self.outside.workload.track(track);
            if side.ready < side.desired {
                choices.push(Does::Readies(track));
            }
            if side.ready > Replicas::ZERO && self.luck.losses > 0 {
                choices.push(Does::Loses(track));
            }
        }
        choices
    }

    fn after(&self, does: &Does) -> Result<Node, String> {
        let mut next = self.clone();
        next.path.push(does.clone());
        let effect = |id: &EffectId| {
            self.pending().into_iter().find(|(one, _)| one == id).map(|(_, effect)| effect).unwrap()
        };
        match does {
            Does::Answers(id) => {
                let input = match next.outside.perform(&effect(id))? {
                    Ok(answer) => Input::Answered { effect: *id, answer },
                    Err(failure) => Input::Failed { effect: *id, failure },
                };
                next.step(input)?;
            }
            Does::Fails(id, kind) => {
                next.luck.failures -= 1;
                next.step(Input::Failed { effect: *id, failure: Failure::new(*kind, "outside", "no") })?;
            }
            Does::LosesAnswer(id) => {
                next.luck.failures -= 1;
                let _ = next.outside.perform(&effect(id))?;
                next.step(timed_out(*id))?;
            }
            Does::Delays(id) => {
                next.luck.late -= 1;
                next.late.push(effect(id));
                next.step(timed_out(*id))?;
            }
            Does::Lands(nth) => {
                let effect = next.late.remove(*nth);
                let _ = next.outside.perform(&effect)?;
            }
            Does::Ticks => {
                let wait = next.machine.pending().wake_in.unwrap();
                next.now = next.now + wait.max(Duration::from_millis(1));
                next.step(Input::Tick)?;
            }
            Does::Dies { saved, lands } => {
                next.luck.kills -= 1;
                if *lands {
                    next.late.extend(
                        next.pending()
                            .into_iter()
                            .filter(|(_, effect)| !effect.is_observation())
                            .map(|(_, effect)| effect),
                    );
                }
                let snapshot = if *saved { next.saved.clone() } else { next.machine.snapshot() };
                let epoch = next.machine.epoch().next();
                next.machine =
                    Machine::resume(Snapshot::decode(&snapshot.encode().unwrap()).unwrap(), epoch).unwrap();
                (next.look, next.shown) = (None, Exposure::OFF);
                next.offered.clear();
                next.back = next.machine.status().phase == Phase::Recovering;
                next.step(Input::Tick)?;
            }
            Does::Pulls(command) => {
                next.luck.levers -= 1;
                next.step(Input::Commanded { by: actor("ada"), command: command.clone() })?;
            }
            Does::Readies(track) => {
                let side = next.outside.side(*track);
                side.ready = side.desired;
            }
            Does::Loses(track) => {
                next.luck.losses -= 1;
                let side = next.outside.side(*track);
                side.ready = Replicas::new(side.ready.get() - 1);
            }
        }
        next.at_rest()?;
        Ok(next)
    }

    /// What an end must leave.
    fn at_rest(&self) -> Result<(), String> {
        let plan = self.machine.plan();
        match self.machine.outcome() {
            Some(Outcome::RolledBack(_) | Outcome::Aborted(_)) if !self.outside.exposure.is_off() => {
                Err(format!("it was taken back, and {} is left", self.outside.exposure))
            }
            Some(Outcome::Promoted(_))
                if self.outside.workload.stable.revision.as_ref() != Some(plan.candidate()) =>
            {
                Err("it was promoted, and stable runs another".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// The same for two states that differ in nothing but how far their counters have come.
    fn canonical(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let told = format!("{:?}", self.machine);
        let state = &told[told.find("state: State").unwrap()..];
        let present = Present::of(state);
        present.relative(state).hash(&mut hasher);
        let rest = format!("{:?} {:?} {:?} {:?}", self.outside, self.late, self.look, self.shown);
        present.relative(&rest).hash(&mut hasher);
        if self.luck.kills > 0 {
            let saved = format!("{:?}", self.saved);
            present.relative(&saved[saved.find("state: State").unwrap()..]).hash(&mut hasher);
        }
        (self.luck, self.raised, self.touched, self.back).hash(&mut hasher);
        hasher.finish()
    }
}

fn timed_out(effect: EffectId) -> Input {
    Input::Failed { effect, failure: Failure::new(FailureKind::Transient, "outside", "no answer") }
}

/// How far the counters of a machine have come.
struct Present {
    next: u64,
    attended: u64,
    generation: u64,
}

impl Present {
    fn of(state: &str) -> Self {
        let after = |name: &str| -> u64 {
            let at = state.find(name).unwrap() + name.len();
            state[at..].split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
        };
        Self {
            next: after("outstanding: Outstanding { next: "),
            attended: after("attended: Elapsed("),
            generation: after("generation: Generation("),
        }
    }

    /// Counters become differences to the present, and hours on the wall nothing.
    fn relative(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut left = text;
        while let Some(at) = left.find(|c: char| c.is_ascii_digit()) {
            let (before, rest) = left.split_at(at);
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (number, rest) = rest.split_at(digits);
            out.push_str(before);
            let base = match before {
                _ if before.ends_with("EffectId(") => Some(self.next),
                _ if before.ends_with("Elapsed(") => Some(self.attended),
                _ if before.ends_with("Generation(") => Some(self.generation),
                _ => None,
            };
            match (base, number.parse::<u64>()) {
                _ if before.ends_with("Timestamp(") || before.ends_with("next: ") => {}
                (Some(base), Ok(number)) => out.push_str(&base.wrapping_sub(number).to_string()),
                _ => out.push_str(number),
            }
            left = rest;
        }
        out.push_str(left);
        out
    }
}

/// The states of a rollout to which nothing happens. The search begins at all of them at once, so that it reaches as far
/// into what may happen late as into what may happen early.
fn calm(first: Node) -> Vec<Node> {
    let mut path = vec![first];
    while let Some(node) = path.last().filter(|node| !node.machine.is_done()) {
        let choices = node.choices();
        let calm = choices.iter().find(|does| matches!(does, Does::Readies(_)));
        let calm =
            calm.or_else(|| choices.iter().find(|does| matches!(does, Does::Answers(_) | Does::Ticks)));
        let next = node.after(calm.unwrap()).unwrap();
        path.push(next);
    }
    assert!(matches!(path.last().unwrap().machine.outcome(), Some(Outcome::Promoted(_))));
    path
}

/// Looks at every state that can be reached within so many steps; answers how many there are.
fn search(plan: &Plan, luck: Luck, depth: usize, most: usize) -> (usize, usize, usize) {
    let mut queue = VecDeque::from(calm(Node::start(plan.clone(), luck)));
    let mut seen: HashSet<u64> = queue.iter().map(Node::canonical).collect();
    let (mut ended, mut deepest) = (0, 0);
    while let Some(node) = queue.pop_front() {
        deepest = deepest.max(node.path.len());
        if node.machine.is_done() && node.late.is_empty() {
            ended += 1;
            continue;
        }
        if node.path.len() >= depth || seen.len() >= most {
            continue;
        }
        for does in node.choices() {
            match node.after(&does) {
                Ok(next) => {
                    if seen.insert(next.canonical()) {
                        queue.push_back(next);
                    }
                }
                Err(wrong) => {
                    panic!("{wrong}, after {:#?} and {does:?}\n{:#?}", node.path, node.machine.status())
                }
            }
        }
    }
    (seen.len(), ended, deepest)
}

fn most() -> usize {
    if cfg!(debug_assertions) { 4_000 } else { 150_000 }
}

fn report(name: &str, luck: Luck, replicas: u32) {
    let (states, ended, deepest) = search(&plan(replicas), luck, 80, most());
    println!("{name}: {states} states, {ended} of them ends, up to {deepest} steps deep");
    assert!(states > 100);
}

const NONE: Luck = Luck { failures: 0, late: 0, kills: 0, levers: 0, losses: 0 };

#[test]
fn a_small_plan_with_every_failure() {
    report("failures", Luck { failures: if cfg!(debug_assertions) { 1 } else { 2 }, ..NONE }, 1);
}

#[test]
fn a_small_plan_with_kills_and_late_writes() {
    report("kills", Luck { kills: 1, late: 1, ..NONE }, 1);
}

#[test]
fn a_small_plan_with_levers_and_losses() {
    report("levers", Luck { levers: 1, losses: 1, ..NONE }, 2);
}

#[test]
fn a_small_plan_with_one_of_each() {
    report("one of each", Luck { failures: 1, late: 1, kills: 1, levers: 1, losses: 1 }, 1);
}

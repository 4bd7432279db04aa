//! One state of the search: the real machine, the outside beside it, and what else may still come of the past.

use std::collections::BTreeMap;
use std::rc::Rc;

use shepherd_core::machine::{Answer, Effect, EffectId, Essence, Event, Input, Machine, Save, Snapshot};
use shepherd_core::model::{Elapsed, Epoch, Failure, Now, RolloutId, Timestamp};
use shepherd_core::plan::Plan;

use super::Wrong;
use super::luck::Luck;
use super::outside::{Moment, Outside};
use super::witness::Witness;

#[derive(Clone)]
pub(super) struct Node {
    pub(super) machine: Machine,
    pub(super) outside: Outside,
    pub(super) now: Elapsed,
    /// The hour on the wall. It stands still, but where nobody drives for long.
    pub(super) wall: Timestamp,
    /// What a kill may leave: the last save that something waited for, and those asked for since.
    pub(super) kept: Vec<Kept>,
    /// Writes that may still land, though nobody waits for them any more.
    pub(super) wire: Vec<Effect>,
    /// What this process has begun, as it was then: a machine may number it anew while it is under way.
    pub(super) begun: BTreeMap<EffectId, Effect>,
    /// A look that was taken, and has not arrived.
    pub(super) taken: Option<(EffectId, Answer)>,
    pub(super) luck: Luck,
    pub(super) witness: Witness,
}

/// A save.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) snapshot: Rc<Snapshot>,
    pub(super) wall: Timestamp,
    /// What would come of it.
    pub(super) essence: Rc<Essence>,
    /// Whatever brings the candidate forward later waits for it.
    pub(super) waited_for: bool,
}

impl Kept {
    fn of(machine: &Machine, wall: Timestamp, waited_for: bool) -> Self {
        let snapshot = machine.snapshot();
        let resumed = Machine::resume(snapshot.clone(), machine.epoch().next()).unwrap();
        Self { snapshot: Rc::new(snapshot), wall, essence: Rc::new(Essence::of(&resumed)), waited_for }
    }
}

/// What a step brought.
pub(super) struct Told {
    pub(super) events: Vec<Event>,
    /// Effects that this process offers for the first time.
    pub(super) fresh: Vec<Effect>,
    /// What it was told of is marked off.
    pub(super) off: bool,
    save: Save,
}

impl Node {
    pub(super) fn start(plan: Plan, luck: Luck) -> Self {
        let (outside, rollout) = (Outside::of(&plan), RolloutId::of(plan.target(), Epoch::new(1)));
        let machine = Machine::start(plan, rollout, Epoch::new(1), Now::default());
        let mut node = Self {
            kept: vec![Kept::of(&machine, Timestamp::default(), true)],
            machine,
            outside,
            now: Elapsed::ZERO,
            wall: Timestamp::default(),
            wire: Vec::new(),
            begun: BTreeMap::new(),
            taken: None,
            luck,
            witness: Witness::default(),
        };
        node.tell(Input::Tick).unwrap();
        node
    }

    pub(super) fn clock(&self) -> Now {
        Now { wall: self.wall, elapsed: self.now }
    }

    /// What waits for the outside. People are told at once, and never among it.
    pub(super) fn pending(&self) -> Vec<(EffectId, &Effect)> {
        let mut pending = self.machine.pending().effects;
        pending.retain(|(_, effect)| !matches!(effect, Effect::Notify(_)));
        pending
    }

    pub(super) fn asked(&self, id: EffectId) -> Effect {
        self.begun[&id].clone()
    }

    /// Does something to the outside.
    pub(super) fn perform(&mut self, effect: &Effect) -> Result<Result<Answer, Failure>, Wrong> {
        let moment = Moment { plan: self.machine.plan(), now: self.now, forced: self.witness.forced };
        let done = self.outside.perform(&moment, effect);
        self.forget();
        done
    }

    /// Tells the machine, and judges what it decides by what it had been told.
    pub(super) fn tell(&mut self, input: Input) -> Result<Told, Wrong> {
        let (before, now) = (self.under_way(), self.clock());
        let off = self.witness.hears(&input);
        let answered = match &input {
            Input::Answered { effect, .. } | Input::Failed { effect, .. } => Some(*effect),
            _ => None,
        };
        let step = self.machine.step(now, input);
        let save = step.save.max(self.tell_people());
        let told = Told { events: step.events, fresh: self.offer(), off, save };
        self.witness.judge(&self.machine, &told)?;
        self.lose_sight(before, answered);
        self.keep(&told);
        Ok(told)
    }

    fn tell_people(&mut self) -> Save {
        let now = self.clock();
        let pending = self.machine.pending().effects;
        let notices: Vec<EffectId> = pending
            .iter()
            .filter(|(_, effect)| matches!(effect, Effect::Notify(_)))
            .map(|(id, _)| *id)
            .collect();
        let tell = |id| self.machine.step(now, Input::Answered { effect: id, answer: Answer::Done }).save;
        notices.into_iter().map(tell).max().unwrap_or_default()
    }

    /// What is offered for the first time is begun.
    fn offer(&mut self) -> Vec<Effect> {
        let pending: Vec<_> = self.pending().into_iter().map(|(id, effect)| (id, effect.clone())).collect();
        let is_new = |id: &EffectId| !self.begun.contains_key(id);
        let fresh: Vec<_> =
            pending.iter().filter(|(id, _)| is_new(id)).map(|(_, effect)| effect.clone()).collect();
        let kept = |id: EffectId, effect| (id, self.begun.get(&id).cloned().unwrap_or(effect));
        self.begun = pending.into_iter().map(|(id, effect)| kept(id, effect)).collect();
        fresh
    }

    /// Writes that this process performs.
    pub(super) fn under_way(&self) -> Vec<(EffectId, Effect)> {
        if self.luck.late == 0 {
            return Vec::new();
        }
        let writes = self.begun.iter().filter(|(_, effect)| is_write(effect));
        writes.map(|(id, effect)| (*id, effect.clone())).collect()
    }

    /// A write that the machine has given up may land all the same.
    fn lose_sight(&mut self, before: Vec<(EffectId, Effect)>, answered: Option<EffectId>) {
        let lost = before.into_iter().filter(|(id, _)| Some(*id) != answered && !self.begun.contains_key(id));
        self.wire.extend(lost.map(|(_, effect)| effect));
        self.taken.take_if(|(id, _)| !self.begun.contains_key(id));
        self.forget();
    }

    /// What can never land is not waited for.
    pub(super) fn forget(&mut self) {
        if self.luck.late == 0 {
            self.wire.clear();
        }
        let outside = &self.outside;
        self.wire.retain(|effect| !outside.refuses(effect));
    }

    /// What is gated begins only when all is saved that must be at once. All other saves may be through or not when a kill
    /// comes, but those that were asked for only to lose little: of them the present state stands for all. Where more
    /// than one kill is to come, the last of the others stands for them too, or the states would have no end.
    fn keep(&mut self, told: &Told) {
        if self.luck.kills == 0 {
            return self.kept.clear();
        }
        let waited_for = told.save == Save::Now;
        if waited_for || (told.save == Save::Soon && !told.events.is_empty()) {
            let kept = Kept::of(&self.machine, self.wall, waited_for);
            let again = |one: &Kept| one.waited_for == kept.waited_for && one.essence == kept.essence;
            let stood_for = |one: &Kept| self.luck.kills > 1 && !one.waited_for && !kept.waited_for;
            self.kept.retain(|one| !again(one) && !stood_for(one));
            self.kept.push(kept);
        }
        if told.fresh.iter().any(Effect::is_gated) {
            let last = self.kept.iter().rposition(|kept| kept.waited_for);
            self.kept.drain(..last.unwrap_or(0));
        }
    }
}

pub(super) fn is_write(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::ClaimRouting(_) | Effect::ClaimWorkload(_) | Effect::Route(_) | Effect::Deploy { .. }
    )
}

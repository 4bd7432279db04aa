//! What each move does to the machine and to the outside.

use std::time::Duration;

use shepherd_core::machine::{Answer, Command, EffectId, Input, Machine, Phase, Snapshot};
use shepherd_core::model::{Failure, FailureKind, Replicas, Verdict};

use super::super::generate::actor;
use super::Wrong;
use super::moves::Move;
use super::node::{Node, Told, is_write};

impl Node {
    /// The state after it, and what the machine was brought to by it.
    pub(super) fn after(&self, happens: &Move) -> Result<(Node, Option<Told>), Wrong> {
        let mut next = self.clone();
        let told = next.happens(happens)?;
        next.witness.at_rest(&next.machine, &next.outside)?;
        Ok((next, told))
    }

    fn happens(&mut self, happens: &Move) -> Result<Option<Told>, Wrong> {
        match happens {
            Move::Answers(id) => return self.answer(*id).map(Some),
            Move::Says(id, verdict) => return self.say(*id, verdict).map(Some),
            Move::Looks(id) => {
                self.luck.slow -= 1;
                self.taken = Some((*id, self.outside.look(&self.asked(*id))));
            }
            Move::Fails(id, kind) => {
                self.luck.failures -= 1;
                return self.fail(*id, *kind).map(Some);
            }
            Move::LosesAnswer(id) => {
                self.luck.failures -= 1;
                let _ = self.perform(&self.asked(*id))?;
                return self.fail(*id, FailureKind::Transient).map(Some);
            }
            Move::Lands(nth) => {
                self.luck.late -= 1;
                let effect = self.wire.remove(*nth);
                let _ = self.perform(&effect)?;
            }
            Move::Ticks => return self.tick().map(Some),
            Move::Dies(nth) => return self.die(*nth).map(Some),
            Move::DiesForLong(nth) => {
                self.wall = self.wall + self.machine.plan().attention().unattended_after * 2;
                return self.die(*nth).map(Some);
            }
            Move::Pulls(command) => return self.pull(command).map(Some),
            Move::Readies(track) => {
                let side = self.outside.side(*track);
                (side.ready, side.failing) = (Replicas::new(side.ready.get() + 1), None);
            }
            Move::Loses(track) => {
                self.luck.losses -= 1;
                let side = self.outside.side(*track);
                side.ready = Replicas::new(side.ready.get() - 1);
            }
            Move::Breaks(track) => {
                self.luck.losses -= 1;
                let side = self.outside.side(*track);
                (side.ready, side.failing) = (Replicas::ZERO, Some("it crashes".into()));
            }
        }
        Ok(None)
    }

    fn answer(&mut self, id: EffectId) -> Result<Told, Wrong> {
        let effect = self.asked(id);
        let done = match self.taken.take_if(|(taken, _)| *taken == id) {
            Some((_, answer)) => Ok(answer),
            None => self.perform(&effect)?,
        };
        self.tell(match done {
            Ok(answer) => Input::Answered { effect: id, answer },
            Err(failure) => Input::Failed { effect: id, failure },
        })
    }

    fn say(&mut self, id: EffectId, verdict: &Verdict) -> Result<Told, Wrong> {
        if !matches!(verdict, Verdict::Pass(_)) {
            self.luck.failures -= 1;
        }
        self.witness.passes(verdict, &self.outside);
        let answer = Answer::Checked(verdict.clone());
        self.tell(Input::Answered { effect: id, answer })
    }

    /// A call that was given up may be carried out all the same, some time later.
    fn fail(&mut self, id: EffectId, kind: FailureKind) -> Result<Told, Wrong> {
        let effect = self.asked(id);
        if kind == FailureKind::Transient && is_write(&effect) {
            self.wire.push(effect);
        }
        self.tell(Input::Failed { effect: id, failure: Failure::new(kind, "outside", "no") })
    }

    fn tick(&mut self) -> Result<Told, Wrong> {
        if !self.pending().is_empty() {
            self.luck.slow -= 1;
        }
        let wait = self.machine.pending().wake_in.unwrap_or_default();
        self.now = self.now + wait.max(Duration::from_millis(1));
        self.tell(Input::Tick)
    }

    /// Whatever it had under way may land or not.
    fn die(&mut self, nth: usize) -> Result<Told, Wrong> {
        self.wire.extend(self.under_way().into_iter().map(|(_, effect)| effect));
        self.luck.kills -= 1;
        let kept = self.kept.get(nth).cloned();
        let snapshot = kept.as_ref().map_or_else(|| self.machine.snapshot(), |kept| (*kept.snapshot).clone());
        let read = Snapshot::decode(&snapshot.encode().unwrap()).unwrap();
        self.machine = Machine::resume(read, self.machine.epoch().next()).unwrap();
        self.kept = kept.into_iter().collect();
        self.taken = None;
        self.begun.clear();
        self.witness.dies(self.machine.status().phase == Phase::Recovering);
        self.tell(Input::Tick)
    }

    fn pull(&mut self, command: &Command) -> Result<Told, Wrong> {
        self.luck.levers -= 1;
        let refused = self.machine.clone().step(self.clock(), commanded(command)).refused;
        if refused.is_none() {
            self.witness.obeys(command);
        }
        self.tell(commanded(command))
    }

    /// Whether a person may end it now.
    pub(super) fn can_be_aborted(&self) -> bool {
        let abort = Command::Abort { reason: "so".into() };
        let refused = self.machine.clone().step(self.clock(), commanded(&abort)).refused;
        self.machine.outcome().is_some() || refused.is_none()
    }
}

fn commanded(command: &Command) -> Input {
    Input::Commanded { by: actor("ada"), command: command.clone() }
}

//! What may happen next: every answer in every order, and whatever luck allows.

use std::fmt;

use shepherd_core::machine::{Command, Effect, EffectId};
use shepherd_core::model::{FailureKind, Replicas, Track, Verdict};

use super::node::{Node, is_write};
use super::witness::wished;

/// One thing that happens.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Move {
    /// An effect is done, and its answer arrives.
    Answers(EffectId),
    /// A gate says so.
    Says(EffectId, Verdict),
    /// A look is taken, and arrives some time later.
    Looks(EffectId),
    /// An effect is refused.
    Fails(EffectId, FailureKind),
    /// It is done, and its caller hears of a time-out.
    LosesAnswer(EffectId),
    /// Nobody waits for this write any more, and it lands.
    Lands(usize),
    /// Time passes until the machine wants to be stepped.
    Ticks,
    /// The process dies, and the next one finds this save; past the last one, the state as it is.
    Dies(usize),
    /// The same, and nobody drives for longer than may be.
    DiesForLong(usize),
    Pulls(Command),
    Readies(Track),
    Loses(Track),
    Breaks(Track),
}

impl Node {
    /// All that may happen.
    pub(super) fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        for (id, effect) in self.pending() {
            self.answers(id, effect, &mut moves);
        }
        moves.extend((0..self.wire.len()).filter(|_| self.luck.late > 0).map(Move::Lands));
        let waits = self.pending().is_empty() || self.luck.slow > 0;
        if waits && self.machine.pending().wake_in.is_some() {
            moves.push(Move::Ticks);
        }
        if self.luck.kills > 0 && !self.machine.is_done() {
            moves.extend((0..=self.kept.len()).map(Move::Dies));
            moves.extend((0..=self.kept.len()).map(Move::DiesForLong));
        }
        if self.luck.levers > 0 && self.machine.outcome().is_none() {
            moves.extend(self.levers().into_iter().map(Move::Pulls));
        }
        for track in Track::BOTH {
            self.replicas(track, &mut moves);
        }
        moves
    }

    fn answers(&self, id: EffectId, effect: &Effect, moves: &mut Vec<Move>) {
        match effect {
            Effect::Check { .. } => moves.push(Move::Says(id, Verdict::Pass("200".into()))),
            _ => moves.push(Move::Answers(id)),
        }
        if self.luck.slow > 0 && effect.is_observation() && self.taken.is_none() {
            moves.push(Move::Looks(id));
        }
        if self.luck.failures == 0 {
            return;
        }
        moves.push(Move::Fails(id, FailureKind::Transient));
        if is_write(effect) {
            moves.push(Move::Fails(id, FailureKind::Permanent));
            moves.push(Move::Fails(id, FailureKind::Fenced));
            moves.push(Move::LosesAnswer(id));
        }
        if matches!(effect, Effect::Check { .. }) {
            moves.push(Move::Says(id, Verdict::Fail("500".into())));
            moves.push(Move::Says(id, Verdict::Inconclusive("few".into())));
        }
    }

    fn levers(&self) -> Vec<Command> {
        let mut levers = vec![
            Command::Abort { reason: "so".into() },
            Command::Promote,
            Command::RollBack { reason: "so".into(), force: true },
            Command::Supersede { revision: wished() },
            Command::Skip,
        ];
        // A pause is worth pulling only for whoever can go on.
        if self.luck.levers > 1 {
            levers.push(Command::Pause { reason: "so".into() });
        }
        if self.machine.status().paused.is_some() {
            levers.push(Command::Resume);
        }
        levers
    }

    fn replicas(&self, track: Track, moves: &mut Vec<Move>) {
        let side = self.outside.workload.track(track);
        if side.ready < side.desired {
            moves.push(Move::Readies(track));
        }
        if self.luck.losses > 0 && side.ready > Replicas::ZERO {
            moves.push(Move::Loses(track));
        }
        if self.luck.losses > 0 && side.desired > Replicas::ZERO && side.failing.is_none() {
            moves.push(Move::Breaks(track));
        }
    }

    /// What happens, for people.
    pub(super) fn describe(&self, happens: &Move) -> String {
        match happens {
            Move::Answers(id)
            | Move::Says(id, _)
            | Move::Looks(id)
            | Move::Fails(id, _)
            | Move::LosesAnswer(id) => {
                format!("{happens}: {}", self.asked(*id))
            }
            Move::Lands(nth) => format!("{happens}: {}", self.wire[*nth]),
            _ => happens.to_string(),
        }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Move::Answers(_) => write!(f, "done"),
            Move::Says(_, verdict) => write!(f, "gate says {verdict}"),
            Move::Looks(_) => write!(f, "looked at, told later"),
            Move::Fails(_, kind) => write!(f, "fails ({kind:?})"),
            Move::LosesAnswer(_) => write!(f, "done, answer lost"),
            Move::Lands(_) => write!(f, "lands late"),
            Move::Ticks => write!(f, "time passes"),
            Move::Dies(nth) => write!(f, "killed, save {nth} is left"),
            Move::DiesForLong(nth) => write!(f, "killed, save {nth} is left and found after a long time"),
            Move::Pulls(command) => write!(f, "a person: {command:?}"),
            Move::Readies(track) => write!(f, "a replica of {track} gets ready"),
            Move::Loses(track) => write!(f, "a replica of {track} is lost"),
            Move::Breaks(track) => write!(f, "{track} crashes"),
        }
    }
}

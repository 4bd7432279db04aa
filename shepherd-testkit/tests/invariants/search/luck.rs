//! How much may go wrong on a path. Within it everything is tried; what is spent never comes back.

use std::fmt;
use std::str::FromStr;

/// What is left of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Luck {
    /// Calls that fail, time out or whose answer is lost, gates that do not pass.
    pub(super) failures: u8,
    /// Writes that land when nobody waits for them any more.
    pub(super) late: u8,
    /// Processes that die, and are followed at once or after a long time.
    pub(super) kills: u8,
    /// Levers that people pull.
    pub(super) levers: u8,
    /// Replicas that are lost, or found to be failing.
    pub(super) losses: u8,
    /// Calls that take their time: it passes meanwhile, or what a look saw is old when it arrives.
    pub(super) slow: u8,
}

const KINDS: [&str; 6] = ["failures", "late", "kills", "levers", "losses", "slow"];

impl Luck {
    /// Two of all kinds, be they of one kind or of different ones.
    #[cfg(not(debug_assertions))]
    pub(super) fn pairs() -> impl Iterator<Item = Luck> {
        let two = |(one, other): (usize, usize)| {
            let mut luck = Luck::default();
            *luck.of(KINDS[one]) += 1;
            *luck.of(KINDS[other]) += 1;
            luck
        };
        (0..KINDS.len()).flat_map(|one| (one..KINDS.len()).map(move |other| (one, other))).map(two)
    }

    fn of(&mut self, kind: &str) -> &mut u8 {
        match kind {
            "failures" => &mut self.failures,
            "late" => &mut self.late,
            "kills" => &mut self.kills,
            "levers" => &mut self.levers,
            "losses" => &mut self.losses,
            "slow" => &mut self.slow,
            _ => panic!("{kind} is none of {KINDS:?}"),
        }
    }
}

impl FromStr for Luck {
    type Err = std::num::ParseIntError;
    /// Such as `kills=1 late=2`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut luck = Luck::default();
        for part in text.split_whitespace() {
            let (kind, many) = part.split_once('=').unwrap_or((part, "1"));
            *luck.of(kind) = many.parse()?;
        }
        Ok(luck)
    }
}

impl fmt::Display for Luck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut luck = *self;
        let spent = KINDS.map(|kind| (kind, *luck.of(kind))).into_iter().filter(|(_, many)| *many > 0);
        let parts: Vec<_> = spent.map(|(kind, many)| format!("{kind}={many}")).collect();
        if parts.is_empty() { write!(f, "no bad luck") } else { write!(f, "{}", parts.join(" ")) }
    }
}

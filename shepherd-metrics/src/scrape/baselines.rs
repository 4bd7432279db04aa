//! Remembers what the totals were when a cursor was given out.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

use shepherd_core::model::{Cursor, Elapsed};

use super::both::Both;
use super::ledger::Totals;

/// Per caller: the base it asks from, and answers that may have been lost.
const KEPT_PER_LINE: usize = 3;

/// Callers remembered. A process that drives more rollouts than this at once through one source has to give some of
/// them a source of their own, or those that ask least often begin anew.
const KEPT_LINES: usize = 256;

/// The totals of one track at one time.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) totals: Totals,
    pub(crate) at: Elapsed,
}

/// All cursors that can still be asked from. Each caller has a line of its own, so that one does not push out
/// another's base.
#[derive(Debug)]
pub(crate) struct Baselines {
    /// Tells this source's cursors from those of the process that ran before it.
    source: u64,
    next_line: u64,
    /// The one that asked last is at the back.
    lines: VecDeque<Line>,
}

#[derive(Debug)]
struct Line {
    id: u64,
    next: u64,
    /// The one that was used last is at the back.
    kept: VecDeque<(u64, Both<Point>)>,
}

impl Baselines {
    pub(crate) fn new() -> Self {
        // Randomly keyed by the standard library, which is all the randomness that is needed here.
        let source = RandomState::new().hash_one("source");
        Self { source, next_line: 0, lines: VecDeque::new() }
    }

    /// What the totals were at `cursor`. None if that was another process, or too long ago.
    pub(crate) fn base(&mut self, cursor: &Cursor) -> Option<Both<Point>> {
        let (line, number) = self.parse(cursor)?;
        let line = self.touch(line)?;
        let place = line.kept.iter().position(|(known, _)| *known == number)?;
        let found = line.kept.remove(place)?;
        let base = found.1.clone();
        // Used last: answers that get lost must never push out the base that is asked from again and again.
        line.kept.push_back(found);
        Some(base)
    }

    /// Remembers `points` for the caller that asked with `cursor`, under a new cursor.
    pub(crate) fn remember(&mut self, cursor: Option<&Cursor>, points: Both<Point>) -> Cursor {
        let known = cursor.and_then(|cursor| self.parse(cursor)).map(|(line, _)| line);
        let known = known.filter(|id| self.lines.iter().any(|line| line.id == *id));
        let id = known.unwrap_or_else(|| self.begin_line());
        let number = self.touch(id).map_or(0, |line| line.keep(points));
        Cursor::new(format!("{:016x}-{id}-{number}", self.source))
    }

    fn parse(&self, cursor: &Cursor) -> Option<(u64, u64)> {
        let mut parts = cursor.as_str().split('-');
        let source = u64::from_str_radix(parts.next()?, 16).ok()?;
        let (line, number) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        (source == self.source && parts.next().is_none()).then_some((line, number))
    }

    fn begin_line(&mut self) -> u64 {
        let id = self.next_line;
        self.next_line += 1;
        self.lines.push_back(Line { id, next: 0, kept: VecDeque::new() });
        if self.lines.len() > KEPT_LINES {
            self.lines.pop_front();
        }
        id
    }

    fn touch(&mut self, id: u64) -> Option<&mut Line> {
        let place = self.lines.iter().position(|line| line.id == id)?;
        let line = self.lines.remove(place)?;
        self.lines.push_back(line);
        self.lines.back_mut()
    }
}

impl Line {
    fn keep(&mut self, points: Both<Point>) -> u64 {
        let number = self.next;
        self.next += 1;
        self.kept.push_back((number, points));
        if self.kept.len() > KEPT_PER_LINE {
            self.kept.pop_front();
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use shepherd_core::model::Track;

    use super::*;

    fn points(at: u64) -> Both<Point> {
        Both::from_fn(|_| Point { totals: Totals::default(), at: Elapsed::from_millis(at) })
    }

    fn at(baselines: &mut Baselines, cursor: &Cursor) -> Option<u64> {
        baselines.base(cursor).map(|base| base.of(Track::Stable).at.as_millis())
    }

    #[test]
    fn a_base_can_be_asked_from_again_however_many_answers_are_lost() {
        let mut baselines = Baselines::new();
        let first = baselines.remember(None, points(1));
        for lost in 2..20 {
            assert_eq!(at(&mut baselines, &first), Some(1));
            baselines.remember(Some(&first), points(lost));
        }
    }

    #[test]
    fn what_was_left_behind_is_forgotten() {
        let mut baselines = Baselines::new();
        let first = baselines.remember(None, points(0));
        let mut cursor = first.clone();
        for time in 1..10 {
            assert_eq!(at(&mut baselines, &cursor), Some(time - 1));
            cursor = baselines.remember(Some(&cursor), points(time));
        }
        assert_eq!(at(&mut baselines, &first), None);
        assert_eq!((baselines.lines.len(), baselines.lines[0].kept.len()), (1, KEPT_PER_LINE));
    }

    #[test]
    fn callers_do_not_push_out_each_other() {
        let mut baselines = Baselines::new();
        let patient = baselines.remember(None, points(7));
        let mut busy = baselines.remember(None, points(8));
        for time in 9..100 {
            busy = baselines.remember(Some(&busy), points(time));
        }
        assert_eq!(at(&mut baselines, &patient), Some(7));
    }

    #[test]
    fn callers_that_never_return_are_forgotten() {
        let mut baselines = Baselines::new();
        for _ in 0..=KEPT_LINES {
            baselines.remember(None, points(0));
        }
        assert_eq!(baselines.lines.len(), KEPT_LINES);
    }

    #[test]
    fn cursors_of_others_are_unknown() {
        let mut baselines = Baselines::new();
        let foreign = Baselines::new().remember(None, points(1));
        baselines.remember(None, points(1));
        for text in [foreign.as_str(), "", "0-0-0", "zz-1-1", "1-2-3-4", "17"] {
            assert_eq!(at(&mut baselines, &Cursor::new(text)), None, "{text}");
        }
    }
}

use super::Headroom;
use crate::model::Replicas;

/// So many replicas on each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sides {
    pub(crate) stable: Replicas,
    pub(crate) candidate: Replicas,
}

/// The way back where no router can take users off the candidate: old replicas come back and new ones go, in both
/// directions within the headroom. The machine goes by it, and the dry run reckons by it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PutBack {
    pub(crate) all: Replicas,
    pub(crate) headroom: Headroom,
}

impl PutBack {
    /// Where it ends: stable has all of its replicas, and the candidate none.
    pub(crate) fn end(self) -> Sides {
        Sides { stable: self.all, candidate: Replicas::ZERO }
    }

    /// How many of each there shall be next, when so many are wanted now and so many of these are ready.
    pub(crate) fn next(self, wanted: Sides, ready: Sides) -> Sides {
        let all = self.all.get();
        let (stable, candidate) = (wanted.stable.get(), wanted.candidate.get());
        let (stable_ready, candidate_ready) =
            (ready.stable.get().min(stable), ready.candidate.get().min(candidate));
        let most = all.saturating_add(self.headroom.surge.get());
        let room = most.saturating_sub(stable.saturating_add(candidate));
        let added = all.saturating_sub(stable).min(room);
        let least = all.saturating_sub(self.headroom.unavailable.get());
        let spare = stable_ready.saturating_add(candidate_ready).saturating_sub(least);
        // What is not ready serves nobody and makes room.
        let removed = (candidate - candidate_ready) + candidate_ready.min(spare);
        Sides { stable: (stable + added).into(), candidate: (candidate - removed).into() }
    }

    /// How many times replicas of stable are waited for until all are back. Those of one batch become ready together
    /// here; where each has a pace of its own, later ones begin no later than this.
    pub(crate) fn batches(self, mut wanted: Sides, mut ready: Sides) -> u32 {
        let mut batches = 0;
        loop {
            let next = self.next(wanted, ready);
            if next != wanted {
                wanted = next;
                ready.candidate = ready.candidate.min(wanted.candidate);
            } else if ready != wanted {
                ready = wanted;
                batches += 1;
            } else {
                return batches;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn put_back(all: u32, surge: u32, unavailable: u32) -> PutBack {
        PutBack {
            all: all.into(),
            headroom: Headroom { surge: surge.into(), unavailable: unavailable.into() },
        }
    }

    fn sides(stable: u32, candidate: u32) -> Sides {
        Sides { stable: stable.into(), candidate: candidate.into() }
    }

    #[test]
    fn a_batch_is_as_large_as_the_headroom() {
        let batches = |all, surge, unavailable| {
            let new = sides(0, all);
            put_back(all, surge, unavailable).batches(new, new)
        };
        assert_eq!(batches(4, 1, 1), 2);
        assert_eq!(batches(10, 3, 0), 4);
        assert_eq!(batches(10, 0, 3), 4);
        assert_eq!(batches(1, 1, 0), 1);
        assert_eq!(batches(4, 4, 0), 1);
        assert_eq!(put_back(4, 1, 0).batches(sides(4, 1), sides(4, 1)), 0, "stable never had fewer");
        assert_eq!(put_back(4, 1, 0).batches(sides(4, 4), sides(0, 4)), 1, "its revision was overwritten");
    }

    proptest! {
        #[test]
        fn replicas_of_any_pace_are_back_within_the_batches_and_the_headroom(
            all in 1u32..30, surge in 0u32..8, unavailable in 0u32..8, paces in prop::collection::vec(1u32..=5, 1..60),
        ) {
            prop_assume!(surge + unavailable > 0);
            let put_back = put_back(all, surge, unavailable);
            let mut wanted = sides(0, all);
            let most = put_back.batches(wanted, wanted) * 5;
            // When each replica of stable is ready, in ticks; the slowest takes 5.
            let (mut ready_at, mut tick, mut paces) = (Vec::new(), 0, paces.iter().cycle());
            while wanted != put_back.end() || ready_at.iter().any(|at| *at > tick) {
                let ready = u32::try_from(ready_at.iter().filter(|at| **at <= tick).count()).unwrap();
                let next = put_back.next(wanted, sides(ready, wanted.candidate.get()));
                prop_assert!(next.stable.get() + next.candidate.get() <= all + surge);
                prop_assert!(ready + next.candidate.get() >= all.saturating_sub(unavailable));
                ready_at.extend((wanted.stable.get()..next.stable.get()).map(|_| tick + paces.next().unwrap()));
                tick += u32::from(next == wanted);
                wanted = next;
                prop_assert!(tick <= most, "{wanted:?} after {tick} of {most}");
            }
        }
    }
}

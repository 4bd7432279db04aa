//! Two states that can do nothing but the same have the same number here.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::time::Duration;

use shepherd_core::machine::{Answer, Effect, Essence};
use shepherd_core::model::{Generation, Mark, Track, WorkloadState};

use super::node::Node;

impl Node {
    /// What decides its future, in a number. Of so many states two different ones share one about once in a million
    /// searches.
    pub(super) fn canonical(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let mut essence = Essence::of(&self.machine);
        let mut kept: Vec<Essence> = self.kept.iter().map(|kept| (*kept.essence).clone()).collect();
        let generations = self.generations(&mut essence, &mut kept);
        let near = |generation: Generation| generations[&generation];
        for one in std::iter::once(&mut essence).chain(&mut kept) {
            one.renumber(near);
        }
        (&essence, &kept, self.luck, self.witness.marks, self.witness.forced).hash(&mut hasher);
        self.ages().hash(&mut hasher);
        self.hash_outside(near, &mut hasher);
        self.hash_wire(near, &mut hasher);
        self.hash_taken(near, &mut hasher);
        for effect in self.begun.values() {
            hash_mark(mark_of(effect), near, &mut hasher);
        }
        hasher.finish()
    }

    /// How long ago it all was, up to what is asked about it.
    fn ages(&self) -> (Vec<(bool, Duration)>, Option<Duration>) {
        let unattended = self.machine.plan().attention().unattended_after + Duration::from_millis(1);
        let kept = self.kept.iter();
        let kept = kept.map(|kept| (kept.waited_for, self.wall.since(kept.wall).min(unattended))).collect();
        let drain = self.machine.plan().recovery().drain;
        (kept, self.outside.left.map(|left| (self.now - left).min(drain)))
    }

    fn hash_outside(&self, near: impl Fn(Generation) -> Generation, hasher: &mut DefaultHasher) {
        let outside = &self.outside;
        (&outside.exposure, outside.off, outside.claimed).hash(hasher);
        hash_mark(outside.mark.as_ref(), &near, hasher);
        hash_workload(&outside.workload, &near, hasher);
    }

    /// A look that has not arrived tells what was, marks and all.
    fn hash_taken(&self, near: impl Fn(Generation) -> Generation, hasher: &mut DefaultHasher) {
        self.taken.is_some().hash(hasher);
        match self.taken.as_ref().map(|(_, answer)| answer) {
            Some(Answer::Routing(routing)) => {
                routing.exposure.hash(hasher);
                hash_mark(routing.mark.as_ref(), near, hasher);
            }
            Some(Answer::Workload(workload)) => hash_workload(workload, near, hasher),
            _ => {}
        }
    }

    /// What is on the wire lands in any order.
    fn hash_wire(&self, near: impl Fn(Generation) -> Generation, hasher: &mut DefaultHasher) {
        let alone = |effect: &Effect| {
            let mut hasher = DefaultHasher::new();
            std::mem::discriminant(effect).hash(&mut hasher);
            match effect {
                Effect::Route(route) => route.exposure.hash(&mut hasher),
                Effect::Deploy { spec, .. } => {
                    (spec.track, &spec.revision, spec.replicas).hash(&mut hasher);
                }
                Effect::ClaimRouting(fence) | Effect::ClaimWorkload(fence) => fence.epoch.hash(&mut hasher),
                _ => {}
            }
            hash_mark(mark_of(effect), &near, &mut hasher);
            hasher.finish()
        };
        let mut wire: Vec<u64> = self.wire.iter().map(alone).collect();
        wire.sort_unstable();
        wire.hash(hasher);
    }

    fn marks(&self) -> Vec<&Mark> {
        let mut marks: Vec<&Mark> = marks_of(&self.outside.workload).chain(&self.outside.mark).collect();
        marks.extend(self.wire.iter().chain(self.begun.values()).filter_map(mark_of));
        match self.taken.as_ref().map(|(_, answer)| answer) {
            Some(Answer::Routing(routing)) => marks.extend(&routing.mark),
            Some(Answer::Workload(workload)) => marks.extend(marks_of(workload)),
            _ => {}
        }
        marks
    }

    /// Every generation in play, and a number for it that keeps their order. From its own generation a machine, be it the
    /// present one or one that a save would bring back, counts on: above the least of those the distances stay as they
    /// are.
    fn generations(&self, essence: &mut Essence, kept: &mut [Essence]) -> BTreeMap<Generation, Generation> {
        let mut all: BTreeSet<Generation> = self.marks().into_iter().map(|mark| mark.generation).collect();
        let mut base = essence.generation();
        for one in std::iter::once(essence).chain(kept) {
            base = base.min(one.generation());
            one.renumber(|generation| {
                all.insert(generation);
                generation
            });
        }
        let (mut near, mut last) = (0, 0);
        let numbered = all.into_iter().map(|generation| {
            near += if generation > base { generation.get() - last } else { 1 };
            last = generation.get();
            (generation, Generation::new(near))
        });
        numbered.collect()
    }
}

fn marks_of(workload: &WorkloadState) -> impl Iterator<Item = &Mark> {
    Track::BOTH.into_iter().filter_map(|track| workload.track(track).mark.as_ref())
}

fn hash_workload(
    workload: &WorkloadState,
    near: impl Fn(Generation) -> Generation,
    hasher: &mut DefaultHasher,
) {
    for side in [&workload.stable, &workload.candidate] {
        (&side.revision, side.desired, side.ready, side.failing.is_some()).hash(hasher);
        hash_mark(side.mark.as_ref(), &near, hasher);
    }
}

fn mark_of(effect: &Effect) -> Option<&Mark> {
    match effect {
        Effect::Route(route) => Some(&route.mark),
        Effect::Deploy { mark, .. } => Some(mark),
        _ => None,
    }
}

/// Which rollout it is of is the same everywhere; its cause is for people.
fn hash_mark(mark: Option<&Mark>, near: impl Fn(Generation) -> Generation, hasher: &mut DefaultHasher) {
    mark.map(|mark| (mark.fence.epoch, mark.stage, near(mark.generation), mark.traffic)).hash(hasher);
}

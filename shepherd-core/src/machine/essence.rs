//! What of a machine decides its future, so that a search through all that can happen to a plan meets it once.
//!
//! Left out or bounded is what nothing reads again, and each leaving-out has its reason here:
//!
//! - Moments are told relative to now. One that lies ahead is read as `now >= at`, so its distance counts, and zero
//!   once it is past; one that lies behind is read as `now - at > limit`, so its age counts up to that limit.
//! - Effect ids are only ever compared: a look tells of what was accepted before it was asked for. What counts is
//!   whether the last look and the looks under way do; every later look does.
//! - Of the looks' marks nothing is read after the step that was told of them; of texts, reports and overrides nothing
//!   decides at all.
//! - What belongs to one round of looks counts only while one of it is under way.
//! - When it last asked to be saved only to lose little decides about nothing but such a save.
//!
//! Each part of the state is taken apart by all its fields, so that a new one does not compile until it is thought of.

mod view;

use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use super::rollout_machine::Machine;
use super::state::State;
use super::told::Told;
use super::{Effect, EffectId, Outcome};
use crate::model::{
    Actor, Cursor, Epoch, Exposure, Generation, Replicas, Revision, StageIndex, Times, Track, Traffic,
};
use view::{View, asked};

/// What of a machine that was just stepped decides all that it will do. Two of the same plan with the same essence do
/// the same from now on, but for texts, times told to people, and what they ask to be saved only to lose little.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Essence {
    epoch: Epoch,
    generation: Generation,
    back: Option<Back>,
    run: Run,
    routing: Shown,
    tracks: [Side; 2],
    looks: Looks,
    /// Guards are told as they are: their times are not made relative, so few states of a guarded plan are met twice.
    guards: Vec<String>,
    cursor: Option<Cursor>,
    hold: Option<Held>,
    hurried: bool,
    next: Option<Revision>,
    asked: Vec<Asked>,
    outcome: Option<Discriminant<Outcome>>,
    aftercare: Option<Duration>,
    begun: bool,
    absent: bool,
    attach: Hands,
    retry_in: Duration,
}

/// It holds still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Held {
    /// How much of the stage's deadline a resume will find left.
    left: Option<Duration>,
    /// How long a write was not accepted when the pause began, or how long after that.
    unwritten: Option<(Duration, Duration)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Run {
    index: StageIndex,
    deadline: Option<Duration>,
    unwritten: Option<Duration>,
    looked: Tells,
    routes_seen: bool,
    observed: Duration,
    credited: Option<Duration>,
    approvals: Vec<Actor>,
    passes: Times,
    failures: Times,
    next_try: Duration,
    acted: Option<Duration>,
    failed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Shown {
    exposure: Exposure,
    confirmed: Exposure,
    decided: Generation,
    accepted: Option<Tells>,
    in_effect: Option<Duration>,
    raised: bool,
    late_raises: Vec<EffectId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Side {
    revision: Revision,
    replicas: Replicas,
    accepted: Option<Tells>,
    seen: Option<Sight>,
}

/// What a look told of a track, without the words.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Sight {
    revision: Option<Revision>,
    desired: Replicas,
    ready: Replicas,
    failing: bool,
    awaits: bool,
}

/// Whether what was last seen of the replicas, and what is on its way, tell of something: asked for after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Tells {
    seen: bool,
    workload: bool,
    routing: bool,
}

#[allow(clippy::struct_excessive_bools, reason = "they are the state's own")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Back {
    aborted: bool,
    found_off: bool,
    age: Duration,
    alarm_in: Duration,
    off_decided: bool,
    off_for: Option<Duration>,
    forced: bool,
    stable_intact: bool,
}

#[allow(clippy::struct_excessive_bools, reason = "they are the state's own")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Hands {
    routing: bool,
    workload: bool,
    began: Option<Duration>,
    done: bool,
    marked: [bool; 2],
    told: Option<Told>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Looks {
    exposure: Option<Exposure>,
    blind: Option<Duration>,
    starved: Option<Duration>,
    deserted: Option<Duration>,
    awaited: Duration,
    measured: Option<Duration>,
    round: Beat,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Beat {
    Due(Duration),
    UnderWay { age: Duration, outdated: bool, failed: bool, again: bool, all_clear: bool },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Asked {
    kind: Discriminant<Effect>,
    exposure: Option<Exposure>,
    spec: Option<(Track, Revision, Replicas)>,
    mark: Option<(Generation, Traffic)>,
}

impl Essence {
    /// What decides the future of this machine.
    pub fn of(machine: &Machine) -> Self {
        let view = View::of(machine);
        let State {
            // The same for all machines of a search.
            rollout: _,
            epoch,
            generation,
            // A step always follows, and its time is what the others are told relative to.
            time: _,
            course,
            run,
            routing,
            stable,
            candidate,
            guards,
            cursor,
            hold,
            hurried,
            overrides: _,
            next,
            outstanding,
            outcome,
            aftercare,
            begun,
            absent,
            attach,
            seen,
            round,
            retry_at,
        } = &machine.state;
        Self {
            epoch: *epoch,
            generation: *generation,
            back: view.back(course),
            run: view.run(run),
            routing: view.shown(routing),
            tracks: [view.side(Track::Stable, stable), view.side(Track::Candidate, candidate)],
            looks: view.looks(seen, round),
            guards: guards.iter().map(|guard| format!("{guard:?}")).collect(),
            cursor: cursor.clone(),
            hold: hold.as_ref().map(|hold| view.held(hold)),
            hurried: hurried.is_some(),
            next: next.as_ref().map(|next| next.revision.clone()),
            asked: asked(outstanding),
            outcome: outcome.as_ref().map(discriminant),
            aftercare: aftercare.map(|aftercare| view.until(aftercare.until)),
            begun: *begun,
            absent: !absent.is_zero(),
            attach: view.hands(attach),
            retry_in: view.until(*retry_at),
        }
    }

    /// Replaces every generation in it. Machines compare them, and count on from their own: whoever knows all that are
    /// in play may bring those nearer to each other that nobody counts through any more.
    pub fn renumber(&mut self, mut change: impl FnMut(Generation) -> Generation) {
        self.generation = change(self.generation);
        self.routing.decided = change(self.routing.decided);
        for (generation, _) in self.asked.iter_mut().filter_map(|asked| asked.mark.as_mut()) {
            *generation = change(*generation);
        }
    }

    /// The number of its last decision, from which it counts on.
    pub fn generation(&self) -> Generation {
        self.generation
    }
}

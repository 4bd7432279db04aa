use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::outcome::{Next, Outcome, Override};
use super::outstanding::Outstanding;
use super::told::Told;
use super::{Cause, EffectId};
use crate::guard::GuardState;
use crate::model::{
    Actor, Cursor, Elapsed, Epoch, Exposure, Failure, Generation, Now, Reason, Replicas, Revision, RolloutId,
    Routing, StageIndex, Times, Timestamp, Track, TrackState, WorkloadState,
};
use crate::plan::{Plan, Stage};

/// Everything that decides, but the plan. What is skipped in JSON is learned again by every resume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) rollout: RolloutId,
    pub(super) epoch: Epoch,
    pub(super) generation: Generation,
    pub(super) time: Time,
    pub(super) course: Course,
    pub(super) run: StageRun,
    pub(super) routing: RoutingWanted,
    pub(super) stable: TrackWanted,
    pub(super) candidate: TrackWanted,
    pub(super) guards: Vec<GuardState>,
    pub(super) cursor: Option<Cursor>,
    pub(super) hold: Option<Hold>,
    pub(super) hurried: Option<Actor>,
    pub(super) overrides: Vec<Override>,
    pub(super) next: Option<Next>,
    pub(super) outstanding: Outstanding,
    pub(super) outcome: Option<Outcome>,
    /// What is still watched after the promotion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) aftercare: Option<Aftercare>,
    /// The outside was known once, and the first stage has begun.
    pub(super) begun: bool,
    /// For how long nobody drove, until it is known whether users met the candidate meanwhile.
    #[serde(default, with = "crate::model::human_duration")]
    pub(super) absent: Duration,
    #[serde(skip)]
    pub(super) attach: Attach,
    #[serde(skip)]
    pub(super) seen: Seen,
    #[serde(skip)]
    pub(super) round: Round,
    #[serde(skip)]
    pub(super) retry_at: Elapsed,
}

/// The rollout's own time. `attended` grows with the driver's monotonic clock, but by no more than the allowed gap
/// at a time: what nobody attended neither bakes, nor holds, nor runs down a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Time {
    pub(super) started: Timestamp,
    pub(super) wall: Timestamp,
    pub(super) attended: Elapsed,
    #[serde(skip)]
    pub(super) last: Option<Elapsed>,
}

/// Which way it goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Course {
    Forward,
    Recovery(RecoveryRun),
}

/// How far the present stage has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StageRun {
    pub(super) index: StageIndex,
    pub(super) entered: Elapsed,
    /// Effects from this one on tell of the stage: they began within it, or its beginning was decided by them.
    pub(super) first: EffectId,
    pub(super) deadline: Option<Elapsed>,
    /// Since when a stage without a deadline has had a write that is not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unwritten_since: Option<Elapsed>,
    #[serde(with = "crate::model::human_duration")]
    pub(super) observed: Duration,
    /// The start of the last round that bake time may be counted from.
    #[serde(skip)]
    pub(super) credit_from: Option<Elapsed>,
    pub(super) approvals: Vec<Actor>,
    pub(super) passes: Times,
    pub(super) failures: Times,
    pub(super) next_try: Elapsed,
    /// The stage's own act is done: the hook has run, the drain has begun.
    pub(super) acted: Option<Elapsed>,
    /// The stage failed and a person was asked; resuming begins it anew.
    pub(super) failed: bool,
    /// What the last answer said, for people.
    pub(super) said: Option<Reason>,
}

/// How users shall meet the candidate, and how far that has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RoutingWanted {
    pub(super) exposure: Exposure,
    /// What the router accepted last, or was last seen to have.
    pub(super) confirmed: Exposure,
    /// Writes of a later generation than this one ask for it.
    pub(super) decided: Generation,
    /// The router has accepted it; observations from this effect on tell of it.
    pub(super) accepted: Option<EffectId>,
    /// It has taken effect since then.
    pub(super) in_effect: Option<Elapsed>,
    /// Users may ever have met the candidate.
    pub(super) raised: bool,
    /// Raises that were withdrawn unanswered: a router without fences may still carry them out.
    pub(super) late_raises: Vec<EffectId>,
}

/// What a track shall be, and whether the backend has accepted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TrackWanted {
    pub(super) revision: Revision,
    pub(super) replicas: Replicas,
    /// The backend has accepted it; observations from this effect on tell of it.
    pub(super) accepted: Option<EffectId>,
}

/// It holds still until a person says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hold {
    pub(super) reason: Reason,
    pub(super) since: Elapsed,
}

/// How far the way back has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RecoveryRun {
    pub(super) cause: Cause,
    pub(super) since: Elapsed,
    pub(super) alarm_at: Elapsed,
    /// The first off of this recovery was decided.
    pub(super) off_decided: bool,
    /// Traffic is off, by the router's own word.
    pub(super) off_since: Option<Elapsed>,
    pub(super) forced: bool,
    /// Stable's replicas were never ended nor overwritten by this rollout: it can take all traffic at once.
    pub(super) stable_intact: bool,
}

/// The guards watch on after the promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Aftercare {
    pub(super) until: Elapsed,
}

/// What is known since this process drives.
#[allow(clippy::struct_excessive_bools, reason = "each is one thing that is known or not")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Attach {
    pub(super) routing_claimed: bool,
    pub(super) workload_claimed: bool,
    pub(super) began: Option<Elapsed>,
    pub(super) done: bool,
    /// What is scaled holds marks: the last look at stable showed ours.
    pub(super) workload_marked: bool,
    /// What is routed holds them: the last look showed ours.
    pub(super) routing_marked: bool,
    /// What the marks outside tell of this rollout.
    pub(super) told: Told,
}

impl Attach {
    /// Whether everything that is written to has been claimed.
    pub(super) fn claimed(&self, routed: bool) -> bool {
        self.workload_claimed && (self.routing_claimed || !routed)
    }
}

/// The last look at the outside.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Seen {
    pub(super) workload: Option<(EffectId, WorkloadState)>,
    pub(super) routing: Option<(EffectId, Routing)>,
    pub(super) blind_since: Option<Elapsed>,
    pub(super) blind_failure: Option<Failure>,
    /// Since when the candidate has too few replicas for its users.
    pub(super) starved_since: Option<Elapsed>,
    /// Since when stable has users and no replica.
    pub(super) deserted_since: Option<Elapsed>,
}

/// One round of observations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Round {
    pub(super) due: Elapsed,
    pub(super) started: Elapsed,
    /// Since when something is awaited: the last decision, or the last write that was accepted.
    pub(super) awaiting: Elapsed,
    pub(super) first: EffectId,
    pub(super) measured_at: Option<Elapsed>,
    pub(super) failed: bool,
    /// Something was accepted since it began: it is looked at anew at once.
    pub(super) again: bool,
    pub(super) all_clear: bool,
    /// The last save that was asked for only to lose little.
    pub(super) noted: Elapsed,
}

impl State {
    pub(super) fn begin(plan: &Plan, rollout: RolloutId, epoch: Epoch, now: Now) -> Self {
        let time =
            Time { started: now.wall, wall: now.wall, attended: Elapsed::ZERO, last: Some(now.elapsed) };
        let track = |revision: &Revision, replicas| TrackWanted {
            revision: revision.clone(),
            replicas,
            accepted: Some(EffectId::default()),
        };
        let first = plan.stages().first();
        let deadline = first.and_then(Stage::deadline).map(|deadline| Elapsed::ZERO + deadline);
        State {
            rollout,
            epoch,
            generation: Generation::default(),
            time,
            course: Course::Forward,
            run: StageRun::begin(StageIndex::FIRST, Elapsed::ZERO, EffectId::default(), deadline),
            routing: RoutingWanted {
                exposure: Exposure::OFF,
                confirmed: Exposure::OFF,
                decided: Generation::default(),
                accepted: Some(EffectId::default()),
                in_effect: Some(Elapsed::ZERO),
                raised: false,
                late_raises: Vec::new(),
            },
            stable: track(plan.stable(), plan.replicas()),
            candidate: track(plan.candidate(), Replicas::ZERO),
            guards: plan.guards().iter().map(GuardState::of).collect(),
            cursor: None,
            hold: None,
            hurried: None,
            overrides: Vec::new(),
            next: None,
            outstanding: Outstanding::default(),
            outcome: None,
            aftercare: None,
            begun: false,
            absent: Duration::ZERO,
            attach: Attach::default(),
            seen: Seen::default(),
            round: Round::default(),
            retry_at: Elapsed::ZERO,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.outcome.is_some() && self.aftercare.is_none() && self.outstanding.is_empty()
    }

    /// A snapshot that never was JSON still holds what its process had learned; its successor knows nothing of it.
    pub(super) fn forget(&mut self) {
        self.attach = Attach::default();
        self.seen = Seen::default();
        self.round = Round::default();
        self.retry_at = Elapsed::ZERO;
        self.time.last = None;
        self.run.credit_from = None;
    }

    pub(super) fn track(&self, track: Track) -> &TrackWanted {
        match track {
            Track::Stable => &self.stable,
            Track::Candidate => &self.candidate,
        }
    }

    pub(super) fn track_mut(&mut self, track: Track) -> &mut TrackWanted {
        match track {
            Track::Stable => &mut self.stable,
            Track::Candidate => &mut self.candidate,
        }
    }

    pub(super) fn workload(&self) -> Option<&WorkloadState> {
        self.seen.workload.as_ref().map(|(_, workload)| workload)
    }

    /// How many replicas of what a track shall run are ready, once that was looked at after the backend accepted it.
    pub(super) fn ready(&self, track: Track) -> Option<Replicas> {
        self.fresh(track).map(|seen| seen.ready_of(&self.track(track).revision))
    }

    /// What a track shall run, it runs, as far as that is up to those who change it.
    pub(super) fn is_settled(&self, track: Track) -> bool {
        self.fresh(track).is_some_and(|seen| seen.awaits.is_none())
    }

    /// What a look tells that was taken after the track's last write was accepted.
    pub(super) fn fresh(&self, track: Track) -> Option<&TrackState> {
        let (seen, workload) = self.seen.workload.as_ref()?;
        let fresh = self.track(track).accepted.is_some_and(|accepted| *seen >= accepted);
        fresh.then(|| workload.track(track))
    }

    /// What a look tells that was taken after the last routing write was accepted.
    pub(super) fn fresh_routing(&self) -> Option<&Routing> {
        let (seen, routing) = self.seen.routing.as_ref()?;
        let fresh = self.routing.accepted.is_some_and(|accepted| *seen >= accepted);
        fresh.then_some(routing)
    }
}

impl StageRun {
    pub(super) fn begin(
        index: StageIndex,
        entered: Elapsed,
        first: EffectId,
        deadline: Option<Elapsed>,
    ) -> Self {
        Self {
            index,
            entered,
            first,
            deadline,
            unwritten_since: None,
            observed: Duration::ZERO,
            credit_from: None,
            approvals: Vec::new(),
            passes: Times::ZERO,
            failures: Times::ZERO,
            next_try: entered,
            acted: None,
            failed: false,
            said: None,
        }
    }
}

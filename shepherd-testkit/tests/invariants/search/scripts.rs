//! Ways that once led somewhere else: the search found each of them.

use shepherd_core::machine::{Command, EffectId, Outcome};
use shepherd_core::model::{FailureKind, Track};
use shepherd_core::plan::Plan;

use super::luck::Luck;
use super::moves::Move;
use super::node::Node;
use super::plans;

/// Enough of each.
const LUCK: Luck = Luck { failures: 3, late: 3, kills: 3, levers: 3, losses: 3, slow: 3 };

fn started(plan: Plan) -> Node {
    Node::start(plan, LUCK)
}

impl Node {
    #[track_caller]
    fn then(&self, happens: &Move) -> Node {
        self.after(happens).unwrap_or_else(|wrong| panic!("{wrong} after {happens}")).0
    }

    /// Goes on calmly until this is asked of the outside.
    #[track_caller]
    fn until_asked(self, what: &str) -> Node {
        self.calmly(|node| node.pending().iter().any(|(_, effect)| effect.to_string() == what))
    }

    #[track_caller]
    fn until_done(self) -> Node {
        self.calmly(|node| node.machine.is_done())
    }

    #[track_caller]
    fn until_in(self, stage: &str) -> Node {
        self.calmly(|node| node.machine.status().stage.as_str() == stage)
    }

    /// Replicas get ready, calls are answered, and time passes.
    #[track_caller]
    fn calmly(mut self, until: impl Fn(&Node) -> bool) -> Node {
        for _ in 0..200 {
            if until(&self) {
                return self;
            }
            let moves = self.moves();
            let ready = moves.iter().find(|happens| matches!(happens, Move::Readies(_)));
            let answers = moves.iter().find(|happens| matches!(happens, Move::Answers(_) | Move::Says(..)));
            self = self.then(ready.or(answers).unwrap_or(&Move::Ticks));
        }
        panic!("it never comes to that: {:#?}", self.machine.status());
    }

    /// What becomes of this effect.
    #[track_caller]
    fn of(&self, what: &str, becomes: impl Fn(EffectId) -> Move) -> Node {
        let pending = self.pending();
        let (id, _) = pending.iter().find(|(_, effect)| effect.to_string() == what).unwrap();
        self.then(&becomes(*id))
    }

    fn roll_back(&self) -> Node {
        self.then(&Move::Pulls(Command::RollBack { reason: "so".into(), force: true }))
    }
}

/// A write that was under way when less was wanted counted as the answer to that.
#[test]
fn a_candidate_that_was_still_being_scaled_up_is_ended() {
    let scaling = started(plans::split(2)).until_asked("2 replicas of v2 on candidate");
    let done = scaling.roll_back().until_done();
    assert!(matches!(done.machine.outcome(), Some(Outcome::RolledBack(_))));
}

/// Without a router replicas are the exposure: those that were refused were asked for again on the way back.
#[test]
fn replicas_that_were_refused_are_not_asked_for_on_the_way_back() {
    for plan in [plans::ratio(), plans::in_place()] {
        let scaling = started(plan).until_asked("1 replicas of v2 on candidate");
        let refused = scaling
            .of("1 replicas of v2 on candidate", |id| Move::Fails(id, FailureKind::Permanent))
            .until_done();
        assert!(matches!(refused.machine.outcome(), Some(Outcome::RolledBack(_))));
    }
}

/// The next process took stable for as small as its save said, and made it so.
#[test]
fn whoever_finds_stable_back_does_not_make_it_smaller() {
    let back = started(plans::in_place())
        .until_asked("0 replicas of v1 on stable")
        .of("0 replicas of v1 on stable", |id| Move::Fails(id, FailureKind::Permanent))
        .until_asked("0 replicas of v2 on candidate")
        .of("0 replicas of v2 on candidate", Move::Answers);
    for save in 0..=back.kept.len() {
        back.then(&Move::Dies(save)).until_done();
    }
}

/// The promotion was decided while writes were to wait, so that stable counted as touched, and the off waited for it.
#[test]
fn an_abort_before_stable_was_asked_for_anything_takes_off_at_once() {
    let shown = started(plans::split(1))
        .until_asked("route 100% to the candidate")
        .of("route 100% to the candidate", Move::LosesAnswer);
    let seen = shown.calmly(|node| node.pending().is_empty());
    seen.then(&Move::Pulls(Command::Abort { reason: "so".into() })).until_done();
}

/// Whatever is not a raise was tried again without a look at who is to serve.
#[test]
fn the_return_of_the_traffic_is_tried_again_only_while_stable_is_ready() {
    let failed = started(plans::split(1))
        .until_asked("route 0% to the candidate")
        .of("route 0% to the candidate", |id| Move::Fails(id, FailureKind::Transient));
    let lost = failed.then(&Move::Loses(Track::Stable));
    lost.of("observe workload", Move::Answers).then(&Move::Ticks).until_done();
}

/// The deadline stood still for whoever resumed, and for nobody who went on in another way.
#[test]
fn who_hurries_on_from_a_pause_finds_the_deadline_where_it_was() {
    let baking = started(plans::split(1)).until_in("bake-50%");
    let mut paused = baking.then(&Move::Pulls(Command::Pause { reason: "so".into() }));
    for _ in 0..4 {
        paused = paused.calmly(|node| node.pending().is_empty()).then(&Move::Ticks);
    }
    let hurried = paused.then(&Move::Pulls(Command::Promote)).until_done();
    assert!(matches!(hurried.machine.outcome(), Some(Outcome::Promoted(_))));
}

/// Without a router the candidate ended after its drain, whatever had become of stable meanwhile.
#[test]
fn the_candidate_is_retired_only_while_stable_is_ready() {
    let promoted = started(plans::ratio()).until_in("retire-candidate").until_asked("observe workload");
    let lost = promoted.then(&Move::Loses(Track::Stable)).of("observe workload", Move::Answers);
    lost.then(&Move::Ticks).then(&Move::Ticks).until_done();
}

/// A save held the write that ends a replica, and the next process made it without a look at the others.
#[test]
fn whoever_resumes_ends_no_replica_that_is_needed() {
    let killed = started(plans::in_place()).until_asked("1 replicas of v1 on stable").then(&Move::Dies(0));
    let lost = killed.until_asked("observe workload").then(&Move::Loses(Track::Candidate));
    lost.of("observe workload", Move::Answers).until_done();
}

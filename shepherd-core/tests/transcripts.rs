//! Whole rollouts, told effect by effect. Each transcript is kept in `transcripts/`; a change of behaviour shows as a
//! change of text. `UPDATE_TRANSCRIPTS=1 cargo test -p shepherd-core --test transcripts` writes them anew.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "transcripts/outside.rs"]
mod outside;

use std::fmt::Write as _;
use std::time::Duration;

use shepherd_core::machine::{
    Answer, Command, Effect, EffectId, Ending, Input, Machine, Outcome, WaitingFor,
};
use shepherd_core::model::{
    Actor, Cursor, Elapsed, Epoch, Exposure, Failure, FailureKind, Mark, Measurement, Metric, Now, Reading,
    Replicas, Revision, RolloutId, RouterCapabilities, Routing, Sample, Timestamp, Track, TrackState,
    Traffic, Verdict, WorkloadState,
};
use shepherd_core::plan::{Approval, Attention, Change, Recovery};
use shepherd_core::strategy::{AbTest, BlueGreen, Canary, Count, Rolling, Strategy};

use outside::Outside;

/// Runs a machine against an outside, and writes down what happens.
struct Script {
    machine: Machine,
    outside: Outside,
    now: Duration,
    text: String,
    performed: Vec<EffectId>,
}

impl Script {
    fn new(strategy: &dyn Strategy, change: &Change, outside: Outside) -> Self {
        let plan = strategy.plan(change).unwrap();
        let text = format!("{}\n---\n", plan.dry_run());
        let machine =
            Machine::start(plan, RolloutId::new("shop/web#1").unwrap(), Epoch::new(1), Now::default());
        let mut script = Self { machine, outside, now: Duration::ZERO, text, performed: Vec::new() };
        script.tell(Input::Tick);
        script
    }

    fn tell(&mut self, input: Input) {
        let millis = u64::try_from(self.now.as_millis()).unwrap();
        let now = Now { wall: Timestamp::from_millis(millis), elapsed: Elapsed::from_millis(millis) };
        let step = self.machine.step(now, input);
        for event in step.events {
            self.line(&format!("* {}", event.what));
        }
        if let Some(refusal) = step.refused {
            self.line(&format!("! {refusal}"));
        }
    }

    fn line(&mut self, text: &str) {
        writeln!(
            self.text,
            "{:>7}  {text}",
            humantime::format_duration(self.now).to_string().replace(' ', "")
        )
        .unwrap();
    }

    fn command(&mut self, command: Command) {
        self.line(&format!("> {command:?}"));
        self.tell(Input::Commanded { by: Actor::new("ada").unwrap(), command });
    }

    /// Performs what is pending, and lets time pass, until the condition holds or nothing is left.
    fn until(&mut self, done: impl Fn(&Machine) -> bool) {
        for _ in 0..20_000 {
            if done(&self.machine) {
                return;
            }
            let next = self.machine.pending().effects.first().map(|(id, effect)| (*id, (*effect).clone()));
            match (next, self.machine.pending().wake_in) {
                (Some((id, effect)), _) => self.perform(id, &effect),
                (None, Some(wait)) => {
                    self.now += wait.max(Duration::from_millis(1));
                    self.tell(Input::Tick);
                }
                (None, None) => return,
            }
        }
        panic!("it never ends:\n{}", self.text);
    }

    fn perform(&mut self, id: EffectId, effect: &Effect) {
        assert!(!self.performed.contains(&id), "{effect} is offered again after its answer");
        self.performed.push(id);
        if !effect.is_observation() && !matches!(effect, Effect::Notify(_)) {
            self.line(&effect.to_string());
        }
        match self.outside.perform(effect) {
            Ok(answer) => self.tell(Input::Answered { effect: id, answer }),
            Err(failure) => self.tell(Input::Failed { effect: id, failure }),
        }
    }

    fn end(mut self, name: &str) -> String {
        self.until(|_| false);
        let outcome = self.machine.outcome().expect("it has ended").clone();
        writeln!(self.text, "---\n{}: {}", outcome.ending(), outcome.why()).unwrap();
        compare(name, &self.text);
        self.text
    }
}

fn compare(name: &str, text: &str) {
    let path = format!("{}/tests/transcripts/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_TRANSCRIPTS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{path} differs; it is now:\n{text}");
}

fn revision(name: &str) -> Revision {
    Revision::new(name).unwrap()
}

fn change(replicas: u32) -> Change {
    Change::new("shop/web".parse().unwrap(), revision("v1"), revision("v2"))
        .replicas(Replicas::new(replicas))
        .guard("error_rate > 5% for 30s".parse().unwrap())
        .attention(Attention::default().every(Duration::from_secs(5)))
}

fn routed(replicas: u32) -> Change {
    change(replicas).router(RouterCapabilities::weighted().with_matches().with_swaps())
}

fn canary() -> Canary {
    Canary::weights([10, 50, 100]).unwrap().every(Duration::from_mins(1)).recovery(Recovery::default())
}

fn in_stage(name: &'static str) -> impl Fn(&Machine) -> bool {
    move |machine| machine.status().stage.as_str() == name
}

#[test]
fn canary_promoted() {
    Script::new(&canary(), &routed(4), Outside::new(4)).end("canary-promoted");
}

#[test]
fn canary_rolled_back_by_its_guard() {
    let mut script = Script::new(&canary(), &routed(4), Outside::new(4));
    script.until(in_stage("bake-50%"));
    script.outside.errors = 0.2;
    script.end("canary-rolled-back");
}

#[test]
fn canary_aborted_while_promoting_restores_stable_first() {
    let mut script = Script::new(&canary(), &routed(4), Outside::new(4));
    script.until(in_stage("promote"));
    script.command(Command::Abort { reason: "changed our minds".into() });
    script.end("canary-aborted-while-promoting");
}

/// The owner's controller may have begun with what he shipped, or not yet: that the old replicas are ready is no end.
#[test]
fn canary_aborted_while_its_owner_promotes_ends_when_he_has_restored_stable() {
    let mut script = Script::new(&canary(), &routed(4), Outside::new(4));
    script.until(in_stage("promote"));
    script.outside.shipped = Some(revision("v2"));
    script.command(Command::Abort { reason: "changed our minds".into() });
    script.until(|machine| {
        let waiting = machine.status().waiting;
        waiting.since >= Duration::from_mins(2) && waiting.on.to_string().contains("its owner has shipped v2")
    });
    script.line("= the owner ships v1 again");
    script.outside.shipped = Some(revision("v1"));
    script.end("canary-aborted-while-its-owner-promotes");
}

/// A hotfix of stable is what users go back to.
#[test]
fn canary_whose_stable_is_edited_is_taken_back_and_keeps_the_edit() {
    let edited = |change: &Change, stage: &'static str, name: &str| {
        let mut script = Script::new(&canary(), change, Outside::new(4));
        script.until(in_stage(stage));
        script.line("= somebody makes stable v9");
        script.outside.workload.stable.revision = Some(revision("v9"));
        script.until(|machine| machine.outcome().is_some());
        assert_eq!(script.machine.outcome().map(Outcome::ending), Some(Ending::RolledBack));
        let stable = &script.outside.workload.stable;
        assert_eq!((stable.revision.clone(), stable.desired), (Some(revision("v9")), Replicas::new(4)));
        script.end(name);
    };
    edited(&routed(4), "bake-50%", "canary-stable-edited");
    edited(&change(4), "bake-2", "canary-by-replicas-stable-edited");
}

/// Nobody has looked in between.
#[test]
fn canary_aborted_after_its_stable_was_edited_keeps_the_edit() {
    let mut script = Script::new(&canary(), &routed(4), Outside::new(4));
    script.until(in_stage("bake-50%"));
    script.line("= somebody makes stable v9");
    script.outside.workload.stable.revision = Some(revision("v9"));
    script.command(Command::Abort { reason: "changed our minds".into() });
    let text = script.end("canary-stable-edited-and-aborted");
    assert!(!text.contains("of v1 on stable"), "{text}");
}

/// Where no promotion overwrites stable, the candidate's own revision is an edit of it like any other.
#[test]
fn rolling_whose_stable_is_made_the_candidate_by_hand_ends_there() {
    let mut script = Script::new(&rolling(), &change(4), Outside::new(4));
    script.until(in_stage("bake"));
    script.outside.workload.stable.revision = Some(revision("v2"));
    script.until(|machine| machine.outcome().is_some());
    let outcome = script.machine.outcome().unwrap();
    assert_eq!(outcome.ending(), Ending::RolledBack);
    assert!(
        outcome.why().contains("somebody made stable v2; what they make of it stays"),
        "{}",
        outcome.why()
    );
    let stable = &script.outside.workload.stable;
    assert_eq!((stable.revision.clone(), stable.desired), (Some(revision("v2")), Replicas::new(4)));
}

/// Whoever comes next cannot have its write accepted, and so sees nothing that is newer than it.
#[test]
fn rolling_that_is_undone_by_hand_while_nobody_drives_it_is_taken_back() {
    let mut script = Script::new(&rolling(), &change(4), Outside::new(4));
    script.until(in_stage("scale-candidate-3"));
    script.machine = Machine::resume(script.machine.snapshot(), Epoch::new(2)).unwrap();
    script.outside.undone = true;
    let candidate = &mut script.outside.workload.candidate;
    (candidate.desired, candidate.failing) = (Replicas::ZERO, Some("somebody has put v1 back".into()));
    script.until(|machine| machine.outcome().is_some());
    let outcome = script.machine.outcome().unwrap();
    assert_eq!(outcome.why(), "candidate replicas fail: somebody has put v1 back");
}

/// Its replicas would only be too few.
#[test]
fn canary_whose_candidate_is_edited_is_taken_back_for_that() {
    let mut script = Script::new(&canary(), &routed(4), Outside::new(4));
    script.until(in_stage("bake-50%"));
    script.line("= somebody makes the candidate v9");
    script.outside.workload.candidate.revision = Some(revision("v9"));
    let text = script.end("canary-candidate-edited");
    assert!(text.ends_with("somebody made the candidate v9, which nobody has asked to roll out\n"), "{text}");
}

/// Who goes on without putting it right is asked again.
#[test]
fn canary_whose_stable_has_nobody_left_waits_for_a_person() {
    let mut script = Script::new(&canary(), &routed(4), Outside::new(4));
    let paused = |machine: &Machine| machine.status().paused.is_some();
    script.until(in_stage("bake-50%"));
    script.line("= somebody scales stable to 0");
    script.outside.scale_stable(0);
    script.until(paused);
    script.command(Command::Resume);
    script.until(paused);
    script.line("= somebody scales stable to 4");
    script.outside.scale_stable(4);
    script.command(Command::Resume);
    script.end("canary-stable-deserted");
}

/// Whoever sends its users to the candidate is not held up by what they leave; nor is a stable that comes back by itself.
#[test]
fn canary_whose_stable_has_nobody_left_may_be_promoted_or_wait_for_it() {
    let mut script = Script::new(&canary(), &routed(4), Outside::new(4));
    script.until(in_stage("bake-50%"));
    script.outside.scale_stable(0);
    script.until(|machine| machine.status().paused.is_some());
    script.command(Command::Promote);
    script.end("canary-stable-deserted-promoted");
    let mut script = Script::new(&canary(), &routed(4), Outside::new(4));
    script.until(in_stage("bake-50%"));
    let begun = script.now;
    script.outside.scale_stable(0);
    script.until(|machine| machine.status().waiting.since >= Duration::from_secs(15));
    script.outside.scale_stable(4);
    script.until(in_stage("scale-candidate-4"));
    let took = script.now.checked_sub(begun).unwrap();
    assert!(took >= Duration::from_secs(75) && !script.text.contains("paused"), "{took:?}: {}", script.text);
}

/// Nobody is sent to it by a router.
#[test]
fn a_stable_without_users_may_have_nobody() {
    let mut script = Script::new(&BlueGreen::new(), &routed(3), Outside::new(3));
    script.until(in_stage("bake-100%"));
    script.outside.scale_stable(0);
    script.until(|machine| machine.outcome().is_some());
    assert!(!script.text.contains("paused"), "{}", script.text);
    let mut script = Script::new(&canary(), &change(4), Outside::new(4));
    script.until(in_stage("bake-2"));
    script.outside.scale_stable(0);
    script.until(|machine| machine.outcome().is_some());
    assert!(!script.text.contains("paused"), "{}", script.text);
}

#[test]
fn canary_aborted_after_the_promotion_asks_for_a_rollout_back() {
    let mut script = Script::new(&canary(), &routed(4), Outside::new(4));
    script.until(in_stage("return"));
    script.command(Command::Abort { reason: "too late".into() });
    script.end("canary-aborted-too-late");
}

#[test]
fn canary_without_a_router() {
    Script::new(&canary(), &change(4), Outside::new(4)).end("canary-by-replicas");
}

#[test]
fn canary_that_may_not_touch_stable_is_taken_back() {
    let mut script = Script::new(&canary(), &routed(4), Outside::new(4));
    script.outside.stable_is_stuck = true;
    script.until(|machine| {
        machine.status().stage.as_str() == "promote" && machine.status().phase.to_string() == "going back"
    });
    script.outside.stable_is_stuck = false;
    script.end("canary-denied-promotion");
}

/// What the router says of it is why the stage has failed.
#[test]
fn canary_whose_weight_never_takes_effect_is_taken_back() {
    let why = "Gateway public: ResolvedRefs is False, BackendNotFound: service \"web-candidate\" not found";
    let mut script = Script::new(&canary(), &routed(4), Outside::new(4));
    script.until(in_stage("expose-10%"));
    script.outside.kept_by = Some(why);
    script.until(|machine| machine.status().waiting.on == WaitingFor::Router(why.into()));
    script.until(|machine| machine.status().phase.to_string() == "going back");
    script.outside.kept_by = None;
    let text = script.end("canary-never-in-effect");
    assert!(text.lines().last().is_some_and(|line| line.contains(why)), "{text}");
}

/// So is what keeps the way back.
#[test]
fn canary_whose_off_takes_long_to_take_effect_says_why() {
    let why = "Gateway public has not accepted generation 9 yet";
    let mut script = Script::new(&canary(), &routed(4), Outside::new(4));
    script.until(in_stage("bake-50%"));
    script.outside.kept_by = Some(why);
    script.command(Command::Abort { reason: "changed our minds".into() });
    script.until(|machine| machine.status().waiting.since >= Duration::from_mins(6));
    let alarm = "* not through in time, and tried on: waiting for the routing to take effect: ";
    assert!(script.text.contains(&format!("{alarm}{why}")), "{}", script.text);
    script.outside.kept_by = None;
    script.end("canary-aborted-and-slow-to-take-effect");
}

#[test]
fn canary_paused_skipped_and_hurried_by_a_person() {
    let mut script = Script::new(&canary().confirmed(), &routed(4), Outside::new(4));
    script.until(in_stage("bake-10%"));
    script.command(Command::Pause { reason: "lunch".into() });
    script.command(Command::Approve);
    script.command(Command::Resume);
    script.command(Command::Skip);
    script.until(in_stage("approve"));
    script.command(Command::Approve);
    script.until(in_stage("bake-50%"));
    script.command(Command::Promote);
    script.end("canary-by-hand");
}

#[test]
fn another_revision_takes_the_candidate_back_first() {
    let mut script = Script::new(&canary(), &routed(4), Outside::new(4));
    script.until(in_stage("bake-10%"));
    script.command(Command::Supersede { revision: revision("v2") });
    script.command(Command::Supersede { revision: revision("v3") });
    script.end("canary-superseded");
}

#[test]
fn blue_green_promoted() {
    let strategy = BlueGreen::new()
        .smoke_check("smoke".parse().unwrap())
        .approved_by(Approval::of_anybody(1))
        .grace(Duration::from_mins(1));
    let mut script = Script::new(&strategy, &routed(3), Outside::new(3));
    script.until(in_stage("approve"));
    script.command(Command::Approve);
    script.end("blue-green-promoted");
}

#[test]
fn blue_green_stopped_by_its_smoke_check_never_meets_a_user() {
    let strategy = BlueGreen::new().smoke_check("smoke".parse().unwrap());
    let mut script = Script::new(&strategy, &routed(3), Outside::new(3));
    script.outside.gate = || Verdict::Fail("500 on /api/health".into());
    let text = script.end("blue-green-smoke");
    assert!(!text.split("---").nth(1).unwrap().contains("route"), "{text}");
}

#[test]
fn blue_green_switched_back() {
    let mut script =
        Script::new(&BlueGreen::new().grace(Duration::from_mins(1)), &routed(3), Outside::new(3));
    script.until(in_stage("bake-100%"));
    script.outside.errors = 0.5;
    script.end("blue-green-switched-back");
}

#[test]
fn ab_test_promoted() {
    let strategy =
        AbTest::by_header("x-beta", "1").lasting(Duration::from_mins(2)).settle(Duration::from_mins(1));
    Script::new(&strategy, &routed(4), Outside::new(4)).end("ab-test-promoted");
}

fn rolling() -> Rolling {
    Rolling::new()
        .max_surge(Count::number(1))
        .max_unavailable(Count::number(1))
        .settle(Duration::from_secs(10))
}

#[test]
fn rolling_promoted() {
    Script::new(&rolling(), &change(4), Outside::new(4)).end("rolling-promoted");
}

#[test]
fn rolling_undone() {
    let mut script = Script::new(&rolling(), &change(4), Outside::new(4));
    script.until(in_stage("bake-2"));
    script.outside.errors = 0.2;
    script.end("rolling-undone");
}

#[test]
fn what_is_not_as_planned_is_refused_before_anything_is_changed() {
    let mut outside = Outside::new(4);
    outside.workload.stable.revision = Some(revision("v0"));
    let text = Script::new(&canary(), &routed(4), outside).end("refused");
    assert!(!text.contains("replicas of v2 on"), "{text}");
}

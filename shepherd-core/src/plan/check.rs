//! Finds every mistake in a plan before anything happens.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::{Action, Approval, Draft, Headroom, Mode, PlanError, Problem, Promotion, Stage};
use crate::model::{
    Exposure, Match, People, Replicas, RouterCapabilities, Times, Track, Weight, human_duration,
};

const MOST_STAGES: usize = 1000;
const MOST_GUARDS: usize = 64;

pub(super) fn check(draft: &Draft) -> Result<(), PlanError> {
    let mut found = Found::default();
    change(draft, &mut found);
    mode(draft, &mut found);
    attention(draft, &mut found);
    stages(draft, &mut found);
    order(draft, &mut found);
    guards(draft, &mut found);
    PlanError::of(found.0).map_or(Ok(()), Err)
}

#[derive(Default)]
struct Found(Vec<Problem>);

impl Found {
    fn unless(&mut self, fits: bool, field: &str, value: impl fmt::Display, allowed: &str, remedy: &str) {
        if !fits {
            self.0.push(Problem::new(field, value, allowed, remedy));
        }
    }

    fn positive(&mut self, field: &str, time: Duration) {
        self.unless(
            !time.is_zero(),
            field,
            human_duration::show(time),
            "more than 0s",
            "give it some time, such as 30s",
        );
    }
}

fn change(draft: &Draft, found: &mut Found) {
    found.unless(
        draft.stable != draft.candidate,
        "candidate",
        &draft.candidate,
        "a revision other than the stable one",
        "roll out another revision, or nothing: this one already serves",
    );
    found.unless(
        !is_empty(draft),
        "replicas",
        draft.replicas,
        "at least 1",
        "scale the target up before rolling it out",
    );
}

fn mode(draft: &Draft, found: &mut Found) {
    found.unless(
        !draft.mode.routed() || draft.router.is_some(),
        "router",
        "none",
        "a router, since the strategy moves traffic by one",
        "give the rollout a router, or choose a strategy that goes by replicas",
    );
    let weighted = draft.router.is_none_or(|router| router.finest_weight < Weight::FULL);
    found.unless(
        draft.mode != Mode::Split || weighted,
        "router",
        "one that only switches",
        "a router of weights, since the strategy splits the traffic",
        "use a router of weights, or choose blue/green",
    );
    let swaps = draft.router.is_none_or(|router| router.swaps);
    found.unless(
        draft.promotion != Promotion::Swap || !draft.mode.routed() || swaps,
        "promotion",
        "swap",
        "copy, since the two sides of the router cannot change roles",
        "promote by copy, or use a router that swaps",
    );
    if let Some(headroom) = draft.mode.headroom() {
        found.unless(
            headroom.surge > Replicas::ZERO || headroom.unavailable > Replicas::ZERO || is_empty(draft),
            "headroom",
            "max surge 0 and max unavailable 0",
            "at least one of them above 0",
            "allow one replica more, or one fewer: otherwise none can be replaced",
        );
    }
}

fn attention(draft: &Draft, found: &mut Found) {
    let attention = &draft.attention;
    found.positive("attention.beat", attention.beat);
    found.positive("attention.call_timeout", attention.call_timeout);
    found.positive("attention.blind", attention.blind);
    found.unless(
        attention.max_gap > attention.beat,
        "attention.max_gap",
        human_duration::show(attention.max_gap),
        "more than the beat, or nothing would ever count as watched",
        "make it three beats",
    );
    found.positive("recovery.deadline", draft.recovery.deadline);
    if let Some(time) = draft.watch_after {
        found.positive("watch_after", time);
    }
}

fn stages(draft: &Draft, found: &mut Found) {
    let count = draft.stages.len();
    found.unless(
        (1..=MOST_STAGES).contains(&count),
        "stages",
        format_args!("{count} stages"),
        "1 to 1000 stages",
        "add a stage that promotes, or split the rollout",
    );
    let mut names = BTreeSet::new();
    for (index, one) in draft.stages.iter().enumerate() {
        let field = field(index, one);
        found.unless(
            names.insert(one.name()),
            &field,
            one.name(),
            "a name that no other stage has",
            "give it a name of its own",
        );
        deadline(&field, one, found);
        action(draft, &field, one.action(), found);
    }
}

fn field(index: usize, stage: &Stage) -> String {
    format!("stages[{index}] ({})", stage.name())
}

fn deadline(field: &str, stage: &Stage, found: &mut Found) {
    let least = match stage.action() {
        Action::Bake(time) | Action::Retire { drain: time, .. } => *time,
        _ => Duration::ZERO,
    };
    match stage.deadline() {
        Some(deadline) => found.unless(
            deadline > least,
            &format!("{field}.deadline"),
            human_duration::show(deadline),
            "more than the stage's own time",
            "give it more time, or leave the deadline out",
        ),
        None => found.unless(
            stage.action().asks_people(),
            &format!("{field}.deadline"),
            "none",
            "a deadline, since only people may take as long as they like",
            "give it one, such as 10m",
        ),
    }
}

fn action(draft: &Draft, field: &str, action: &Action, found: &mut Found) {
    match action {
        Action::Bake(time) => found.positive(&format!("{field}.bake"), *time),
        Action::Expose(exposure) => expose(draft, field, exposure, found),
        Action::Switch => routed(draft, field, found),
        Action::Approve(approval) => approve(field, approval, found),
        Action::Check(check) => {
            found.positive(&format!("{field}.every"), check.every);
            found.unless(
                check.passes > Times::ZERO,
                &format!("{field}.passes"),
                check.passes,
                "at least 1",
                "ask for one pass",
            );
        }
        Action::Scale { track: Track::Candidate, replicas } => found.unless(
            *replicas > Replicas::ZERO || is_empty(draft),
            &format!("{field}.replicas"),
            replicas,
            "at least 1",
            "retire the candidate by a retire stage",
        ),
        Action::Scale { .. } | Action::Promote | Action::Retire { .. } | Action::Hook(_) => {}
    }
}

/// Of no replicas no stage can have some, which is told once and not of each stage.
fn is_empty(draft: &Draft) -> bool {
    draft.replicas == Replicas::ZERO
}

fn routed(draft: &Draft, field: &str, found: &mut Found) {
    found.unless(
        draft.mode.routed(),
        field,
        "a routing stage",
        "none where replicas share the traffic",
        "scale the tracks, or use a mode with a router",
    );
}

fn expose(draft: &Draft, field: &str, exposure: &Exposure, found: &mut Found) {
    routed(draft, field, found);
    let Some(router) = &draft.router else { return };
    let weight = exposure.weight;
    found.unless(
        weight.rounded_to(router.finest_weight) == weight,
        &format!("{field}.weight"),
        weight,
        &format!("a multiple of {}, the finest that the router can", router.finest_weight),
        &format!("use {}", weight.rounded_to(router.finest_weight).max(router.finest_weight)),
    );
    matches(router, field, &exposure.matches, found);
    found.unless(
        router.mirror || exposure.mirror.is_zero(),
        &format!("{field}.mirror"),
        exposure.mirror,
        "0%, since the router cannot mirror",
        "use another router, or leave the mirror out",
    );
}

fn matches(router: &RouterCapabilities, field: &str, matches: &[Match], found: &mut Found) {
    let Some(beyond) = router.matches.beyond(matches) else { return };
    let among =
        if matches.len() > 1 { format!("{beyond}, one of {}", matches.len()) } else { beyond.to_string() };
    found.unless(
        false,
        &format!("{field}.matches"),
        among,
        &format!("{}: all that the router can choose requests by", router.matches),
        "choose by what it can, or use weights, or another router",
    );
}

fn approve(field: &str, approval: &Approval, found: &mut Found) {
    let different: BTreeSet<_> = approval.by.iter().collect();
    let enough = approval.by.is_empty() || approval.needed.get() as usize <= different.len();
    found.unless(
        approval.needed > People::ZERO && enough,
        &format!("{field}.needed"),
        approval.needed,
        "at least 1, and no more than there are different people",
        "ask fewer, or name more people",
    );
}

/// What only the whole order shows: users never meet a candidate without capacity, exposure only grows until the
/// promotion, and the promotion comes at full exposure.
fn order(draft: &Draft, found: &mut Found) {
    let promotes: Vec<_> = positions(draft, |action| matches!(action, Action::Promote));
    found.unless(
        promotes.len() == 1,
        "stages",
        format_args!("{} promote stages", promotes.len()),
        "exactly one",
        "let one stage promote",
    );
    let Some(&promote) = promotes.first() else { return };
    let (exposure, candidate) = before_promotion(draft, promote, found);
    if draft.mode.routed() {
        found.unless(
            exposure.is_full(),
            &field(promote, &draft.stages[promote]),
            format_args!("promotion at {exposure}"),
            "promotion only at 100%, or users would meet at once what only some have tried",
            "end with a stage at 100%",
        );
    } else {
        found.unless(
            candidate >= draft.replicas,
            &field(promote, &draft.stages[promote]),
            format_args!("promotion with {candidate} candidate replicas"),
            &format!("all {}, or users would meet at once what only some have tried", draft.replicas),
            "scale the candidate up to all of them in a stage before",
        );
    }
    after_promotion(draft, promote, found);
}

fn positions(draft: &Draft, wanted: impl Fn(&Action) -> bool) -> Vec<usize> {
    let numbered = draft.stages.iter().enumerate();
    numbered.filter(|(_, stage)| wanted(stage.action())).map(|(index, _)| index).collect()
}

/// How users meet the candidate when it is promoted, and how many replicas it has then.
fn before_promotion(draft: &Draft, promote: usize, found: &mut Found) -> (Exposure, Replicas) {
    let mut exposure = Exposure::OFF;
    let (mut candidate, mut stable) = (Replicas::ZERO, draft.replicas);
    for (index, stage) in draft.stages[..promote].iter().enumerate() {
        let field = field(index, stage);
        match stage.action() {
            Action::Scale { track, replicas } => {
                match track {
                    Track::Candidate => candidate = *replicas,
                    Track::Stable => stable = *replicas,
                }
                match draft.mode.headroom() {
                    None => capacity(draft, &field, &exposure, candidate, stable, found),
                    Some(headroom) => remaining(draft, &field, candidate, stable, headroom, found),
                }
            }
            Action::Retire { track, .. } => found.unless(
                false,
                &field,
                format_args!("{track} is retired before the promotion"),
                "retiring only after it",
                "move it behind the promote stage",
            ),
            action => {
                if let Some(next) = action.exposure() {
                    grows(&field, &exposure, &next, found);
                    capacity(draft, &field, &next, candidate, stable, found);
                    exposure = next;
                }
            }
        }
    }
    (exposure, candidate)
}

fn grows(field: &str, before: &Exposure, next: &Exposure, found: &mut Found) {
    found.unless(
        next.raises(before) && next.weight >= before.weight,
        field,
        format_args!("{next} after {before}"),
        "each exposure above the one before it",
        "order the weights from small to large, up to 100%",
    );
}

fn capacity(
    draft: &Draft,
    field: &str,
    next: &Exposure,
    candidate: Replicas,
    stable: Replicas,
    found: &mut Found,
) {
    if is_empty(draft) {
        return;
    }
    let chosen = u32::from(!next.is_off());
    let needed = draft.replicas.for_weight(next.load()).max(Replicas::new(chosen));
    found.unless(
        candidate >= needed,
        field,
        format_args!("{next} to {candidate} candidate replicas"),
        &format!("at least {needed} replicas for that traffic"),
        "scale the candidate up in a stage before",
    );
    let left = draft.replicas.for_weight(next.weight.rest());
    found.unless(
        stable >= left,
        field,
        format_args!("{} to {stable} stable replicas", next.weight.rest()),
        &format!("at least {left} replicas for that traffic"),
        "keep stable scaled up",
    );
}

/// Where replicas share the traffic, both tracks together must take all of it, but for what may be unavailable.
fn remaining(
    draft: &Draft,
    field: &str,
    candidate: Replicas,
    stable: Replicas,
    headroom: Headroom,
    found: &mut Found,
) {
    let least = draft.replicas.get().saturating_sub(headroom.unavailable.get());
    let both = candidate.get().saturating_add(stable.get());
    let most = draft.replicas.get().saturating_add(headroom.surge.get());
    found.unless(
        (least..=most).contains(&both),
        field,
        format_args!("{stable} stable and {candidate} candidate replicas"),
        &format!("{least} to {most} of both together"),
        "scale the other track in a stage before",
    );
}

/// Nothing but clean-up follows the promotion, and nothing that serves is ended.
fn after_promotion(draft: &Draft, promote: usize, found: &mut Found) {
    let mut returned = !draft.mode.routed();
    for (index, stage) in draft.stages.iter().enumerate().skip(promote + 1) {
        let field = field(index, stage);
        match (stage.action(), draft.promotion) {
            (Action::Expose(exposure), Promotion::Copy) if exposure.is_off() => returned = true,
            (Action::Retire { track: Track::Candidate, .. }, Promotion::Copy) => found.unless(
                returned,
                &field,
                "the candidate is retired while it serves",
                "traffic back on stable before",
                "return the traffic in a stage before",
            ),
            (Action::Retire { track: Track::Stable, .. }, Promotion::Swap) | (Action::Hook(_), _) => {}
            (action, promotion) => found.unless(
                false,
                &field,
                format_args!("{action} after the promotion"),
                match promotion {
                    Promotion::Copy => "only returning traffic, retiring the candidate, and hooks",
                    Promotion::Swap => "only retiring stable, and hooks",
                },
                "move it before the promote stage",
            ),
        }
    }
    found.unless(
        returned || draft.promotion == Promotion::Swap,
        "stages",
        "traffic stays on the candidate",
        "traffic returned to stable after a promotion by copy",
        "add a stage that exposes nothing behind the promotion",
    );
}

fn guards(draft: &Draft, found: &mut Found) {
    found.unless(
        draft.guards.len() <= MOST_GUARDS,
        "guards",
        format_args!("{} guards", draft.guards.len()),
        "at most 64",
        "join some of them with `or`",
    );
    for (index, guard) in draft.guards.iter().enumerate() {
        let position = |name| draft.stages.iter().position(|stage| stage.name() == name);
        let (from, to) = (guard.stages().from.as_ref(), guard.stages().to.as_ref());
        for name in [from, to].into_iter().flatten() {
            found.unless(
                position(name).is_some(),
                &format!("guards[{index}].stages"),
                name,
                "the name of a stage of this plan",
                "name one that the dry run prints",
            );
        }
        if let (Some(from), Some(to)) = (from, to)
            && position(from) > position(to)
        {
            found.unless(
                false,
                &format!("guards[{index}].stages"),
                format_args!("{from} to {to}"),
                "a range in the plan's order",
                "swap the two",
            );
        }
    }
}

//! Who owns a target.

use shepherd_core::model::Epoch;
use shepherd_core::ports::{Claimed, Store, StoreError};

use super::StoreFixture;
use super::bench::{Bench, HOUR, claim, saved};
use crate::conformance::Broken;
use crate::conformance::cut::{MOST_POLLS, cut};
use crate::conformance::words::target;

/// Every claim gets an epoch greater than any before it.
///
/// # Errors
/// [`Broken`] when epochs do not grow.
pub async fn each_claim_gets_a_greater_epoch<F: StoreFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("each_claim_gets_a_greater_epoch", fixture).await?;
    let mut last = Epoch::default();
    for nth in 0..6 {
        let asked = claim(&format!("owner-{nth}"));
        let owned = bench.claims(&if nth % 2 == 0 { asked } else { asked.stealing() }).await?;
        bench.promise.holds(owned.epoch > last, format_args!("epoch {} after {last}", owned.epoch))?;
        last = owned.epoch;
        if nth % 2 == 1 {
            bench.releases(last).await?;
        }
    }
    Ok(())
}

/// A claim gets at least the epoch that it asks for, and the next one more than that.
///
/// # Errors
/// [`Broken`] when it gets less.
pub async fn a_claim_counts_from_what_was_seen_outside<F: StoreFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_claim_counts_from_what_was_seen_outside", fixture).await?;
    let seen = Epoch::new(40);
    let first = bench.claims(&claim("first").at_least(seen)).await?.epoch;
    bench.promise.holds(first >= seen, format_args!("epoch {first} where {seen} was seen outside"))?;
    let second = bench.claims(&claim("second").stealing()).await?.epoch;
    bench.promise.holds(second > first, format_args!("epoch {second} after {first}"))
}

/// While an owner lives a claim of another one is held off, and says by whom.
///
/// # Errors
/// [`Broken`] when it is not.
pub async fn a_living_owner_is_not_displaced<F: StoreFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_living_owner_is_not_displaced", fixture).await?;
    let epoch = bench.owner_with("first's").await?;
    let second = claim("second");
    match bench.settled(|| bench.store.claim(&bench.web, &second)).await {
        Err(StoreError::Held { holder, .. }) => {
            bench.promise.same("the holder", &holder.as_str(), &"first")?;
        }
        other => {
            return Err(bench.promise.broken(format!("a second claim must be held, but was: {other:?}")));
        }
    }
    bench.holds(epoch, Some(&saved(1, "first's"))).await
}

/// Of owners that claim at the same time exactly one becomes the owner.
///
/// # Errors
/// [`Broken`] when none or several do.
pub async fn of_concurrent_claimers_one_becomes_the_owner<F: StoreFixture>(
    fixture: &F,
) -> Result<(), Broken> {
    let bench = Bench::open("of_concurrent_claimers_one_becomes_the_owner", fixture).await?;
    let another = bench.another().await?;
    for nth in 1..=6 {
        let web = target(nth);
        let [one, two, three] = ["one", "two", "three"].map(claim);
        let answers = tokio::join!(
            bench.settled(|| bench.store.claim(&web, &one)),
            bench.settled(|| another.claim(&web, &two)),
            bench.settled(|| bench.store.claim(&web, &three)),
        );
        let answers = [answers.0, answers.1, answers.2];
        let owners = answers.iter().filter(|answer| answer.is_ok()).count();
        bench.promise.same("the number of owners", &owners, &1)?;
        let held = |answer: &Result<Claimed, _>| matches!(answer, Ok(_) | Err(StoreError::Held { .. }));
        bench.promise.holds(answers.iter().all(held), format_args!("claims were answered {answers:?}"))?;
    }
    Ok(())
}

/// After a release somebody else becomes the owner.
///
/// # Errors
/// [`Broken`] when the target is still held.
pub async fn a_released_target_can_be_claimed<F: StoreFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_released_target_can_be_claimed", fixture).await?;
    let first = bench.owner_with("first's").await?;
    bench.releases(first).await?;
    bench.releases(first).await?;
    bench.holds(first, Some(&saved(1, "first's"))).await?;
    bench.claims(&claim("second")).await.map(drop)
}

/// A late release of an epoch that is over leaves the present owner alone.
///
/// # Errors
/// [`Broken`] when it does not.
pub async fn releasing_an_old_epoch_does_nothing<F: StoreFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("releasing_an_old_epoch_does_nothing", fixture).await?;
    let (first, thief) = bench.robbed().await?;
    bench.releases(first).await?;
    bench.saves(thief, &saved(2, "thief's")).await
}

/// A claim that steals takes over from an owner that lives, with what that one saved.
///
/// # Errors
/// [`Broken`] when it does not.
pub async fn a_thief_takes_over<F: StoreFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_thief_takes_over", fixture).await?;
    let first = bench.owner_with("first's").await?;
    let thief = bench.claims(&claim("thief").stealing()).await?;
    bench.promise.holds(thief.epoch > first, format_args!("epoch {} after {first}", thief.epoch))?;
    bench.promise.same("what the thief gets", &thief.saved, &Some(saved(1, "first's")))?;
    bench.saves(thief.epoch, &saved(2, "thief's")).await
}

/// An owner that was robbed saves nothing more.
///
/// # Errors
/// [`Broken`] when it does.
pub async fn a_superseded_owner_saves_nothing<F: StoreFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_superseded_owner_saves_nothing", fixture).await?;
    let (first, thief) = bench.robbed().await?;
    let late = saved(9, "late");
    bench.superseded("a robbed owner's save", bench.store.save(&bench.web, first, &late).await)?;
    bench.holds(thief, Some(&saved(1, "first's"))).await
}

/// An owner that was robbed is told so when it renews.
///
/// # Errors
/// [`Broken`] when it is not.
pub async fn a_superseded_owner_cannot_renew<F: StoreFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_superseded_owner_cannot_renew", fixture).await?;
    let (first, _) = bench.robbed().await?;
    bench.superseded("a robbed owner's renewal", bench.store.renew(&bench.web, first, HOUR).await)
}

/// An owner that was robbed clears nothing.
///
/// # Errors
/// [`Broken`] when it does.
pub async fn a_superseded_owner_clears_nothing<F: StoreFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_superseded_owner_clears_nothing", fixture).await?;
    let (first, thief) = bench.robbed().await?;
    bench.superseded("a robbed owner's clearing", bench.store.clear(&bench.web, first).await)?;
    bench.holds(thief, Some(&saved(1, "first's"))).await
}

/// After its release an epoch is nobody's: it saves and renews nothing.
///
/// # Errors
/// [`Broken`] when it does.
pub async fn an_ended_owner_is_superseded<F: StoreFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("an_ended_owner_is_superseded", fixture).await?;
    let first = bench.owner_with("first's").await?;
    bench.releases(first).await?;
    let late = saved(2, "late");
    bench.superseded("a save after release", bench.store.save(&bench.web, first, &late).await)?;
    bench.superseded("a renewal after release", bench.store.renew(&bench.web, first, HOUR).await)
}

/// Closing keeps the last snapshot, and the epoch is nobody's afterwards. Only the owner may.
///
/// # Errors
/// [`Broken`] when the snapshot is lost, the target is still held, or somebody else closes it.
pub async fn closing_keeps_the_last_snapshot_and_frees_the_target<F: StoreFixture>(
    fixture: &F,
) -> Result<(), Broken> {
    let bench = Bench::open("closing_keeps_the_last_snapshot_and_frees_the_target", fixture).await?;
    let first = bench.owner_with("first's").await?;
    let last = saved(2, "first's last");
    bench.closes(first, &last).await?;
    bench.holds(first, Some(&last)).await?;
    let late = saved(3, "late");
    bench.superseded("a save after closing", bench.store.save(&bench.web, first, &late).await)?;
    let second = bench.claims(&claim("second")).await?;
    bench.promise.same("what the next owner gets", &second.saved, &Some(last))?;
    bench.superseded("closing what another owns", bench.store.close(&bench.web, first, &late).await)
}

/// An owner that renews stays the owner.
///
/// # Errors
/// [`Broken`] when it is refused.
pub async fn an_owner_renews<F: StoreFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("an_owner_renews", fixture).await?;
    let first = bench.owner_with("first's").await?;
    let renewed = bench.settled(|| bench.store.renew(&bench.web, first, HOUR)).await;
    bench.promise.ok("renewing", renewed)?;
    bench.saves(first, &saved(2, "second")).await
}

/// Two targets have two owners, and two records.
///
/// # Errors
/// [`Broken`] when one reaches into the other.
pub async fn targets_have_owners_of_their_own<F: StoreFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("targets_have_owners_of_their_own", fixture).await?;
    let epoch = bench.owner_with("first's").await?;
    let (other, second) = (target(2), claim("second"));
    let owned = bench.settled(|| bench.store.claim(&other, &second)).await;
    let owned = bench.promise.ok("a claim of another target", owned)?;
    bench.promise.same("what another target's owner gets", &owned.saved, &None)?;
    let theirs = saved(7, "second's");
    let answer = bench.settled(|| bench.store.save(&other, owned.epoch, &theirs)).await;
    bench.promise.ok("a save of another target", answer)?;
    bench.holds(epoch, Some(&saved(1, "first's"))).await
}

/// A claim that is dropped at any await has happened or not, and the same call again makes the owner. A store that
/// holds off the same name while it lives lets it take over by stealing.
///
/// # Errors
/// [`Broken`] when the target cannot be owned any more.
pub async fn a_dropped_claim_is_completed_by_the_same_call<F: StoreFixture>(
    fixture: &F,
) -> Result<(), Broken> {
    let bench = Bench::open("a_dropped_claim_is_completed_by_the_same_call", fixture).await?;
    for polls in 1..=MOST_POLLS {
        let asked = claim("first");
        let answer = cut(polls, bench.store.claim(&bench.web, &asked)).await;
        let owned = match bench.settled(|| bench.store.claim(&bench.web, &asked)).await {
            Err(StoreError::Held { holder, .. }) if holder == asked.owner => {
                bench.claims(&asked.stealing()).await?
            }
            owned => bench.promise.ok("the same claim again", owned)?,
        };
        let sequence = u64::try_from(polls).unwrap_or(u64::MAX);
        bench.saves(owned.epoch, &saved(sequence, "after")).await?;
        bench.releases(owned.epoch).await?;
        if answer.is_some() {
            break;
        }
    }
    Ok(())
}

//! What is kept.

use shepherd_core::model::Epoch;
use shepherd_core::ports::{Store, StoreError};

use super::StoreFixture;
use super::bench::{Bench, HOUR, claim, saved};
use crate::conformance::Broken;
use crate::conformance::cut::{MOST_POLLS, cut};
use crate::conformance::words::target;

/// A snapshot is loaded as it was saved, whatever text it is.
///
/// # Errors
/// [`Broken`] when it is not.
pub async fn what_was_saved_is_loaded_to_the_letter<F: StoreFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("what_was_saved_is_loaded_to_the_letter", fixture).await?;
    let epoch = bench.claims(&claim("first")).await?.epoch;
    let large = "0123456789abcdef".repeat(16 * 1024);
    let texts = [r#"{"at":0.1}"#, "", "two\nlines\r\n", "\"quoted\\\" \u{1F411} \t", &large];
    for (text, sequence) in texts.into_iter().zip(1..) {
        bench.saves(epoch, &saved(sequence, text)).await?;
        bench.holds(epoch, Some(&saved(sequence, text))).await?;
    }
    Ok(())
}

/// A claim answers what was saved last, and nothing when nothing was.
///
/// # Errors
/// [`Broken`] when it answers something else.
pub async fn a_claim_answers_what_was_saved_last<F: StoreFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_claim_answers_what_was_saved_last", fixture).await?;
    let first = bench.claims(&claim("first")).await?;
    bench.promise.same("what the first owner gets", &first.saved, &None)?;
    bench.saves(first.epoch, &saved(1, "one")).await?;
    bench.saves(first.epoch, &saved(2, "two")).await?;
    bench.releases(first.epoch).await?;
    let second = bench.claims(&claim("second")).await?;
    bench.promise.same("what the second owner gets", &second.saved, &Some(saved(2, "two")))
}

/// The same sequence again succeeds and changes nothing.
///
/// # Errors
/// [`Broken`] when it is refused, or replaces what is kept.
pub async fn the_same_sequence_again_changes_nothing<F: StoreFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("the_same_sequence_again_changes_nothing", fixture).await?;
    let epoch = bench.owner_with("one").await?;
    bench.saves(epoch, &saved(1, "one")).await?;
    bench.saves(epoch, &saved(1, "another")).await?;
    bench.holds(epoch, Some(&saved(1, "one"))).await
}

/// A save that runs late succeeds and changes nothing.
///
/// # Errors
/// [`Broken`] when it is refused, or replaces what is newer.
pub async fn an_older_sequence_succeeds_and_changes_nothing<F: StoreFixture>(
    fixture: &F,
) -> Result<(), Broken> {
    let bench = Bench::open("an_older_sequence_succeeds_and_changes_nothing", fixture).await?;
    let epoch = bench.owner_with("one").await?;
    bench.saves(epoch, &saved(5, "five")).await?;
    bench.saves(epoch, &saved(4, "four")).await?;
    bench.holds(epoch, Some(&saved(5, "five"))).await
}

/// A later owner may count its saves from the start.
///
/// # Errors
/// [`Broken`] when its saves are taken for late ones.
pub async fn a_later_owner_may_count_anew<F: StoreFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_later_owner_may_count_anew", fixture).await?;
    let first = bench.owner_with("one").await?;
    bench.saves(first, &saved(9, "nine")).await?;
    let thief = bench.claims(&claim("thief").stealing()).await?.epoch;
    bench.saves(thief, &saved(1, "anew")).await?;
    bench.holds(thief, Some(&saved(1, "anew"))).await
}

/// Clearing forgets the snapshot and lets its owner stay, and no epoch is given out twice.
///
/// # Errors
/// [`Broken`] when the snapshot stays, or epochs start again.
pub async fn clear_forgets_the_snapshot_and_keeps_the_epoch_counted<F: StoreFixture>(
    fixture: &F,
) -> Result<(), Broken> {
    let bench = Bench::open("clear_forgets_the_snapshot_and_keeps_the_epoch_counted", fixture).await?;
    bench.owner_with("one").await?;
    let thief = bench.claims(&claim("thief").stealing()).await?.epoch;
    for _ in 0..2 {
        let cleared = bench.settled(|| bench.store.clear(&bench.web, thief)).await;
        bench.promise.ok("clearing", cleared)?;
        bench.holds(thief, None).await?;
    }
    bench.releases(thief).await?;
    let next = bench.claims(&claim("next")).await?;
    bench.promise.holds(next.epoch > thief, format_args!("epoch {} after {thief}", next.epoch))?;
    bench.promise.same("what the next owner gets", &next.saved, &None)
}

/// Of a target that nobody claimed there is no record, and looking makes none.
///
/// # Errors
/// [`Broken`] when there is one.
pub async fn an_unknown_target_has_no_record<F: StoreFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("an_unknown_target_has_no_record", fixture).await?;
    bench.promise.same("the record", &bench.loaded().await?, &None)?;
    let one = Epoch::new(1);
    let late = saved(1, "late");
    bench.superseded("a save without an owner", bench.store.save(&bench.web, one, &late).await)?;
    bench.superseded("a renewal without an owner", bench.store.renew(&bench.web, one, HOUR).await)?;
    bench.releases(one).await?;
    let listed = bench.settled(|| bench.store.list()).await;
    bench.promise.same("the targets listed", &bench.promise.ok("list", listed)?, &Vec::new())
}

/// All targets with a record are listed once, in order, cleared ones too.
///
/// # Errors
/// [`Broken`] when one is missing, or is there twice.
pub async fn every_record_is_listed<F: StoreFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("every_record_is_listed", fixture).await?;
    let first = claim("first");
    for nth in [2, 1, 3] {
        let target = target(nth);
        let owned = bench.settled(|| bench.store.claim(&target, &first)).await;
        let epoch = bench.promise.ok("a claim", owned)?.epoch;
        if nth == 2 {
            let cleared = bench.settled(|| bench.store.clear(&target, epoch)).await;
            bench.promise.ok("clearing", cleared)?;
        }
    }
    let listed = bench.settled(|| bench.store.list()).await;
    let listed = bench.promise.ok("list", listed)?;
    bench.promise.same("the targets listed", &listed, &[1, 2, 3].map(target).to_vec())
}

/// What a store has acknowledged another one on the same records finds, with the epoch still counted.
///
/// # Errors
/// [`Broken`] when it does not.
pub async fn records_survive_reopening<F: StoreFixture>(fixture: &F) -> Result<(), Broken> {
    let mut bench = Bench::open("records_survive_reopening", fixture).await?;
    let epoch = bench.owner_with("one").await?;
    bench.store = bench.another().await?;
    bench.holds(epoch, Some(&saved(1, "one"))).await?;
    let thief = bench.claims(&claim("thief").stealing()).await?;
    bench.promise.holds(thief.epoch > epoch, format_args!("epoch {} after {epoch}", thief.epoch))
}

/// A record that cannot be read is refused by every call and never overwritten. A store whose records nobody else can
/// reach never takes a whole one for damaged.
///
/// # Errors
/// [`Broken`] when it is read, or written over.
pub async fn a_damaged_record_is_refused_and_left_alone<F: StoreFixture>(fixture: &F) -> Result<(), Broken> {
    let mut bench = Bench::open("a_damaged_record_is_refused_and_left_alone", fixture).await?;
    let epoch = bench.owner_with("one").await?;
    bench.releases(epoch).await?;
    let damaged = bench.damages().await?;
    bench.store = bench.another().await?;
    if !damaged {
        return bench.holds(epoch, Some(&saved(1, "one"))).await;
    }
    let refused = |what: &str, answer: Result<(), StoreError>| match answer {
        Err(StoreError::Damaged { .. }) => Ok(()),
        other => Err(bench.promise.broken(format!("{what} must be refused as damaged, but was: {other:?}"))),
    };
    for owner in [claim("second"), claim("thief").stealing()] {
        refused("loading", bench.store.load(&bench.web).await.map(drop))?;
        refused("a claim", bench.store.claim(&bench.web, &owner).await.map(drop))?;
    }
    let another = bench.another().await?;
    refused("loading after all that", another.load(&bench.web).await.map(drop))
}

/// A save that is dropped at any await has happened or not, and the same call again completes it.
///
/// # Errors
/// [`Broken`] when half a record is left, or the same call again does not complete it.
pub async fn a_dropped_save_is_completed_by_the_same_call<F: StoreFixture>(
    fixture: &F,
) -> Result<(), Broken> {
    let bench = Bench::open("a_dropped_save_is_completed_by_the_same_call", fixture).await?;
    let epoch = bench.owner_with("save 1").await?;
    let mut before = saved(1, "save 1");
    for polls in 1..=MOST_POLLS {
        let sequence = before.sequence.get() + 1;
        let next = saved(sequence, &format!("save {sequence}"));
        let answer = cut(polls, bench.store.save(&bench.web, epoch, &next)).await;
        let left = bench.loaded().await?;
        let whole = [&before, &next].map(|saved| Some((epoch, Some(saved.clone()))));
        bench.promise.holds(whole.contains(&left), format_args!("{left:?} is left of a dropped save"))?;
        bench.saves(epoch, &next).await?;
        bench.holds(epoch, Some(&next)).await?;
        if answer.is_some() {
            break;
        }
        before = next;
    }
    Ok(())
}

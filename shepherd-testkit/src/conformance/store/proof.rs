//! The suite bites: a store that keeps all promises passes, and each way to break one is found by its own name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use shepherd_core::model::{Epoch, Target, Timestamp};
use shepherd_core::ports::{Claim, Claimed, Owner, Saved, Store, StoreError};

use super::StoreFixture;
use crate::conformance::proof::{self, Proof};
use crate::conformance::{Opened, Patience};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    SameEpoch,
    IgnoresAtLeast,
    DisplacesOwners,
    ClaimsInTwoSteps,
    NeverReleases,
    ReleasesAnybody,
    NeverStolen,
    RobbedOwnersSave,
    RobbedOwnersRenew,
    RobbedOwnersClear,
    EndedOwnersSave,
    RefusesRenewal,
    OneOwnerForAll,
    ClaimLocks,
    TrimsText,
    ClaimForgets,
    SameAgainReplaces,
    OlderReplaces,
    OlderIsRefused,
    CountsAcrossOwners,
    ClearRestartsEpochs,
    ClearDoesNothing,
    LookingMakesRecords,
    ListsBackwards,
    OwnMemory,
    HealsDamage,
    SavesInTwoParts,
}

#[derive(Default, Clone, Debug)]
struct Record {
    epoch: Epoch,
    owner: Option<Owner>,
    saved: Option<(Epoch, Saved)>,
    damaged: bool,
    locked: bool,
}

type Records = BTreeMap<Target, Record>;

#[derive(Clone)]
struct Memory {
    records: Arc<Mutex<Records>>,
    fault: Option<Fault>,
}

struct Fixture {
    store: Memory,
    damages: bool,
}

fn fixture(fault: Option<Fault>, damages: bool) -> Fixture {
    Fixture { store: Memory { records: Arc::default(), fault }, damages }
}

#[async_trait]
impl StoreFixture for Fixture {
    type Store = Memory;

    async fn open(&self) -> Opened<Memory> {
        let own = self.store.is(Fault::OwnMemory);
        Ok(if own { Memory { records: Arc::default(), ..self.store.clone() } } else { self.store.clone() })
    }

    async fn damage(&self, target: &Target) -> Opened<bool> {
        self.store.with(|records| records.entry(target.clone()).or_default().damaged = self.damages);
        Ok(self.damages)
    }

    fn patience(&self) -> Patience {
        proof::little_patience()
    }
}

impl Memory {
    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn with<T>(&self, change: impl FnOnce(&mut Records) -> T) -> T {
        change(&mut self.records.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn readable(&self, target: &Target) -> Result<(), StoreError> {
        let heals = self.is(Fault::HealsDamage);
        let damaged = self.with(|records| records.get(target).is_some_and(|record| record.damaged));
        let damage = || StoreError::Damaged { place: target.to_string(), reason: "torn".to_owned() };
        if damaged && !heals { Err(damage()) } else { Ok(()) }
    }

    fn owned(
        &self,
        target: &Target,
        epoch: Epoch,
        lax: Option<Fault>,
        change: impl FnOnce(&mut Record),
    ) -> Result<(), StoreError> {
        let superseded = || StoreError::Superseded { target: target.clone(), epoch };
        self.with(|records| {
            let record = records.get_mut(target).ok_or_else(superseded)?;
            let robbed = record.epoch != epoch && !lax.is_some_and(|fault| self.is(fault));
            let ended = record.owner.is_none() && !self.is(Fault::EndedOwnersSave);
            if robbed || ended {
                return Err(superseded());
            }
            change(record);
            Ok(())
        })
    }

    fn holder(&self, record: &Record, claim: &Claim) -> Option<Owner> {
        let other = record.owner.clone().filter(|owner| *owner != claim.owner)?;
        let steals = claim.steal && !self.is(Fault::NeverStolen);
        (!steals && !self.is(Fault::DisplacesOwners)).then_some(other)
    }

    fn keep(&self, record: &mut Record, epoch: Epoch, saved: &Saved) {
        let stored = record.saved.as_ref().map(|(epoch, saved)| (*epoch, saved.sequence));
        let newer = match stored {
            Some((_, sequence)) if self.is(Fault::CountsAcrossOwners) => sequence < saved.sequence,
            stored if self.is(Fault::SameAgainReplaces) => stored <= Some((epoch, saved.sequence)),
            stored => stored < Some((epoch, saved.sequence)),
        };
        if newer || self.is(Fault::OlderReplaces) && stored != Some((epoch, saved.sequence)) {
            let mut saved = saved.clone();
            if self.is(Fault::TrimsText) {
                saved.snapshot = saved.snapshot.trim().to_owned();
            }
            record.saved = Some((epoch, saved));
        }
    }

    fn become_owner(&self, record: &mut Record, claim: &Claim) -> Claimed {
        let next = if self.is(Fault::SameEpoch) && claim.steal { record.epoch } else { record.epoch.next() };
        record.epoch = if self.is(Fault::IgnoresAtLeast) { next } else { next.max(claim.at_least) };
        record.owner = Some(claim.owner.clone());
        let saved = record.saved.as_ref().map(|(_, saved)| saved.clone());
        Claimed { epoch: record.epoch, saved: saved.filter(|_| !self.is(Fault::ClaimForgets)) }
    }
}

#[async_trait]
impl Store for Memory {
    async fn claim(&self, target: &Target, claim: &Claim) -> Result<Claimed, StoreError> {
        tokio::task::yield_now().await;
        self.readable(target)?;
        let held = |holder: Owner| StoreError::Held { target: target.clone(), holder };
        if self.is(Fault::ClaimLocks) {
            let locked = |records: &mut Records| records.entry(target.clone()).or_default().locked;
            if self.with(locked) {
                return Err(held(Owner::new("lock")));
            }
            self.with(|records| records.entry(target.clone()).or_default().locked = true);
            tokio::task::yield_now().await;
            self.with(|records| records.entry(target.clone()).or_default().locked = false);
        }
        if self.is(Fault::OneOwnerForAll)
            && self.with(|records| {
                records.iter().any(|(other, record)| other != target && record.owner.is_some())
            })
        {
            return Err(held(Owner::new("another target's")));
        }
        if self.is(Fault::ClaimsInTwoSteps) {
            let mut record = self.with(|records| records.get(target).cloned().unwrap_or_default());
            if let Some(holder) = self.holder(&record, claim) {
                return Err(held(holder));
            }
            tokio::task::yield_now().await;
            let claimed = self.become_owner(&mut record, claim);
            self.with(|records| records.insert(target.clone(), record));
            return Ok(claimed);
        }
        self.with(|records| {
            let record = records.entry(target.clone()).or_default();
            self.holder(record, claim)
                .map_or_else(|| Ok(self.become_owner(record, claim)), |holder| Err(held(holder)))
        })
    }

    async fn renew(&self, target: &Target, epoch: Epoch, _now: Timestamp) -> Result<(), StoreError> {
        if self.is(Fault::RefusesRenewal) {
            return Err(StoreError::Superseded { target: target.clone(), epoch });
        }
        self.owned(target, epoch, Some(Fault::RobbedOwnersRenew), |_| {})
    }

    async fn save(&self, target: &Target, epoch: Epoch, saved: &Saved) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let older = |record: &Record| {
            record.saved.as_ref().is_some_and(|(e, s)| *e == epoch && s.sequence > saved.sequence)
        };
        if self.is(Fault::OlderIsRefused) && self.with(|records| records.get(target).is_some_and(older)) {
            return Err(StoreError::Superseded { target: target.clone(), epoch });
        }
        if self.is(Fault::SavesInTwoParts) {
            self.owned(target, epoch, None, |record| record.saved = None)?;
            tokio::task::yield_now().await;
        }
        self.owned(target, epoch, Some(Fault::RobbedOwnersSave), |record| {
            self.keep(record, record.epoch, saved);
        })
    }

    async fn release(&self, target: &Target, epoch: Epoch) -> Result<(), StoreError> {
        self.with(|records| {
            let record = records.get_mut(target);
            let record = record.filter(|record| record.epoch == epoch || self.is(Fault::ReleasesAnybody));
            if let Some(record) = record.filter(|_| !self.is(Fault::NeverReleases)) {
                record.owner = None;
            }
        });
        Ok(())
    }

    async fn load(&self, target: &Target) -> Result<Option<(Epoch, Option<Saved>)>, StoreError> {
        self.readable(target)?;
        Ok(self.with(|records| {
            if self.is(Fault::LookingMakesRecords) {
                records.entry(target.clone()).or_default();
            }
            let record = records.get(target)?;
            Some((record.epoch, record.saved.as_ref().map(|(_, saved)| saved.clone())))
        }))
    }

    async fn list(&self) -> Result<Vec<Target>, StoreError> {
        let mut targets: Vec<_> = self.with(|records| records.keys().cloned().collect());
        if self.is(Fault::ListsBackwards) {
            targets.reverse();
        }
        Ok(targets)
    }

    async fn clear(&self, target: &Target, epoch: Epoch) -> Result<(), StoreError> {
        self.owned(target, epoch, Some(Fault::RobbedOwnersClear), |record| {
            if !self.is(Fault::ClearDoesNothing) {
                record.saved = None;
            }
            if self.is(Fault::ClearRestartsEpochs) {
                record.epoch = Epoch::new(1);
            }
        })
    }
}

crate::store_conformance!(damageable => || fixture(None, true));
crate::store_conformance!(out_of_reach => || fixture(None, false));

#[test]
fn every_promise_is_in_the_suite() {
    proof::all_listed(&[include_str!("ownership.rs"), include_str!("records.rs")], super::PROMISES);
}

/// Each fault, and all promises that find it.
const CASES: &[(Fault, &[&str])] = &[
    (
        Fault::SameEpoch,
        &[
            "each_claim_gets_a_greater_epoch",
            "a_claim_counts_from_what_was_seen_outside",
            "releasing_an_old_epoch_does_nothing",
            "a_thief_takes_over",
            "a_superseded_owner_saves_nothing",
            "a_superseded_owner_cannot_renew",
            "a_superseded_owner_clears_nothing",
            "a_later_owner_may_count_anew",
            "records_survive_reopening",
        ],
    ),
    (Fault::IgnoresAtLeast, &["a_claim_counts_from_what_was_seen_outside"]),
    (
        Fault::DisplacesOwners,
        &["a_living_owner_is_not_displaced", "of_concurrent_claimers_one_becomes_the_owner"],
    ),
    (Fault::ClaimsInTwoSteps, &["of_concurrent_claimers_one_becomes_the_owner"]),
    (
        Fault::NeverReleases,
        &[
            "each_claim_gets_a_greater_epoch",
            "a_released_target_can_be_claimed",
            "an_ended_owner_is_superseded",
            "closing_keeps_the_last_snapshot_and_frees_the_target",
            "a_claim_answers_what_was_saved_last",
            "clear_forgets_the_snapshot_and_keeps_the_epoch_counted",
        ],
    ),
    (Fault::ReleasesAnybody, &["releasing_an_old_epoch_does_nothing"]),
    (
        Fault::NeverStolen,
        &[
            "each_claim_gets_a_greater_epoch",
            "a_claim_counts_from_what_was_seen_outside",
            "releasing_an_old_epoch_does_nothing",
            "a_thief_takes_over",
            "a_superseded_owner_saves_nothing",
            "a_superseded_owner_cannot_renew",
            "a_superseded_owner_clears_nothing",
            "a_later_owner_may_count_anew",
            "clear_forgets_the_snapshot_and_keeps_the_epoch_counted",
            "records_survive_reopening",
        ],
    ),
    (
        Fault::RobbedOwnersSave,
        &["a_superseded_owner_saves_nothing", "closing_keeps_the_last_snapshot_and_frees_the_target"],
    ),
    (Fault::RobbedOwnersRenew, &["a_superseded_owner_cannot_renew"]),
    (Fault::RobbedOwnersClear, &["a_superseded_owner_clears_nothing"]),
    (
        Fault::EndedOwnersSave,
        &["an_ended_owner_is_superseded", "closing_keeps_the_last_snapshot_and_frees_the_target"],
    ),
    (Fault::RefusesRenewal, &["an_owner_renews"]),
    (
        Fault::OneOwnerForAll,
        &[
            "of_concurrent_claimers_one_becomes_the_owner",
            "targets_have_owners_of_their_own",
            "every_record_is_listed",
        ],
    ),
    (Fault::ClaimLocks, &["a_dropped_claim_is_completed_by_the_same_call"]),
    (Fault::TrimsText, &["what_was_saved_is_loaded_to_the_letter"]),
    (
        Fault::ClaimForgets,
        &[
            "a_thief_takes_over",
            "closing_keeps_the_last_snapshot_and_frees_the_target",
            "a_claim_answers_what_was_saved_last",
        ],
    ),
    (Fault::SameAgainReplaces, &["the_same_sequence_again_changes_nothing"]),
    (Fault::OlderReplaces, &["an_older_sequence_succeeds_and_changes_nothing"]),
    (Fault::OlderIsRefused, &["an_older_sequence_succeeds_and_changes_nothing"]),
    (Fault::CountsAcrossOwners, &["a_later_owner_may_count_anew"]),
    (Fault::ClearRestartsEpochs, &["clear_forgets_the_snapshot_and_keeps_the_epoch_counted"]),
    (Fault::ClearDoesNothing, &["clear_forgets_the_snapshot_and_keeps_the_epoch_counted"]),
    (Fault::LookingMakesRecords, &["an_unknown_target_has_no_record"]),
    (Fault::ListsBackwards, &["every_record_is_listed"]),
    (
        Fault::OwnMemory,
        &[
            "of_concurrent_claimers_one_becomes_the_owner",
            "records_survive_reopening",
            "a_damaged_record_is_refused_and_left_alone",
        ],
    ),
    (Fault::HealsDamage, &["a_damaged_record_is_refused_and_left_alone"]),
    (
        Fault::SavesInTwoParts,
        &[
            "the_same_sequence_again_changes_nothing",
            "an_older_sequence_succeeds_and_changes_nothing",
            "a_dropped_save_is_completed_by_the_same_call",
        ],
    ),
];

#[tokio::test(start_paused = true)]
async fn each_fault_is_found_by_the_names_of_its_promises() {
    let mut proof = Proof::default();
    for (fault, promises) in CASES {
        let found = super::broken(|| fixture(Some(*fault), true)).await;
        proof.case(fault, proof::names(&found), promises);
    }
    proof.covers(super::PROMISES);
}

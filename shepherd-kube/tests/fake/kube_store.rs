use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use shepherd_core::model::{Epoch, FailureKind, Target, Timestamp};
use shepherd_core::ports::{Claim, Owner, Saved, Sequence, Store, StoreError};
use shepherd_kube::store::KubeStore;
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::store::StoreFixture;

use crate::api::{Api, Seen};

pub(crate) const MAPS: &str = "/api/v1/namespaces/shop/configmaps";
pub(crate) const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/shop/leases";
const RECORD: &str = "shepherd-shop.web";

#[derive(Default)]
struct Fixture {
    api: Api,
    opened: AtomicUsize,
}

#[async_trait]
impl StoreFixture for Fixture {
    type Store = KubeStore;

    async fn open(&self) -> Opened<KubeStore> {
        let nth = self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(KubeStore::new(self.api.client(), "shop", format!("bot-{nth}")))
    }

    async fn damage(&self, target: &Target) -> Opened<bool> {
        let name = format!("shepherd-{}", target.to_string().replace('/', "."));
        self.api.merge(MAPS, &name, &json!({"data": {"epoch": "seven"}}));
        Ok(true)
    }
}

shepherd_testkit::store_conformance!(Fixture::default);

fn web() -> Target {
    "shop/web".parse().unwrap()
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000 + second * 1000)
}

fn claim(owner: &str, second: u64) -> Claim {
    Claim::new(Owner::new(owner), at(second))
}

fn saved(sequence: u64) -> Saved {
    Saved { sequence: Sequence::new(sequence), snapshot: format!("{{\"save\":{sequence}}}") }
}

fn store(api: &Api, process: &str) -> KubeStore {
    KubeStore::new(api.client(), "shop", process)
}

/// The writes since this was asked last, as methods and kinds.
fn writes(api: &Api) -> Vec<String> {
    let kind = |seen: &Seen| if seen.path.contains("/leases") { "Lease" } else { "ConfigMap" };
    api.seen()
        .iter()
        .filter(|seen| seen.is_write())
        .map(|seen| format!("{} {}", seen.method, kind(seen)))
        .collect()
}

fn is_superseded<T: std::fmt::Debug>(answer: &Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Superseded { .. })), "{answer:?}");
}

fn is_held<T: std::fmt::Debug>(answer: &Result<T, StoreError>, by: &str) {
    assert!(matches!(answer, Err(StoreError::Held { holder, .. }) if holder.as_str() == by), "{answer:?}");
}

fn kind<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> FailureKind {
    match answer {
        Err(StoreError::Port(error)) => error.kind(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_lease_for_many_rollouts() {
    let api = Api::default();
    let store = store(&api, "bot").lease(Duration::from_secs(30));
    let targets: Vec<Target> = (0..20).map(|nth| format!("shop/web-{nth}").parse().unwrap()).collect();
    let mut epochs = Vec::new();
    for target in &targets {
        epochs.push(store.claim(target, &claim("a", 0)).await.unwrap().epoch);
    }
    assert_eq!(
        writes(&api).iter().filter(|write| write.ends_with("Lease")).count(),
        0,
        "claims count for a while"
    );
    for second in (5..=40).step_by(5) {
        for (target, epoch) in targets.iter().zip(&epochs) {
            store.renew(target, *epoch, at(second)).await.unwrap();
        }
    }
    let renewals = ["POST Lease", "PUT Lease", "PUT Lease", "PUT Lease"];
    assert_eq!(writes(&api), renewals, "once in ten seconds, whoever calls");
    assert_eq!(api.list(LEASES).len(), 1);
}

#[tokio::test]
async fn an_owner_lives_as_long_as_its_process_renews() {
    let api = Api::default();
    let (one, two) = (store(&api, "one"), store(&api, "two"));
    let first = one.claim(&web(), &claim("a", 0)).await.unwrap().epoch;
    let api_epoch = one.claim(&"shop/api".parse().unwrap(), &claim("a", 0)).await.unwrap().epoch;
    one.renew(&web(), first, at(10)).await.unwrap();
    is_held(&two.claim(&web(), &claim("b", 24)).await, "a");
    let second = two.claim(&web(), &claim("b", 25)).await.unwrap();
    assert!(second.epoch > first);
    is_superseded(&one.save(&web(), first, &saved(1)).await);
    is_superseded(&one.renew(&web(), first, at(26)).await);
    one.renew(&"shop/api".parse().unwrap(), api_epoch, at(26)).await.unwrap();
}

#[tokio::test]
async fn a_renewal_finds_out_who_has_taken_over_within_two_durations() {
    let api = Api::default();
    let (one, two) = (store(&api, "one"), store(&api, "two"));
    let first = one.claim(&web(), &claim("a", 0)).await.unwrap().epoch;
    two.claim(&web(), &claim("b", 1).stealing()).await.unwrap();
    one.renew(&web(), first, at(10)).await.unwrap();
    is_superseded(&one.renew(&web(), first, at(30)).await);
}

#[tokio::test]
async fn renewals_read_no_record_that_is_as_it_was() {
    let api = Api::default();
    let store = store(&api, "bot");
    let epoch = store.claim(&web(), &claim("a", 0)).await.unwrap().epoch;
    store.save(&web(), epoch, &saved(1)).await.unwrap();
    api.seen();
    for second in (10..=100).step_by(10) {
        store.renew(&web(), epoch, at(second)).await.unwrap();
    }
    let reads = api.seen().iter().filter(|seen| !seen.is_write()).count();
    assert_eq!(reads, 4, "the first look at the Lease, and one at its version in thirty seconds");
}

#[tokio::test]
async fn a_restarted_process_goes_on_at_once_and_so_does_the_same_owner() {
    let api = Api::default();
    let before = store(&api, "bot");
    let first = before.claim(&web(), &claim("run 1", 0)).await.unwrap().epoch;
    before.save(&web(), first, &saved(3)).await.unwrap();
    let after = store(&api, "bot");
    let owned = after.claim(&web(), &claim("run 2", 1)).await.unwrap();
    assert_eq!(owned.saved, Some(saved(3)));
    let elsewhere = store(&api, "other");
    elsewhere.claim(&web(), &claim("run 2", 1)).await.unwrap();
}

#[tokio::test]
async fn what_a_process_left_behind_is_not_held_by_what_it_became() {
    let api = Api::default();
    store(&api, "bot").claim(&web(), &claim("a", 0)).await.unwrap();
    let restarted = store(&api, "bot");
    restarted.claim(&"shop/api".parse().unwrap(), &claim("b", 1)).await.unwrap();
    store(&api, "other").claim(&web(), &claim("c", 15)).await.unwrap();
}

#[tokio::test]
async fn two_processes_of_one_name_are_told_so() {
    let api = Api::default();
    let (one, two) = (store(&api, "bot"), store(&api, "bot"));
    let other: Target = "shop/api".parse().unwrap();
    let epoch = one.claim(&web(), &claim("a", 0)).await.unwrap().epoch;
    one.renew(&web(), epoch, at(1)).await.unwrap();
    let second = two.claim(&other, &claim("b", 2)).await.unwrap().epoch;
    two.renew(&other, second, at(3)).await.unwrap();
    let error = one.renew(&web(), epoch, at(10)).await.unwrap_err();
    assert!(error.to_string().contains("two processes are called bot"), "{error}");
}

#[tokio::test]
async fn a_rollout_that_is_soon_through_writes_no_lease() {
    let api = Api::default();
    let (one, two) = (store(&api, "one"), store(&api, "two"));
    let epoch = one.claim(&web(), &claim("a", 0)).await.unwrap().epoch;
    one.save(&web(), epoch, &saved(1)).await.unwrap();
    is_held(&two.claim(&web(), &claim("b", 14)).await, "a");
    one.close(&web(), epoch, &saved(2)).await.unwrap();
    assert_eq!(writes(&api), ["POST ConfigMap", "PUT ConfigMap", "PUT ConfigMap"]);
    let next = two.claim(&web(), &claim("b", 0)).await.unwrap();
    assert_eq!(next.saved, Some(saved(2)));
}

#[tokio::test]
async fn a_claim_counts_no_longer_than_a_lease_would() {
    let api = Api::default();
    let (one, two) = (store(&api, "one"), store(&api, "two"));
    one.claim(&web(), &claim("a", 0)).await.unwrap();
    is_held(&two.claim(&web(), &claim("b", 14)).await, "a");
    two.claim(&web(), &claim("b", 15)).await.unwrap();
}

#[tokio::test]
async fn a_release_that_failed_is_made_good_by_the_next_renewal() {
    let api = Api::default();
    let (one, two) = (store(&api, "one"), store(&api, "two"));
    let other: Target = "shop/api".parse().unwrap();
    let first = one.claim(&web(), &claim("a", 0)).await.unwrap().epoch;
    let second = one.claim(&other, &claim("a", 0)).await.unwrap().epoch;
    api.refuses(500);
    assert_eq!(kind(one.release(&web(), first).await), FailureKind::Transient);
    is_superseded(&one.save(&web(), first, &saved(1)).await);
    is_held(&two.claim(&web(), &claim("b", 1)).await, "a");
    one.renew(&other, second, at(10)).await.unwrap();
    two.claim(&web(), &claim("b", 10)).await.unwrap();
}

#[tokio::test]
async fn an_update_in_between_loses_nothing() {
    let api = Api::default();
    let store = store(&api, "bot");
    let epoch = store.claim(&web(), &claim("a", 0)).await.unwrap().epoch;
    api.meddles(MAPS, RECORD, json!({"metadata": {"labels": {"team": "shop"}}}));
    store.save(&web(), epoch, &saved(1)).await.unwrap();
    let record = api.get(MAPS, RECORD);
    assert_eq!(
        (&record["metadata"]["labels"]["team"], &record["data"]["saved-sequence"]),
        (&json!("shop"), &json!("1"))
    );
    store.renew(&web(), epoch, at(1)).await.unwrap();
    api.meddles(LEASES, "shepherd-bot", json!({"metadata": {"labels": {"team": "shop"}}}));
    store.renew(&web(), epoch, at(10)).await.unwrap();
    assert_eq!(store.load(&web()).await.unwrap(), Some((epoch, Some(saved(1)))));
}

#[tokio::test]
async fn a_save_whose_answer_was_lost_is_made_again() {
    let api = Api::default();
    let store = store(&api, "bot");
    api.loses_the_answer(504);
    assert_eq!(kind(store.claim(&web(), &claim("a", 0)).await), FailureKind::Transient);
    let epoch = store.claim(&web(), &claim("a", 0)).await.unwrap().epoch;
    api.loses_the_answer(504);
    assert_eq!(kind(store.save(&web(), epoch, &saved(1)).await), FailureKind::Transient);
    store.save(&web(), epoch, &saved(1)).await.unwrap();
    store.save(&web(), epoch, &saved(2)).await.unwrap();
    assert_eq!(store.load(&web()).await.unwrap(), Some((epoch, Some(saved(2)))));
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_holds_nobody_off() {
    let api = Api::default();
    let store = store(&api, "bot");
    store.claim(&"shop/api".parse().unwrap(), &claim("a", 0)).await.unwrap();
    api.loses_the_answer(504);
    assert_eq!(kind(store.claim(&web(), &claim("a", 0)).await), FailureKind::Transient);
    let epoch = store.claim(&web(), &claim("another of this process", 0)).await.unwrap().epoch;
    assert_eq!(epoch, Epoch::new(2));
}

#[tokio::test]
async fn trouble_of_the_server_is_told_by_who_must_act() {
    let api = Api::default();
    let store = store(&api, "bot");
    let epoch = store.claim(&web(), &claim("a", 0)).await.unwrap().epoch;
    for (code, told) in
        [(403, FailureKind::Denied), (429, FailureKind::Transient), (500, FailureKind::Transient)]
    {
        api.refuses(code);
        assert_eq!(kind(store.save(&web(), epoch, &saved(1)).await), told, "{code}");
        api.is_down(Some(code));
        assert_eq!(kind(store.load(&web()).await), told, "{code}");
        assert_eq!(kind(store.list().await), told, "{code}");
        assert_eq!(kind(store.renew(&web(), epoch, at(60)).await), told, "{code}");
        api.is_down(None);
    }
    api.refuses(429);
    let Err(StoreError::Port(busy)) = store.save(&web(), epoch, &saved(1)).await else { panic!() };
    assert_eq!(busy.failure().retry_after, Some(Duration::from_secs(2)));
    store.save(&web(), epoch, &saved(1)).await.unwrap();
}

#[tokio::test]
async fn a_record_that_was_deleted_is_made_anew_by_its_owner_and_nobody_else() {
    let api = Api::default();
    let (one, two) = (store(&api, "one"), store(&api, "two"));
    let epoch = one.claim(&web(), &claim("a", 0).at_least(Epoch::new(7))).await.unwrap().epoch;
    one.save(&web(), epoch, &saved(1)).await.unwrap();
    api.delete(MAPS, RECORD);
    one.renew(&web(), epoch, at(60)).await.unwrap();
    one.save(&web(), epoch, &saved(2)).await.unwrap();
    assert_eq!(two.load(&web()).await.unwrap(), Some((epoch, Some(saved(2)))));
    api.between(|objects| drop(objects.delete(MAPS, RECORD)));
    one.save(&web(), epoch, &saved(3)).await.unwrap();
    is_held(&two.claim(&web(), &claim("b", 60)).await, "a");
    api.delete(MAPS, RECORD);
    api.delete(LEASES, "shepherd-one");
    one.renew(&web(), epoch, at(70)).await.unwrap();
    let other = two.claim(&web(), &claim("b", 60).at_least(Epoch::new(8))).await.unwrap();
    is_superseded(&one.save(&web(), epoch, &saved(4)).await);
    assert_eq!(other.saved, None);
}

#[tokio::test]
async fn a_foreign_object_is_never_written_over() {
    let theirs = json!({"metadata": {"name": RECORD}, "data": {"color": "red"}});
    let lease = json!({"metadata": {"name": "shepherd-bot"}, "spec": {"holderIdentity": "somebody"}});
    let api = Api::default().with(MAPS, theirs).with(LEASES, lease);
    let before = (api.list(MAPS), api.list(LEASES));
    let store = store(&api, "bot");
    let error = store.claim(&web(), &claim("a", 0).stealing()).await.unwrap_err();
    assert!(matches!(&error, StoreError::Damaged { place, .. } if place.ends_with(RECORD)), "{error}");
    let error = store.claim(&"shop/api".parse().unwrap(), &claim("a", 0)).await.unwrap_err();
    assert!(error.to_string().contains("Lease shop/shepherd-bot: it is not Shepherd's"), "{error}");
    assert_eq!((api.list(MAPS), api.list(LEASES)), before);
    assert_eq!(store.list().await.unwrap(), []);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_its_size() {
    let api = Api::default();
    let store = store(&api, "bot");
    let epoch = store.claim(&web(), &claim("a", 0)).await.unwrap().epoch;
    let large = Saved { sequence: Sequence::new(1), snapshot: "x".repeat(900 * 1024 + 1) };
    let error = store.save(&web(), epoch, &large).await.unwrap_err();
    assert!(error.to_string().contains("has 921601 bytes, and 921600 fit"), "{error}");
    assert_eq!(kind(Err::<(), _>(error)), FailureKind::Permanent);
}

/// As when a client whose answer was lost writes again by itself.
#[tokio::test]
async fn a_write_that_conflicts_with_itself_has_been_done() {
    let api = Api::default();
    let (store, other) = (store(&api, "bot"), store(&api, "other"));
    let epoch = store.claim(&web(), &claim("a", 0)).await.unwrap().epoch;
    api.loses_the_answer(409);
    store.save(&web(), epoch, &saved(1)).await.unwrap();
    api.loses_the_answer(409);
    store.renew(&web(), epoch, at(10)).await.unwrap();
    is_held(&other.claim(&web(), &claim("b", 24)).await, "a");
    assert_eq!(store.load(&web()).await.unwrap(), Some((epoch, Some(saved(1)))));
    api.loses_the_answer(409);
    let again = store.claim(&web(), &claim("a", 11)).await.unwrap().epoch;
    store.save(&web(), again, &saved(2)).await.unwrap();
}

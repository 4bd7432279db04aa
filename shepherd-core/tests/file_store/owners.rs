//! Who owns a target, and what becomes of what it saved.

use std::fs;

use shepherd_core::model::{Epoch, Target, Timestamp};
use shepherd_core::ports::{Claimed, Saved, Sequence, Store};
use shepherd_core::store::FileStore;

use super::{assert_held, assert_superseded, claim, files, fresh, saved, web};

#[tokio::test]
async fn one_of_two_stores_on_a_directory_acts() {
    let (directory, store) = fresh();
    let other = FileStore::open(directory.path()).unwrap();
    let first = store.claim(&web(), &claim("a")).await.unwrap();
    assert_eq!(first, Claimed { epoch: Epoch::new(1), saved: None });
    assert_held(other.claim(&web(), &claim("b")).await, "a");
    assert_held(other.claim(&web(), &claim("a")).await, "a");
    assert_held(store.clone().claim(&web(), &claim("b")).await, "a");
    assert_superseded(other.save(&web(), first.epoch, &saved(1)).await);

    store.save(&web(), first.epoch, &saved(1)).await.unwrap();
    store.release(&web(), first.epoch).await.unwrap();
    assert_superseded(store.save(&web(), first.epoch, &saved(2)).await);
    assert_superseded(store.renew(&web(), first.epoch, Timestamp::from_millis(1)).await);
    let second = other.claim(&web(), &claim("b")).await.unwrap();
    assert_eq!(second, Claimed { epoch: Epoch::new(2), saved: Some(saved(1)) });
    store.release(&web(), second.epoch).await.unwrap();
    assert_held(store.claim(&web(), &claim("a")).await, "b");

    drop(other);
    store.claim(&web(), &claim("a")).await.unwrap();
    assert_eq!(files(directory.path()), ["3.json", "3.owner"]);
}

#[tokio::test]
async fn the_same_owner_goes_on_at_once_with_a_new_epoch() {
    let (_directory, store) = fresh();
    let first = store.claim(&web(), &claim("a")).await.unwrap();
    let again = store.claim(&web(), &claim("a")).await.unwrap();
    assert!(again.epoch > first.epoch);
    assert_superseded(store.renew(&web(), first.epoch, Timestamp::from_millis(0)).await);
    store.renew(&web(), again.epoch, Timestamp::from_millis(0)).await.unwrap();
}

#[tokio::test]
async fn a_thief_supersedes_a_living_owner() {
    let (directory, store) = fresh();
    let thief = FileStore::open(directory.path()).unwrap();
    let first = store.claim(&web(), &claim("a")).await.unwrap();
    store.save(&web(), first.epoch, &saved(7)).await.unwrap();
    let stolen = thief.claim(&web(), &claim("b").stealing().at_least(Epoch::new(40))).await.unwrap();
    assert_eq!(stolen, Claimed { epoch: Epoch::new(40), saved: Some(saved(7)) });
    assert_superseded(store.save(&web(), first.epoch, &saved(8)).await);
    assert_superseded(store.renew(&web(), first.epoch, Timestamp::from_millis(0)).await);
    assert_superseded(store.clear(&web(), first.epoch).await);
    store.release(&web(), first.epoch).await.unwrap();
    assert_held(store.claim(&web(), &claim("a")).await, "b");
    assert_eq!(store.load(&web()).await.unwrap(), Some((Epoch::new(40), Some(saved(7)))));
    assert_eq!(files(directory.path()), ["40.json", "40.owner"]);
}

#[tokio::test]
async fn only_a_newer_save_is_kept() {
    let (_directory, store) = fresh();
    let first = store.claim(&web(), &claim("a")).await.unwrap().epoch;
    store.save(&web(), first, &saved(5)).await.unwrap();
    let other = Saved { sequence: Sequence::new(5), snapshot: "another five".to_owned() };
    store.save(&web(), first, &other).await.unwrap();
    store.save(&web(), first, &saved(4)).await.unwrap();
    assert_eq!(store.load(&web()).await.unwrap(), Some((first, Some(saved(5)))));
    let next = store.claim(&web(), &claim("a")).await.unwrap().epoch;
    store.save(&web(), next, &saved(1)).await.unwrap();
    assert_eq!(store.load(&web()).await.unwrap(), Some((next, Some(saved(1)))), "a later owner counts anew");
}

#[tokio::test]
async fn clearing_keeps_the_epoch_and_lists_are_complete() {
    let (directory, store) = fresh();
    let owned = store.claim(&web(), &claim("a")).await.unwrap().epoch;
    store.save(&web(), owned, &saved(9)).await.unwrap();
    store.clear(&web(), owned).await.unwrap();
    assert_eq!(store.load(&web()).await.unwrap(), Some((owned, None)));

    let api: Target = "Api".parse().unwrap();
    assert_eq!(store.load(&api).await.unwrap(), None);
    store.claim(&api, &claim("a")).await.unwrap();
    fs::create_dir(directory.path().join("never-claimed")).unwrap();
    fs::write(directory.path().join("notes"), "a person's").unwrap();
    assert_eq!(store.list().await.unwrap(), [api, web()]);

    drop(store);
    let reopened = FileStore::open(directory.path()).unwrap();
    let next = reopened.claim(&web(), &claim("b")).await.unwrap();
    assert_eq!(next, Claimed { epoch: owned.next(), saved: None });
}

#[tokio::test]
async fn a_removed_directory_supersedes_its_owner() {
    let (directory, store) = fresh();
    let owned = store.claim(&web(), &claim("a")).await.unwrap().epoch;
    fs::remove_dir_all(directory.path().join("shop%2fweb")).unwrap();
    assert_superseded(store.save(&web(), owned, &saved(1)).await);
    let again = claim("a").at_least(owned.next());
    assert_eq!(store.claim(&web(), &again).await.unwrap().epoch, Epoch::new(2));
}

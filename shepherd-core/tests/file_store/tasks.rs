//! Many tasks of one process at once, and calls that are dropped.

use std::sync::Arc;

use shepherd_core::model::Epoch;
use shepherd_core::ports::{Store, StoreError};
use shepherd_core::store::FileStore;

use super::{claim, fresh, saved, web};

/// Polls once and drops.
async fn abandon<T>(call: impl Future<Output = T>) {
    tokio::select! {
        biased;
        _ = call => {}
        () = std::future::ready(()) => {}
    }
}

#[tokio::test]
async fn calls_happen_in_the_order_in_which_they_were_made_even_when_dropped() {
    let (_directory, store) = fresh();
    let owned = store.claim(&web(), &claim("a")).await.unwrap().epoch;
    for sequence in 1..40 {
        abandon(store.save(&web(), owned, &saved(sequence))).await;
        store.clear(&web(), owned).await.unwrap();
        let stored = store.load(&web()).await.unwrap();
        assert_eq!(stored, Some((owned, None)), "a dropped save came after the clear");
    }
}

#[tokio::test]
async fn a_dropped_claim_gives_up_what_it_got() {
    let (directory, store) = fresh();
    let other = FileStore::open(directory.path()).unwrap();
    for _ in 0..20 {
        abandon(store.claim(&web(), &claim("a"))).await;
        // Waits for the abandoned one to have ended, since it is of the same store and target.
        store.release(&web(), Epoch::default()).await.unwrap();
        let got = other.claim(&web(), &claim("b")).await.unwrap();
        other.release(&web(), got.epoch).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_tasks_one_becomes_the_owner() {
    let (directory, shared) = fresh();
    for round in 0..5 {
        let tasks: Vec<_> = (0..16)
            .map(|task| {
                // Half of them share a store, half have one of their own.
                let own = || FileStore::open(directory.path()).unwrap();
                let store = if task % 2 == 0 { shared.clone() } else { own() };
                let claim = claim(&format!("task {task}")).at_least(Epoch::new(round * 10 + task % 3));
                tokio::spawn(async move { (store.claim(&web(), &claim).await, store) })
            })
            .collect();
        let mut owners = Vec::new();
        for task in tasks {
            // The stores live until the end of the round, and so do those who own.
            match task.await.unwrap() {
                (Ok(claimed), store) => owners.push((claimed.epoch, store)),
                (Err(error), _) => assert!(matches!(error, StoreError::Held { .. }), "{error}"),
            }
        }
        assert_eq!(owners.len(), 1, "round {round}");
        let (epoch, store) = owners.remove(0);
        store.release(&web(), epoch).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_thieves_each_gets_an_epoch_of_its_own_and_the_last_one_keeps_it() {
    let (directory, _) = fresh();
    let stores: Vec<_> = (0..6).map(|_| Arc::new(FileStore::open(directory.path()).unwrap())).collect();
    let tasks: Vec<_> = stores
        .iter()
        .map(|store| {
            let store = Arc::clone(store);
            tokio::spawn(async move { store.claim(&web(), &claim("thief").stealing()).await.unwrap().epoch })
        })
        .collect();
    let mut epochs = Vec::new();
    for task in tasks {
        epochs.push(task.await.unwrap());
    }
    let last = *epochs.iter().max().unwrap();
    for (store, epoch) in stores.iter().zip(&epochs) {
        let answer = store.save(&web(), *epoch, &saved(epoch.get())).await;
        assert_eq!(answer.is_ok(), *epoch == last);
    }
    epochs.sort_unstable();
    epochs.dedup();
    assert_eq!(epochs.len(), 6);
    assert_eq!(stores[0].load(&web()).await.unwrap(), Some((last, Some(saved(last.get())))));
}

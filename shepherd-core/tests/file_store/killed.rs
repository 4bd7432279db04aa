//! Processes that are killed, stopped, or find the disk full.

use std::process::Command;

use shepherd_core::model::Epoch;
use shepherd_core::ports::{Claimed, Store};

use super::process::{DIRECTORY, Process, SIZE, spin};
use super::{assert_held, claim, files, fresh, saved, web};

#[tokio::test]
async fn a_process_killed_at_any_moment_loses_nothing_that_was_acknowledged() {
    let (directory, store) = fresh();
    let mut last = 0;
    for round in 0..25_u64 {
        let mut process = Process::start(directory.path());
        let first = process.acknowledged().unwrap();
        assert_eq!(first, last + 1, "it goes on from what was stored");
        let held = store.claim(&web(), &claim("b")).await;
        assert_held(held, &format!("child {}", process.child.id()));
        let mut acknowledged = first;
        for _ in 0..round % 4 {
            acknowledged = process.acknowledged().unwrap();
        }
        // A different while in each round, so that the kill falls into any part of a save.
        spin(round * 7919 % 25 * 20_000);
        process.kill();
        while let Some(sequence) = process.acknowledged() {
            acknowledged = sequence;
        }

        let claimed = store.claim(&web(), &claim("b")).await.unwrap();
        let stored = claimed.saved.unwrap();
        last = stored.sequence.get();
        assert!(
            last == acknowledged || last == acknowledged + 1,
            "{acknowledged} was acknowledged, {last} kept"
        );
        assert_eq!(stored, saved(last));
        assert_eq!(files(directory.path()).len(), 2, "something is left over: {:?}", files(directory.path()));
        store.release(&web(), claimed.epoch).await.unwrap();
    }
}

#[tokio::test]
async fn a_process_killed_while_it_claims_leaves_nothing_in_the_way() {
    let (directory, store) = fresh();
    let mut last = Claimed { epoch: Epoch::default(), saved: None };
    for round in 0..30 {
        let mut process = Process::start(directory.path());
        spin(round * 7919 % 30 * 30_000);
        process.kill();
        let claimed = store.claim(&web(), &claim("b")).await.unwrap();
        assert!(claimed.epoch > last.epoch);
        let sequence = |claimed: &Claimed| claimed.saved.as_ref().map(|saved| saved.sequence);
        assert!(sequence(&claimed) >= sequence(&last));
        assert_eq!(files(directory.path()).len(), 2, "something is left over: {:?}", files(directory.path()));
        store.release(&web(), claimed.epoch).await.unwrap();
        last = claimed;
    }
}

#[tokio::test]
async fn a_stopped_process_is_stolen_from_and_finds_out_when_it_wakes() {
    for round in 0..8 {
        let (directory, store) = fresh();
        let mut process = Process::start(directory.path());
        let mut acknowledged = 0;
        while acknowledged <= round {
            acknowledged = process.acknowledged().unwrap();
        }
        process.signal("-STOP");
        let held = store.claim(&web(), &claim("thief")).await;
        assert_held(held, &format!("child {}", process.child.id()));

        let stolen = store.claim(&web(), &claim("thief").stealing()).await.unwrap();
        let kept = stolen.saved.unwrap().sequence.get();
        assert!(kept >= acknowledged);
        store.save(&web(), stolen.epoch, &saved(1_000_000)).await.unwrap();

        process.signal("-CONT");
        let end = loop {
            let said = process.next().unwrap();
            let Some(sequence) = said.strip_prefix("saved ") else { break said };
            acknowledged = sequence.parse().unwrap();
        };
        assert!(end.contains("taken over"), "{end}");
        assert!(acknowledged <= kept, "{acknowledged} was acknowledged and {kept} stolen");
        store.save(&web(), stolen.epoch, &saved(1_000_001)).await.unwrap();
        assert_eq!(store.load(&web()).await.unwrap(), Some((stolen.epoch, Some(saved(1_000_001)))));
    }
}

#[test]
fn of_many_processes_one_becomes_the_owner() {
    let directory = tempfile::tempdir().unwrap();
    let mut processes: Vec<_> = (0..6).map(|_| Process::start(directory.path())).collect();
    let said: Vec<_> = processes.iter_mut().map(|process| process.next().unwrap()).collect();
    let owners = said.iter().filter(|said| *said == "saved 1").count();
    let held = said.iter().filter(|said| said.contains("shop/web is driven by child ")).count();
    assert_eq!((owners, held), (1, 5), "{said:?}");
}

#[tokio::test]
async fn a_save_that_does_not_fit_leaves_the_old_record() {
    let (directory, store) = fresh();
    let first = store.claim(&web(), &claim("a")).await.unwrap().epoch;
    store.save(&web(), first, &saved(1)).await.unwrap();
    store.release(&web(), first).await.unwrap();

    // A limit on the size of files fails in the middle of a write, as a full disk does.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\""]);
    command.arg(std::env::current_exe().unwrap()).env(DIRECTORY, directory.path()).env(SIZE, "100000");
    let mut process = Process::spawn(&mut command);
    let said = process.next().unwrap();
    assert!(said.contains("cannot write") && said.contains("ulimit -f"), "{said}");
    assert_eq!(process.next(), None);

    assert_eq!(store.load(&web()).await.unwrap(), Some((first.next(), Some(saved(1)))));
    assert_eq!(files(directory.path()), ["2.json", "2.owner"]);
}

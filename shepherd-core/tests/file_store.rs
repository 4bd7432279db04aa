//! The file store between tasks, between processes, and after they were killed.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use shepherd_core::model::{Epoch, FailureKind, Target, Timestamp};
use shepherd_core::ports::{Claim, Claimed, Owner, Saved, Sequence, Store, StoreError};
use shepherd_core::store::FileStore;
use tempfile::TempDir;

fn web() -> Target {
    "shop/web".parse().unwrap()
}

fn claim(owner: &str) -> Claim {
    Claim::new(Owner::new(owner), Timestamp::from_millis(0))
}

fn saved(sequence: u64) -> Saved {
    Saved { sequence: Sequence::new(sequence), snapshot: format!("snapshot {sequence}") }
}

fn fresh() -> (TempDir, FileStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::open(directory.path()).unwrap();
    (directory, store)
}

/// The names of the target's files, in order.
fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory.join("shop%2fweb")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn record(directory: &Path, epoch: u64) -> PathBuf {
    directory.join(format!("shop%2fweb/{epoch}.json"))
}

#[track_caller]
fn assert_superseded<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    let error = answer.unwrap_err();
    assert!(matches!(error, StoreError::Superseded { .. }), "{error}");
}

#[track_caller]
fn assert_damaged<T: std::fmt::Debug>(answer: Result<T, StoreError>, path: &Path, why: &str) {
    let error = answer.unwrap_err();
    let StoreError::Damaged { place, reason } = &error else { panic!("{error}") };
    assert_eq!(Path::new(place), path);
    assert!(reason.contains(why), "{reason}");
}

#[track_caller]
fn assert_held<T: std::fmt::Debug>(answer: Result<T, StoreError>, by: &str) {
    let error = answer.unwrap_err();
    let StoreError::Held { holder, .. } = &error else { panic!("{error}") };
    assert_eq!(holder.as_str(), by);
}

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

#[tokio::test]
async fn a_record_that_cannot_be_read_is_named_and_never_overwritten() {
    let (directory, store) = fresh();
    let owned = store.claim(&web(), &claim("a")).await.unwrap().epoch;
    store.save(&web(), owned, &saved(1)).await.unwrap();
    let path = record(directory.path(), 1);
    let whole = fs::read(&path).unwrap();
    let other: Target = "shop/api".parse().unwrap();
    assert_eq!(store.claim(&other, &claim("a")).await.unwrap().epoch, owned);
    let foreign = fs::read(directory.path().join("shop%2fapi/1.json")).unwrap();

    let cases: [(&[u8], &str); 5] = [
        (&whole[..whole.len() / 2], "truncated"),
        (b"", "truncated"),
        (b"dear diary", "not a record of Shepherd's"),
        (&foreign, "record of shop/api"),
        (&[whole.as_slice(), b" "].concat(), "truncated"),
    ];
    for (content, why) in cases {
        fs::write(&path, content).unwrap();
        assert_damaged(store.load(&web()).await, &path, why);
        assert_damaged(store.save(&web(), owned, &saved(2)).await, &path, why);
        assert_damaged(store.clear(&web(), owned).await, &path, why);
        assert_damaged(store.claim(&web(), &claim("b").stealing()).await, &path, why);
        assert_eq!(fs::read(&path).unwrap(), content);
        assert_eq!(files(directory.path()), ["1.json", "1.owner"]);
    }
    assert_eq!(store.list().await.unwrap(), [other, web()], "it is not lost from sight");
    fs::write(&path, whole).unwrap();
    store.save(&web(), owned, &saved(2)).await.unwrap();
}

#[tokio::test]
async fn what_a_killed_owner_left_is_swept_and_what_people_left_stays() {
    let (directory, store) = fresh();
    let owned = store.claim(&web(), &claim("a")).await.unwrap().epoch;
    store.save(&web(), owned, &saved(3)).await.unwrap();
    drop(store);
    let place = directory.path().join("shop%2fweb");
    for name in ["1.00ff.tmp", "2.owner", "notes.txt", "0.json"] {
        fs::write(place.join(name), "half a reco").unwrap();
    }
    let next = FileStore::open(directory.path()).unwrap().claim(&web(), &claim("b")).await.unwrap();
    assert_eq!(next, Claimed { epoch: Epoch::new(3), saved: Some(saved(3)) });
    assert_eq!(files(directory.path()), ["0.json", "3.json", "3.owner", "notes.txt"]);
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

#[test]
fn a_directory_that_cannot_be_used_is_found_out_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = FileStore::open(&path).unwrap_err();
        let StoreError::Port(told) = &error else { panic!("{error}") };
        assert_eq!(told.kind(), FailureKind::Permanent);
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
    let taken = directory.path().join("store");
    fs::create_dir_all(taken.join(".probe")).unwrap();
    assert!(FileStore::open(&taken).unwrap_err().to_string().contains(".probe"));
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

/// Takes a while, and a different one for each number.
fn spin(turns: u64) {
    for turn in 0..turns {
        std::hint::black_box(turn);
    }
}

/// Another process on the same directory: this test binary again, running [`child`] alone.
struct Process {
    child: Child,
    said: BufReader<ChildStdout>,
}

const DIRECTORY: &str = "FILE_STORE_TEST_DIRECTORY";
const SIZE: &str = "FILE_STORE_TEST_SNAPSHOT_SIZE";

impl Process {
    fn start(directory: &Path) -> Self {
        Self::spawn(Command::new(std::env::current_exe().unwrap()).env(DIRECTORY, directory))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child =
            command.args(["--exact", "child", "--nocapture"]).stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    /// The next thing it says, or nothing when it has ended.
    fn next(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.said.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // The test harness talks on the same stream.
            if let Some((_, said)) = line.trim_end().split_once("child: ") {
                return Some(said.to_owned());
            }
        }
    }

    /// The sequence of the next save that it says was acknowledged, or nothing when it has ended.
    fn acknowledged(&mut self) -> Option<u64> {
        let said = self.next()?;
        let sequence = said.strip_prefix("saved ").unwrap_or_else(|| panic!("{said}"));
        Some(sequence.parse().unwrap())
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(name).arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Dead, and no longer there.
    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Not a test of its own: what a child process does. Without the variable there is nothing to do.
#[tokio::test]
async fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let size: usize = std::env::var(SIZE).map_or(0, |size| size.parse().unwrap());
    let say = |what: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nchild: {what}").and_then(|()| out.flush()).unwrap();
    };
    let store = FileStore::open(directory).unwrap();
    let owned = match store.claim(&web(), &claim(&format!("child {}", std::process::id()))).await {
        Ok(owned) => owned,
        Err(error) => return say(error.to_string()),
    };
    let mut sequence = owned.saved.map_or(Sequence::new(1), |saved| saved.sequence.next());
    loop {
        let mut saved = saved(sequence.get());
        saved.snapshot.extend(std::iter::repeat_n('x', size));
        if let Err(error) = store.save(&web(), owned.epoch, &saved).await {
            return say(error.to_string());
        }
        say(format!("saved {}", sequence.get()));
        sequence = sequence.next();
    }
}

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

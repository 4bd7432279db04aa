//! The file store between tasks, between processes, and after they were killed.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod killed;
mod owners;
mod process;
mod records;
mod tasks;

use std::fs;
use std::path::Path;

use shepherd_core::model::{Target, Timestamp};
use shepherd_core::ports::{Claim, Owner, Saved, Sequence, StoreError};
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

#[track_caller]
fn assert_superseded<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    let error = answer.unwrap_err();
    assert!(matches!(error, StoreError::Superseded { .. }), "{error}");
}

#[track_caller]
fn assert_held<T: std::fmt::Debug>(answer: Result<T, StoreError>, by: &str) {
    let error = answer.unwrap_err();
    let StoreError::Held { holder, .. } = &error else { panic!("{error}") };
    assert_eq!(holder.as_str(), by);
}

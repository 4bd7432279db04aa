//! Records on the disk: damaged, left over, or in a place that cannot be used.

use std::fs;
use std::path::{Path, PathBuf};

use shepherd_core::model::{Epoch, FailureKind, Target};
use shepherd_core::ports::{Claimed, Store, StoreError};
use shepherd_core::store::FileStore;

use super::{claim, files, fresh, saved, web};

fn record(directory: &Path, epoch: u64) -> PathBuf {
    directory.join(format!("shop%2fweb/{epoch}.json"))
}

#[track_caller]
fn assert_damaged<T: std::fmt::Debug>(answer: Result<T, StoreError>, path: &Path, why: &str) {
    let error = answer.unwrap_err();
    let StoreError::Damaged { place, reason } = &error else { panic!("{error}") };
    assert_eq!(Path::new(place), path);
    assert!(reason.contains(why), "{reason}");
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

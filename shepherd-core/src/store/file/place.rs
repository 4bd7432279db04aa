use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::files::{TEMPORARY, Temporary, sync_dir};
use super::name;
use super::ownership::Ownership;
use super::record::{Kept, Record};
use super::trouble::{BACKEND, at, if_exists};
use crate::model::{Epoch, Target};
use crate::ports::{Claim, Claimed, Owner, PortError, Saved, StoreError};

/// The directory of one target. Everything here blocks.
///
/// An epoch has two files of its own: `<epoch>.owner`, which is locked while its owner lives and holds its name, and
/// `<epoch>.json`, its record. The greatest epoch is the present one. No file is ever written by two owners, so that
/// nobody waits for a lock that a stopped process may hold for ever:
///
/// - An epoch is claimed by linking an owner file to its name, complete and locked: one of all who try gets it.
/// - An owner replaces its record and then looks for a greater epoch; a successor links its owner file and then reads
///   the record. So either the successor has read a save, or the saver knows that it was superseded.
/// - Files of lesser epochs go when the record of a greater one is durable.
#[derive(Debug, Clone)]
pub(super) struct Place {
    dir: PathBuf,
    target: Target,
}

const RECORD: &str = "json";
const OWNER: &str = "owner";

/// How often others may get in between before it is the caller's turn to wait.
const TRIES: usize = 100;

impl Place {
    pub(super) fn of(root: &Path, target: &Target) -> Result<Self, StoreError> {
        Ok(Self { dir: root.join(name::encode(target)?), target: target.clone() })
    }

    pub(super) fn claim(&self, claim: &Claim, mine: &mut Option<Ownership>) -> Result<Claimed, StoreError> {
        self.create()?;
        for _ in 0..TRIES {
            // Damage is found before anything is changed.
            self.latest()?;
            let present = self.present()?;
            self.refuse_held(present, claim, mine.as_ref())?;
            let Some(ownership) = self.publish(present, claim)? else { continue };
            let epoch = ownership.epoch;
            match self.take_over(epoch) {
                Ok(saved) => {
                    *mine = Some(ownership);
                    return Ok(Claimed { epoch, saved });
                }
                // Somebody has stolen it meanwhile, and may have swept this epoch's files away.
                Err(_) if !self.is_present(epoch)? => {}
                Err(error) => {
                    self.withdraw(epoch);
                    return Err(error);
                }
            }
        }
        Err(self.crowded())
    }

    /// Fails when `epoch` is not the one that `mine` proves, or not the greatest.
    pub(super) fn check(&self, epoch: Epoch, mine: Option<&Ownership>) -> Result<(), StoreError> {
        let proven = mine.is_some_and(|mine| mine.epoch == epoch);
        if proven && self.is_present(epoch)? { Ok(()) } else { Err(self.superseded(epoch)) }
    }

    pub(super) fn save(
        &self,
        epoch: Epoch,
        saved: &Saved,
        mine: Option<&Ownership>,
    ) -> Result<(), StoreError> {
        self.check(epoch, mine)?;
        let stored = self.read(epoch)?.and_then(|record| record.newest());
        if stored >= Some((epoch, saved.sequence)) {
            // A save that failed while syncing the directory is made again: it must not pass for durable unsynced.
            return sync_dir(&self.dir);
        }
        self.replace(epoch, Some(Kept { epoch, saved: saved.clone() }))
    }

    pub(super) fn clear(&self, epoch: Epoch, mine: Option<&Ownership>) -> Result<(), StoreError> {
        self.check(epoch, mine)?;
        self.read(epoch)?;
        self.replace(epoch, None)
    }

    pub(super) fn load(&self) -> Result<Option<(Epoch, Option<Saved>)>, StoreError> {
        let Some(present) = self.present()? else { return Ok(None) };
        let Some(record) = self.latest()? else { return Ok(Some((present, None))) };
        // Older than the present epoch while a claim carries it over; newer when one got in between.
        Ok(Some((present.max(record.epoch), record.into_saved())))
    }

    /// Whether any epoch was ever claimed here.
    pub(super) fn is_used(&self) -> Result<bool, StoreError> {
        Ok(self.present()?.is_some())
    }

    fn create(&self) -> Result<(), StoreError> {
        match fs::create_dir(&self.dir) {
            Ok(()) => self.dir.parent().map_or(Ok(()), sync_dir),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && self.dir.is_dir() => Ok(()),
            Err(error) => Err(at("create", &self.dir)(error)),
        }
    }

    fn refuse_held(
        &self,
        present: Option<Epoch>,
        claim: &Claim,
        mine: Option<&Ownership>,
    ) -> Result<(), StoreError> {
        let again = mine.is_some_and(|mine| Some(mine.epoch) == present && mine.owner == claim.owner);
        let (false, false, Some(epoch)) = (claim.steal, again, present) else { return Ok(()) };
        match self.holder(epoch)? {
            Some(holder) => Err(StoreError::Held { target: self.target.clone(), holder }),
            None => Ok(()),
        }
    }

    /// The owner of `epoch`, if it lives. The test shares the lock, so that two who test do not see each other.
    fn holder(&self, epoch: Epoch) -> Result<Option<Owner>, StoreError> {
        let path = self.file(epoch, OWNER);
        let Some(mut file) = if_exists(File::open(&path)).map_err(at("open", &path))? else {
            return Ok(None);
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::Error(error)) => Err(at("lock", &path)(error)),
            Err(TryLockError::WouldBlock) => {
                let mut holder = Vec::new();
                file.read_to_end(&mut holder).map_err(at("read", &path))?;
                Ok(Some(Owner::new(String::from_utf8_lossy(&holder))))
            }
        }
    }

    /// Makes the claimer the owner of the next epoch, unless somebody else was faster.
    fn publish(&self, present: Option<Epoch>, claim: &Claim) -> Result<Option<Ownership>, StoreError> {
        let next = self.after(present)?;
        let mut file = Temporary::create(&self.dir, next)?;
        file.lock()?;
        file.fill(claim.owner.as_str().as_bytes())?;
        if !self.publish_as(next, &file)? {
            return Ok(None);
        }
        // All race for the very next epoch, whatever they ask for; who has won that goes on to the one asked for.
        let epoch = next.max(claim.at_least);
        if epoch > next && !self.publish_as(epoch, &file)? {
            self.withdraw(next);
            return Ok(None);
        }
        Ok(Some(Ownership { epoch, owner: claim.owner.clone(), locked: file.handle()? }))
    }

    fn publish_as(&self, epoch: Epoch, file: &Temporary) -> Result<bool, StoreError> {
        let path = self.file(epoch, OWNER);
        match fs::hard_link(file.path(), &path) {
            Ok(()) => {}
            // Taken, or taken and over: then the later owner has swept the unlinked file away.
            Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => {
                return Ok(false);
            }
            Err(error) => return Err(at("link", &path)(error)),
        }
        // The epoch may have been over, and its files gone, since it was found free.
        let won = self.is_present(epoch)?;
        if !won {
            self.withdraw(epoch);
        }
        Ok(won)
    }

    fn withdraw(&self, epoch: Epoch) {
        // One that stays is not locked any more, and goes with the next claim.
        let _ = fs::remove_file(self.file(epoch, OWNER));
    }

    /// Carries the predecessor's record over into `epoch`.
    fn take_over(&self, epoch: Epoch) -> Result<Option<Saved>, StoreError> {
        let kept = self.latest()?.and_then(|record| record.kept);
        self.write(&Record { epoch, kept: kept.clone() })?;
        self.sweep(epoch)?;
        Ok(kept.map(|kept| kept.saved))
    }

    /// Removes what earlier epochs left. What cannot be removed is tried again by the next claim, and what is no record
    /// of this target's stays for a person to look at.
    fn sweep(&self, epoch: Epoch) -> Result<(), StoreError> {
        // A temporary file of this very epoch is of one who raced for it and lost, dead or alive.
        let over = |file: &Entry| file.epoch < epoch || (file.epoch == epoch && file.kind == Kind::Temporary);
        for file in self.files()?.into_iter().filter(over) {
            if file.kind != Kind::Record || matches!(self.read(file.epoch), Ok(Some(_))) {
                let _ = fs::remove_file(self.dir.join(file.name));
            }
        }
        Ok(())
    }

    fn replace(&self, epoch: Epoch, kept: Option<Kept>) -> Result<(), StoreError> {
        let written = self.write(&Record { epoch, kept });
        // Looked for afterwards: whoever took over before this may have read the record before it was replaced.
        if self.is_present(epoch)? { written } else { Err(self.superseded(epoch)) }
    }

    fn write(&self, record: &Record) -> Result<(), StoreError> {
        let text = record.encode(&self.target).map_err(|error| {
            PortError::permanent(BACKEND, format!("cannot encode the record of {}", self.target))
                .caused_by(error)
        })?;
        let mut file = Temporary::create(&self.dir, record.epoch)?;
        file.fill(text.as_bytes())?;
        file.replace(&self.file(record.epoch, RECORD))?;
        sync_dir(&self.dir)
    }

    /// The record of the greatest epoch that has one.
    fn latest(&self) -> Result<Option<Record>, StoreError> {
        for _ in 0..TRIES {
            let epochs = self.epochs()?;
            for epoch in epochs.iter().rev() {
                if let Some(record) = self.read(*epoch)? {
                    return Ok(Some(record));
                }
            }
            // A claim may have replaced the one record by the other while they were looked for.
            if self.epochs()? == epochs {
                return Ok(None);
            }
        }
        Err(self.crowded())
    }

    fn read(&self, epoch: Epoch) -> Result<Option<Record>, StoreError> {
        let path = self.file(epoch, RECORD);
        let Some(bytes) = if_exists(fs::read(&path)).map_err(at("read", &path))? else { return Ok(None) };
        let damaged = |reason| StoreError::Damaged { place: path.display().to_string(), reason };
        Record::decode(&bytes, &self.target, epoch).map(Some).map_err(damaged)
    }

    fn present(&self) -> Result<Option<Epoch>, StoreError> {
        Ok(self.epochs()?.last().copied())
    }

    /// Whether `epoch` has been claimed, and none after it.
    fn is_present(&self, epoch: Epoch) -> Result<bool, StoreError> {
        let files = self.files()?;
        let claimed = files.iter().any(|file| file.epoch == epoch && file.kind == Kind::Owner);
        Ok(claimed && files.last().is_some_and(|file| file.epoch == epoch))
    }

    fn epochs(&self) -> Result<BTreeSet<Epoch>, StoreError> {
        let files = self.files()?.into_iter();
        Ok(files.filter(|file| file.kind != Kind::Temporary).map(|file| file.epoch).collect())
    }

    /// What is here, by epoch and kind.
    fn files(&self) -> Result<Vec<Entry>, StoreError> {
        let failed = || at("read", &self.dir);
        let Some(entries) = if_exists(fs::read_dir(&self.dir)).map_err(failed())? else {
            return Ok(Vec::new());
        };
        let mut files = Vec::new();
        for entry in entries {
            files.extend(entry.map_err(failed())?.file_name().to_str().and_then(Entry::of));
        }
        files.sort_unstable();
        Ok(files)
    }

    fn file(&self, epoch: Epoch, extension: &str) -> PathBuf {
        self.dir.join(format!("{epoch}.{extension}"))
    }

    fn after(&self, present: Option<Epoch>) -> Result<Epoch, StoreError> {
        let next = present.unwrap_or_default().get().checked_add(1).map(Epoch::new);
        let none = || PortError::permanent(BACKEND, format!("the epochs of {} have run out", self.target));
        Ok(next.ok_or_else(none)?)
    }

    fn superseded(&self, epoch: Epoch) -> StoreError {
        StoreError::Superseded { target: self.target.clone(), epoch }
    }

    fn crowded(&self) -> StoreError {
        let message = format!("others changed {} each time it was looked at; try again", self.dir.display());
        PortError::conflict(BACKEND, message).into()
    }
}

/// A file of one epoch. In the order in which they are swept: who looks for a record and finds it gone must find its
/// epoch gone too, and then looks again.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    epoch: Epoch,
    kind: Kind,
    name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Temporary,
    Owner,
    Record,
}

impl Entry {
    fn of(name: &str) -> Option<Self> {
        let (number, rest) = name.split_once('.')?;
        let epoch = number.parse().map(Epoch::new).ok()?;
        let kind = match rest {
            OWNER => Kind::Owner,
            RECORD => Kind::Record,
            _ if rest.ends_with(TEMPORARY) => Kind::Temporary,
            _ => return None,
        };
        // Numbers have one spelling: `+7` and `07` are somebody else's files.
        (epoch.to_string() == number).then(|| Self { epoch, kind, name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_are_written_here_are_read_here() {
        let kind = |name| Entry::of(name).map(|entry| (entry.epoch.get(), entry.kind));
        assert_eq!(kind("7.json"), Some((7, Kind::Record)));
        assert_eq!(kind("12.owner"), Some((12, Kind::Owner)));
        assert_eq!(kind("7.00ff00ff00ff00ff.tmp"), Some((7, Kind::Temporary)));
        for foreign in ["", "7", "notes.json", "07.json", "+7.json", "7.json~", "7.json.bak", ".json"] {
            assert_eq!(kind(foreign), None, "{foreign}");
        }
    }
}

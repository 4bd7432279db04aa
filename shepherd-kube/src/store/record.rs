//! What the `ConfigMap` of one target holds, in fields that a person can read.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::core::ObjectMeta;
use shepherd_core::model::{Epoch, Target, Timestamp};
use shepherd_core::ports::{Owner, Saved, Sequence};

use super::LABEL;
use crate::time::read_hour;

/// The record of one target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Record {
    pub(super) epoch: Epoch,
    pub(super) holder: Option<Holder>,
    /// With the epoch that saved it, since sequences are compared within an epoch only.
    pub(super) saved: Option<(Epoch, Saved)>,
}

/// Who owns a target, and which process says that it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) owner: Owner,
    pub(super) process: Process,
    /// Until then it lives by its claim alone, and the process need not have written its Lease.
    pub(super) until: Timestamp,
}

/// A process: the name of its Lease, and who holds that Lease while it runs. After a restart somebody else does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) lease: String,
    pub(super) run: String,
}

const FORMAT: &str = "shepherd-rollout";
const VERSION: &str = "1";

impl Record {
    /// Which save the record holds, in the order in which saves are made.
    pub(super) fn newest(&self) -> Option<(Epoch, Sequence)> {
        self.saved.as_ref().map(|(epoch, saved)| (*epoch, saved.sequence))
    }

    /// Reads what [`put`](Self::put) wrote for this target, or says what is wrong with it.
    pub(super) fn of(map: &ConfigMap, target: &Target) -> Result<Self, String> {
        let fields =
            Fields(map.data.as_ref().filter(|data| data.get("format").is_some_and(|is| is == FORMAT)));
        let fields = fields.are_there()?;
        match fields.text("version")? {
            VERSION => {}
            other => return Err(format!("it is of version {other}; this Shepherd reads version {VERSION}")),
        }
        let of = fields.text("target")?;
        if of != target.to_string() {
            return Err(format!("it is the record of {of}, not of {target}"));
        }
        Ok(Self { epoch: fields.epoch("epoch")?, holder: fields.holder()?, saved: fields.saved()? })
    }

    /// The `ConfigMap` that holds it. What others wrote beside the data, such as labels of their own, stays.
    pub(super) fn put(&self, target: &Target, mut metadata: ObjectMeta) -> ConfigMap {
        metadata.labels.get_or_insert_default().insert(LABEL.to_owned(), "rollout".to_owned());
        let mut data = BTreeMap::new();
        let mut put = |key: &str, text: String| drop(data.insert(key.to_owned(), text));
        put("format", FORMAT.to_owned());
        put("version", VERSION.to_owned());
        put("target", target.to_string());
        put("epoch", self.epoch.to_string());
        if let Some(Holder { owner, process, until }) = &self.holder {
            put("owner", owner.to_string());
            put("lease", process.lease.clone());
            put("run", process.run.clone());
            put("claimed-until", until.to_string());
        }
        if let Some((epoch, saved)) = &self.saved {
            put("saved-epoch", epoch.to_string());
            put("saved-sequence", saved.sequence.get().to_string());
            put("snapshot", saved.snapshot.clone());
        }
        ConfigMap { metadata, data: Some(data), ..ConfigMap::default() }
    }
}

struct Fields<'m>(Option<&'m BTreeMap<String, String>>);

impl<'m> Fields<'m> {
    fn are_there(self) -> Result<Self, String> {
        if self.0.is_some() { Ok(self) } else { Err("it is not a record of Shepherd's".to_owned()) }
    }

    fn get(&self, key: &str) -> Option<&'m str> {
        self.0?.get(key).map(String::as_str)
    }

    fn text(&self, key: &str) -> Result<&'m str, String> {
        self.get(key).ok_or_else(|| format!("it has no {key}"))
    }

    fn number(&self, key: &str) -> Result<u64, String> {
        let text = self.text(key)?;
        text.parse().map_err(|_| format!("its {key} is no number: {text:.40}"))
    }

    fn epoch(&self, key: &str) -> Result<Epoch, String> {
        self.number(key).map(Epoch::new)
    }

    fn holder(&self) -> Result<Option<Holder>, String> {
        let Some(owner) = self.get("owner") else { return Ok(None) };
        let process = Process { lease: self.text("lease")?.to_owned(), run: self.text("run")?.to_owned() };
        let key = "claimed-until";
        // Earlier releases wrote their Lease at once.
        let until = self.get(key).map_or(Ok(Timestamp::default()), |text| {
            read_hour(text).ok_or_else(|| format!("its {key} is no hour: {text:.40}"))
        })?;
        Ok(Some(Holder { owner: Owner::new(owner), process, until }))
    }

    fn saved(&self) -> Result<Option<(Epoch, Saved)>, String> {
        if ["snapshot", "saved-epoch", "saved-sequence"].iter().all(|key| self.get(key).is_none()) {
            return Ok(None);
        }
        let sequence = Sequence::new(self.number("saved-sequence")?);
        let saved = Saved { sequence, snapshot: self.text("snapshot")?.to_owned() };
        Ok(Some((self.epoch("saved-epoch")?, saved)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web() -> Target {
        "shop/web".parse().unwrap()
    }

    fn record() -> Record {
        let process = Process { lease: "shepherd-bot".to_owned(), run: "bot_7".to_owned() };
        let saved = Saved { sequence: Sequence::new(12), snapshot: "{\"é\":\"\\n\"}".to_owned() };
        Record {
            epoch: Epoch::new(7),
            holder: Some(Holder {
                owner: Owner::new("deploy-bot"),
                process,
                until: Timestamp::from_millis(1_767_225_615_000),
            }),
            saved: Some((Epoch::new(6), saved)),
        }
    }

    fn without(key: &str) -> ConfigMap {
        let mut map = record().put(&web(), ObjectMeta::default());
        map.data.as_mut().unwrap().remove(key).unwrap();
        map
    }

    #[test]
    fn reads_back_what_it_puts() {
        for record in [record(), Record { holder: None, saved: None, ..record() }] {
            assert_eq!(Record::of(&record.put(&web(), ObjectMeta::default()), &web()), Ok(record));
        }
    }

    #[test]
    fn is_refused_when_any_field_is_missing() {
        for key in [
            "format",
            "version",
            "target",
            "epoch",
            "lease",
            "run",
            "saved-epoch",
            "saved-sequence",
            "snapshot",
        ] {
            assert!(Record::of(&without(key), &web()).is_err(), "{key}");
        }
    }

    #[test]
    fn what_an_earlier_release_claimed_is_held_by_its_lease_alone() {
        let holder = Record::of(&without("claimed-until"), &web()).unwrap().holder.unwrap();
        assert_eq!(holder.until, Timestamp::default());
    }

    #[test]
    fn says_what_else_it_is() {
        let with = |key: &str, text: &str| {
            let mut map = record().put(&web(), ObjectMeta::default());
            map.data.as_mut().unwrap().insert(key.to_owned(), text.to_owned());
            Record::of(&map, &web()).unwrap_err()
        };
        assert!(
            Record::of(&ConfigMap::default(), &web()).unwrap_err().contains("not a record of Shepherd's")
        );
        assert!(with("version", "2").contains("version 2"));
        assert!(with("target", "shop/api").contains("of shop/api, not of shop/web"));
        assert!(with("epoch", "seven").contains("its epoch is no number"));
        assert!(with("claimed-until", "noon").contains("its claimed-until is no hour: noon"));
    }

    #[test]
    fn what_others_wrote_beside_it_stays() {
        let mut metadata = ObjectMeta { resource_version: Some("5".to_owned()), ..ObjectMeta::default() };
        metadata.labels.get_or_insert_default().insert("team".to_owned(), "shop".to_owned());
        let put = record().put(&web(), metadata).metadata;
        assert_eq!(put.resource_version.as_deref(), Some("5"));
        assert_eq!(put.labels.unwrap()["team"], "shop");
    }
}

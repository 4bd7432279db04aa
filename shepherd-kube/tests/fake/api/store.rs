//! Objects under their paths, with what a server adds to them.

use std::collections::BTreeMap;

use json_patch::Patch;
use serde_json::{Value, json};

/// Why a request is refused: the code and the reason of a status.
pub(crate) type Refusal = (u16, &'static str);

/// What stands in for the controllers: it is shown every object that is written, may change it, and may write others.
pub(crate) type Controller = fn(&mut Objects, &mut Value);

#[derive(Clone, Default)]
pub(crate) struct Objects {
    /// By the path of the collection, then by name.
    collections: BTreeMap<String, BTreeMap<String, Value>>,
    controllers: Vec<Controller>,
    version: u64,
    /// Everything that has become of them, for whoever watches.
    log: Vec<Change>,
}

/// What has become of an object.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) collection: String,
    pub(super) version: u64,
    /// As a watch calls it: `ADDED`, `MODIFIED` or `DELETED`.
    pub(super) kind: &'static str,
    pub(super) object: Value,
}

impl Objects {
    pub(super) fn control(&mut self, controller: Controller) {
        self.controllers.push(controller);
    }

    /// A controller writes an object of its own.
    pub(crate) fn keep(&mut self, collection: &str, mut object: Value) {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if let Ok(before) = self.get(collection, &name) {
            self.replace(collection, &name, &before, object);
        } else {
            object["metadata"]["uid"] = name.clone().into();
            object["metadata"]["generation"] = 1.into();
            self.put(collection, &name, object);
        }
    }

    /// The same, and no controller sees to it.
    pub(crate) fn keep_quietly(&mut self, collection: &str, object: Value) {
        let controllers = std::mem::take(&mut self.controllers);
        self.keep(collection, object);
        self.controllers = controllers;
    }

    pub(crate) fn get(&self, collection: &str, name: &str) -> Result<Value, Refusal> {
        self.collections.get(collection).and_then(|all| all.get(name)).cloned().ok_or((404, "NotFound"))
    }

    pub(super) fn everything(&self) -> String {
        format!("{:?}", self.collections)
    }

    pub(crate) fn list(&self, collection: &str, selector: &str) -> Vec<Value> {
        let all = self.collections.get(collection);
        all.into_iter()
            .flat_map(BTreeMap::values)
            .filter(|object| selected(object, selector))
            .cloned()
            .collect()
    }

    pub(crate) fn create(&mut self, collection: &str, mut object: Value) -> Result<Value, Refusal> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err((422, "Invalid"));
        }
        if self.get(collection, &name).is_ok() {
            return Err((409, "AlreadyExists"));
        }
        self.version += 1;
        object["metadata"]["uid"] = format!("uid-{}", self.version).into();
        object["metadata"]["generation"] = 1.into();
        Ok(self.put(collection, &name, object))
    }

    pub(super) fn patch(&mut self, collection: &str, name: &str, patch: &Patch) -> Result<Value, Refusal> {
        let before = self.get(collection, name)?;
        let after = super::patch::applied(&before, patch).ok_or((422, "Invalid"))?;
        Ok(self.replace(collection, name, &before, after))
    }

    pub(crate) fn merge(&mut self, collection: &str, name: &str, patch: &Value) -> Result<Value, Refusal> {
        let before = self.get(collection, name)?;
        let after = super::patch::merged(&before, patch);
        Ok(self.replace(collection, name, &before, after))
    }

    pub(super) fn update(&mut self, collection: &str, name: &str, object: Value) -> Result<Value, Refusal> {
        let before = self.get(collection, name)?;
        let version = &object["metadata"]["resourceVersion"];
        if !version.is_null() && *version != before["metadata"]["resourceVersion"] {
            return Err((409, "Conflict"));
        }
        Ok(self.replace(collection, name, &before, object))
    }

    pub(crate) fn delete(&mut self, collection: &str, name: &str) -> Result<Value, Refusal> {
        let object = self.collections.get_mut(collection).and_then(|all| all.remove(name));
        let mut object = object.ok_or((404, "NotFound"))?;
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        self.tell(collection, "DELETED", &object);
        Ok(object)
    }

    /// The version of everything.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn log(&self) -> &[Change] {
        &self.log
    }

    /// Deletes the object of this name, if it is the one with this uid, where one is named; whoever controls it is shown
    /// that it is gone.
    pub(super) fn end(&mut self, collection: &str, name: &str, only: &Value) -> Result<Value, Refusal> {
        let object = self.get(collection, name)?;
        if !only.is_null() && *only != object["metadata"]["uid"] {
            return Err((409, "Conflict"));
        }
        let object = self.delete(collection, name)?;
        let owner = &object["metadata"]["ownerReferences"][0];
        let owners = format!("{}s", owner["kind"].as_str().unwrap_or_default().to_lowercase());
        let owners = format!("/apis/apps/v1/namespaces/shop/{owners}");
        let name = owner["name"].as_str().unwrap_or_default();
        if let Ok(mut owner) = self.get(&owners, name) {
            self.shown(&mut owner);
            self.version += 1;
            owner["metadata"]["resourceVersion"] = self.version.to_string().into();
            self.insert(&owners, name, owner);
        }
        Ok(object)
    }

    /// A write of what is there already makes no new version, and a new spec makes a new generation.
    fn replace(&mut self, collection: &str, name: &str, before: &Value, mut after: Value) -> Value {
        for kept in ["uid", "generation", "resourceVersion"] {
            after["metadata"][kept] = before["metadata"][kept].clone();
        }
        if after == *before {
            return after;
        }
        if after["spec"] != before["spec"] {
            after["metadata"]["generation"] =
                json!(before["metadata"]["generation"].as_i64().unwrap_or(0) + 1);
        }
        self.put(collection, name, after)
    }

    fn put(&mut self, collection: &str, name: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        self.shown(&mut object);
        self.insert(collection, name, object.clone());
        object
    }

    fn insert(&mut self, collection: &str, name: &str, object: Value) {
        let kind = if self.get(collection, name).is_ok() { "MODIFIED" } else { "ADDED" };
        self.tell(collection, kind, &object);
        self.collections.entry(collection.to_owned()).or_default().insert(name.to_owned(), object);
    }

    fn tell(&mut self, collection: &str, kind: &'static str, object: &Value) {
        let version = object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok());
        let (collection, version) = (collection.to_owned(), version.unwrap_or(self.version));
        self.log.push(Change { collection, version, kind, object: object.clone() });
    }

    fn shown(&mut self, object: &mut Value) {
        for controller in self.controllers.clone() {
            controller(self, object);
        }
    }
}

/// Selectors of equality, which are all that the adapters use.
fn selected(object: &Value, selector: &str) -> bool {
    selector.split(',').filter(|term| !term.is_empty()).all(|term| {
        let (key, wanted) = term.split_once('=').unwrap_or((term, ""));
        object["metadata"]["labels"][key] == wanted.trim_start_matches('=')
    })
}

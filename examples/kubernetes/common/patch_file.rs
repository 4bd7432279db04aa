use std::fs;

use json_patch::PatchOperation;
use serde_json::{Map, Value};

/// What a pods' template has.
const FIELDS: [&str; 2] = ["metadata", "spec"];

/// A file with a patch of the pods' template, as `DeploymentPair::patched_by` takes it.
#[derive(Debug, Clone)]
pub(crate) struct PatchFile(pub(crate) Value);

impl PatchFile {
    /// What can be known of it is found out here, before anything is changed. No value of it stands in an error: it may
    /// be a secret.
    pub(crate) fn read(file: &str) -> Result<Self, String> {
        let text =
            fs::read_to_string(file).map_err(|error| format!("{error}; name a file of YAML or JSON"))?;
        let patch = serde_saphyr::from_str::<Value>(&text).map_err(|error| {
            let place = error.location().map(|at| format!(" at line {}, column {}", at.line(), at.column()));
            format!("it is neither YAML nor JSON{}; correct it", place.unwrap_or_default())
        })?;
        fits(&patch)?;
        Ok(Self(patch))
    }
}

fn fits(patch: &Value) -> Result<(), String> {
    match patch {
        Value::Object(fields) => merges_a_template(fields),
        Value::Array(operations) => are_operations(operations),
        _ => Err("it must be a mapping (a JSON merge patch) or a list (a JSON Patch)".to_owned()),
    }
}

/// Fields that the API server does not know it drops, and the rollout would be one of nothing.
fn merges_a_template(fields: &Map<String, Value>) -> Result<(), String> {
    if fields.get("spec").is_some_and(|spec| spec.get("template").is_some()) {
        return Err("it is of the Deployment; write only what stands below its `spec.template`".to_owned());
    }
    match fields.keys().find(|field| !FIELDS.contains(&field.as_str())) {
        Some(field) => {
            Err(format!("the pods' template has no field {field:?}; write `metadata`, `spec` or both"))
        }
        None => Ok(()),
    }
}

fn are_operations(items: &[Value]) -> Result<(), String> {
    let is_one = |item: &Value| serde_json::from_value::<PatchOperation>(item.clone()).is_ok();
    match items.iter().position(|item| !is_one(item)) {
        Some(nth) => Err(format!(
            "item {} is no operation of a JSON Patch; give it `op`, `path` and what `op` takes",
            nth + 1
        )),
        None => Ok(()),
    }
}

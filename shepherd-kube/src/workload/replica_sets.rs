//! The replicas of the revision that a Deployment is meant to run, beside those of the ones before it.

use serde_json::Value;

/// The label that the Deployment controller adds to the template of each of its sets.
const HASH: &str = "pod-template-hash";

/// Of the sets of a Deployment, the one of its present template; none until its controller has made it.
pub(crate) fn present<'s>(deployment: &Value, sets: &'s [Value]) -> Option<&'s Value> {
    let uid = &deployment["metadata"]["uid"];
    let owned = |set: &&Value| {
        let owners = set["metadata"]["ownerReferences"].as_array();
        owners.into_iter().flatten().any(|owner| owner["controller"] == true && owner["uid"] == *uid)
    };
    sets.iter()
        .filter(owned)
        .find(|set| without_hash(&set["spec"]["template"]) == deployment["spec"]["template"])
}

/// The count in a status; a count of nothing is left out there.
pub(crate) fn count(object: &Value, field: &str) -> u32 {
    object["status"][field].as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or(0)
}

/// The template as it stands in the Deployment.
pub(crate) fn without_hash(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(labels) = template["metadata"]["labels"].as_object_mut() {
        labels.remove(HASH);
    }
    template
}

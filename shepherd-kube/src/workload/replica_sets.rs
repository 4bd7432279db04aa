//! The replicas of the revision that a Deployment is meant to run, beside those of the ones before it.

use k8s_openapi::api::apps::v1::ReplicaSet;
use serde_json::Value;
use shepherd_core::model::Revision;
use shepherd_core::ports::PortError;

use crate::object::failure;
use crate::watch::{Reach, Seen};

/// The label that the Deployment controller adds to the template of each of its sets.
const HASH: &str = "pod-template-hash";

/// Of the sets of a Deployment, the one of its present template; none until its controller has made it.
pub(crate) fn present<'s>(deployment: &Value, sets: &'s [Value]) -> Option<&'s Value> {
    sets.iter()
        .filter(|set| is_of(deployment, set))
        .find(|set| without_hash(&set["spec"]["template"]) == deployment["spec"]["template"])
}

/// Whether a Deployment made this set.
pub(crate) fn is_of(deployment: &Value, set: &Value) -> bool {
    let owners = set["metadata"]["ownerReferences"].as_array();
    let uid = &deployment["metadata"]["uid"];
    owners.into_iter().flatten().any(|owner| owner["controller"] == true && owner["uid"] == *uid)
}

/// The annotation of a template that names its revision, where more than an image makes it.
pub(crate) const REVISION: &str = "shepherd.rs/revision";

/// How the revision of a template is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// By the image of a container.
    Image,
    /// By its annotation, and by an image as long as it has none.
    Annotation,
}

impl Naming {
    /// Whether this set is of a revision.
    pub(crate) fn runs(self, set: &Value, revision: &Revision) -> bool {
        let template = &set["spec"]["template"];
        if let (Naming::Annotation, Some(name)) = (self, named(template)) {
            return name == revision.as_str();
        }
        let containers = template["spec"]["containers"].as_array();
        containers.into_iter().flatten().any(|container| container["image"] == revision.as_str())
    }
}

/// The name of its revision that stands in a template.
pub(crate) fn named(template: &Value) -> Option<&str> {
    template["metadata"]["annotations"][REVISION].as_str()
}

/// All sets that a Deployment selects, with every field that the server knows: a template that lost some would not be
/// the Deployment's any more.
pub(crate) async fn selected(
    reach: &Reach,
    namespace: &str,
    place: &str,
    deployment: &Seen,
) -> Result<Vec<Value>, PortError> {
    let listed =
        reach.list_whole::<ReplicaSet>(namespace, &selector(&deployment.object), deployment.since).await;
    listed.map_err(|error| failure(place, error))
}

/// What an object selects its pods by.
pub(crate) fn selector(object: &Value) -> String {
    let labels = object["spec"]["selector"]["matchLabels"].as_object();
    let terms: Vec<_> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    terms.join(",")
}

/// The reason and message of a condition that has this status.
pub(crate) fn condition(object: &Value, kind: &str, status: &str) -> Option<String> {
    let conditions = object["status"]["conditions"].as_array()?;
    let found = conditions.iter().find(|one| one["type"] == kind && one["status"] == status)?;
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    Some(format!("{}: {}", text("reason"), text("message")))
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

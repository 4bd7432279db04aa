use k8s_openapi::api::apps::v1::{ControllerRevision, ReplicaSet};
use serde_json::Value;
use shepherd_core::model::Revision;
use shepherd_core::ports::PortError;

use super::beside::Beside;
use crate::workload::replica_sets::{condition, count, without_hash};

/// A template that replicas of an object were made from, now or before.
pub(super) struct Version {
    /// The set of these replicas, or the record of the template.
    pub(super) uid: String,
    /// By which of these the label of a replica tells its version.
    pub(super) hashes: Vec<String>,
    /// The image that is the revision.
    pub(super) image: String,
    pub(super) template: Value,
    /// A later version has a greater number.
    number: i64,
    /// How many of its replicas are ready, where that is known without looking at them.
    pub(super) ready: Option<u32>,
    /// Why there are fewer replicas than there should be.
    pub(super) failure: Option<String>,
}

impl Version {
    /// Those of a Deployment.
    pub(super) async fn of_sets(beside: &Beside<'_>, object: &Value) -> Result<Vec<Self>, PortError> {
        let sets = beside.controlled::<ReplicaSet>(object).await?;
        Ok(sets.iter().map(|set| Self::of_set(set, beside.container)).collect())
    }

    /// Those of a `StatefulSet` or a `DaemonSet`.
    pub(super) async fn of_records(beside: &Beside<'_>, object: &Value) -> Result<Vec<Self>, PortError> {
        let records = beside.controlled::<ControllerRevision>(object).await?;
        Ok(records.iter().map(|record| Self::of_record(record, beside.container)).collect())
    }

    fn of_set(set: &Value, container: &str) -> Self {
        let template = without_hash(&set["spec"]["template"]);
        let number = &set["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
        Self {
            uid: text(&set["metadata"]["uid"]),
            hashes: vec![text(&set["metadata"]["labels"]["pod-template-hash"])],
            image: image(&template, container),
            template,
            number: number.as_str().and_then(|number| number.parse().ok()).unwrap_or(0),
            ready: Some(count(set, "readyReplicas")),
            failure: condition(set, "ReplicaFailure", "True"),
        }
    }

    fn of_record(record: &Value, container: &str) -> Self {
        let mut template = record["data"]["spec"]["template"].clone();
        if let Some(fields) = template.as_object_mut() {
            // How it is laid over the object, and no part of it.
            fields.remove("$patch");
        }
        let metadata = &record["metadata"];
        Self {
            uid: text(&metadata["uid"]),
            // The pods of a StatefulSet carry the record's name, those of a DaemonSet its hash.
            hashes: vec![text(&metadata["name"]), text(&metadata["labels"]["controller-revision-hash"])],
            image: image(&template, container),
            template,
            number: record["revision"].as_i64().unwrap_or(0),
            ready: None,
            failure: None,
        }
    }
}

/// The latest template of a revision: what has to be put back may be more than its image.
pub(super) fn template<'v>(versions: &'v [Version], revision: &Revision) -> Option<&'v Value> {
    let of_it = versions.iter().filter(|version| version.image == revision.as_str());
    of_it.max_by_key(|version| version.number).map(|version| &version.template)
}

/// The image of this container in a template.
pub(super) fn image(template: &Value, container: &str) -> String {
    let containers = template["spec"]["containers"].as_array();
    let it = containers.into_iter().flatten().find(|one| one["name"] == container);
    it.map(|one| text(&one["image"])).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{Age, Version};

/// What `kubectl apply` leaves: the whole object once more.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object as a watch keeps it. It is text, which takes a tenth of the memory of its fields, and is read when somebody
/// looks.
pub(super) struct Kept {
    pub(super) name: Arc<str>,
    pub(super) version: Version,
    pub(super) age: Age,
    /// Each as `key=value`.
    pub(super) labels: Vec<Arc<str>>,
    pub(super) text: Arc<str>,
}

impl Kept {
    pub(super) fn of(mut object: Value) -> Self {
        trim(&mut object);
        let metadata = &object["metadata"];
        let labels = metadata["labels"].as_object().into_iter().flatten();
        let labels =
            labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()).into());
        Self {
            name: metadata["name"].as_str().unwrap_or_default().into(),
            version: Version::of(&object),
            age: Age::of(&object),
            labels: labels.collect(),
            text: object.to_string().into(),
        }
    }

    /// What comes next after `before`.
    pub(super) fn after(mut self, before: &Self) -> Self {
        self.age = self.age.after(before.age);
        self
    }

    /// What comes some time after `before`; what was in between is not known.
    pub(super) fn later_than(mut self, before: &Self) -> Self {
        self.age = self.age.later_than(before.age);
        self
    }
}

impl<'de> Deserialize<'de> for Kept {
    /// One by one: a list of everything in a namespace is never whole in memory as fields.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::of)
    }
}

/// Takes away what no adapter reads: who wrote which field, and of a pod its environment, its volumes and the rest of
/// its spec.
fn trim(object: &mut Value) {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(LAST_APPLIED);
        }
    }
    // Only pods have containers there: with all others they are in a template, which must stay whole.
    let containers = object["spec"]["containers"].as_array().map(|all| {
        all.iter().map(|one| json!({"name": one["name"], "image": one["image"]})).collect::<Vec<_>>()
    });
    if let Some(containers) = containers {
        object["spec"] = json!({"nodeName": object["spec"]["nodeName"], "containers": containers});
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("annotations");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Pod;

    #[test]
    fn of_a_pod_nothing_is_kept_that_may_be_secret() {
        let pod = json!({
            "metadata": {
                "name": "web-1", "resourceVersion": "7", "labels": {"app": "web"}, "managedFields": [{"manager": "m"}],
                "annotations": {"token": "s3cret"},
            },
            "spec": {
                "nodeName": "n1", "volumes": [{"name": "v"}],
                "containers": [{"name": "app", "image": "web:v1", "env": [{"name": "KEY", "value": "s3cret"}]}],
            },
            "status": {"phase": "Running"},
        });
        let kept = Kept::of(pod);
        assert!(!kept.text.contains("s3cret") && !kept.text.contains("volumes"), "{}", kept.text);
        assert_eq!(kept.labels, ["app=web".into()]);
        let read: Pod = serde_json::from_str(&kept.text).unwrap();
        let spec = read.spec.unwrap();
        assert_eq!(
            (spec.node_name.as_deref(), spec.containers[0].image.as_deref()),
            (Some("n1"), Some("web:v1"))
        );
        assert_eq!(read.status.unwrap().phase.as_deref(), Some("Running"));
    }

    #[test]
    fn nothing_is_added() {
        let bare = json!({"metadata": {"name": "web", "resourceVersion": "7"}});
        assert_eq!(*Kept::of(bare.clone()).text, *bare.to_string());
    }

    #[test]
    fn of_everything_else_the_spec_stays_whole() {
        let template =
            json!({"spec": {"containers": [{"name": "app", "env": [{"name": "A", "value": "b"}]}]}});
        let set = json!({
            "metadata": {"name": "web", "annotations": {LAST_APPLIED: "{}", "note": "kept"}},
            "spec": {"template": template},
        });
        let kept: Value = serde_json::from_str(&Kept::of(set).text).unwrap();
        assert_eq!(kept["spec"]["template"], template);
        assert_eq!(kept["metadata"]["annotations"], json!({"note": "kept"}));
    }
}

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::Version;

/// What `kubectl apply` leaves: the whole object once more.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object as a watch keeps it. It is text, which takes a tenth of the memory of its fields, and is read when somebody
/// looks.
pub(super) struct Kept {
    pub(super) name: Arc<str>,
    pub(super) version: Version,
    /// The version in which its spec became what it is.
    pub(super) since: Version,
    /// Each as `key=value`.
    pub(super) labels: Vec<Arc<str>>,
    pub(super) text: Arc<str>,
    /// Tells specs apart, and objects that have one name after the other.
    spec: u64,
    /// The server counts its specs, so that one that comes again is told from one that stayed.
    is_counted: bool,
}

impl Kept {
    pub(super) fn of(mut object: Value) -> Self {
        trim(&mut object);
        let metadata = &object["metadata"];
        let labels = metadata["labels"].as_object().into_iter().flatten();
        let labels =
            labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()).into());
        let version = Version::of(&object);
        Self {
            name: metadata["name"].as_str().unwrap_or_default().into(),
            version,
            since: version,
            labels: labels.collect(),
            spec: hash([&metadata["uid"], &metadata["generation"], &object["spec"]]),
            is_counted: metadata["generation"].is_i64(),
            text: object.to_string().into(),
        }
    }

    /// What comes next after `before`.
    pub(super) fn after(mut self, before: &Self) -> Self {
        if self.spec == before.spec {
            self.since = before.since;
        }
        self
    }

    /// What comes some time after `before`; what was in between is not known.
    pub(super) fn later_than(self, before: &Self) -> Self {
        if self.is_counted { self.after(before) } else { self }
    }
}

impl<'de> Deserialize<'de> for Kept {
    /// One by one: a list of everything in a namespace is never whole in memory as fields.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::of)
    }
}

fn hash(parts: [&Value; 3]) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.map(Value::to_string).hash(&mut hasher);
    hasher.finish()
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

    #[test]
    fn knows_since_when_its_spec_is_so() {
        let at = |version: &str, replicas: u32, ready: u32| {
            Kept::of(json!({
                "metadata": {"name": "web", "resourceVersion": version},
                "spec": {"replicas": replicas}, "status": {"ready": ready},
            }))
        };
        let seen = at("7", 2, 0);
        let ready = at("9", 2, 2).after(&seen);
        assert_eq!((ready.version, ready.since), (Version::parse("9"), Version::parse("7")));
        assert_eq!(at("12", 3, 2).after(&ready).since, Version::parse("12"));
        assert_eq!(at("12", 2, 2).later_than(&ready).since, Version::parse("12"), "it may have been another");
    }

    #[test]
    fn a_spec_that_is_counted_is_known_again_after_a_gap() {
        let at = |version: &str, generation: u64| {
            let metadata = json!({"name": "web", "resourceVersion": version, "generation": generation});
            Kept::of(json!({"metadata": metadata, "spec": {"replicas": 2}}))
        };
        assert_eq!(at("12", 3).later_than(&at("7", 3)).since, Version::parse("7"));
        assert_eq!(at("12", 5).later_than(&at("7", 3)).since, Version::parse("12"), "it came again");
    }
}

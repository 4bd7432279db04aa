//! What the pods of a template cannot start without.

use std::collections::BTreeSet;

use serde_json::Value;

/// An object that a template names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reference {
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// Pods start without it, and may fail to pull their image.
    pub(super) for_pulling: bool,
}

/// All that a template names and does not call optional.
pub(super) fn references(template: &Value) -> BTreeSet<Reference> {
    let spec = &template["spec"];
    let mut found = BTreeSet::new();
    for container in list(&spec["initContainers"]).chain(list(&spec["containers"])) {
        for from in list(&container["env"]).map(|one| &one["valueFrom"]) {
            add(&mut found, "ConfigMap", &from["configMapKeyRef"], "name");
            add(&mut found, "Secret", &from["secretKeyRef"], "name");
        }
        for from in list(&container["envFrom"]) {
            add(&mut found, "ConfigMap", &from["configMapRef"], "name");
            add(&mut found, "Secret", &from["secretRef"], "name");
        }
    }
    for volume in list(&spec["volumes"]) {
        add(&mut found, "ConfigMap", &volume["configMap"], "name");
        add(&mut found, "Secret", &volume["secret"], "secretName");
        add(&mut found, "PersistentVolumeClaim", &volume["persistentVolumeClaim"], "claimName");
        for source in list(&volume["projected"]["sources"]) {
            add(&mut found, "ConfigMap", &source["configMap"], "name");
            add(&mut found, "Secret", &source["secret"], "name");
        }
    }
    add(&mut found, "ServiceAccount", spec, "serviceAccountName");
    for secret in list(&spec["imagePullSecrets"]).filter_map(|one| one["name"].as_str()) {
        found.insert(Reference { kind: "Secret", name: secret.to_owned(), for_pulling: true });
    }
    found
}

fn add(found: &mut BTreeSet<Reference>, kind: &'static str, source: &Value, field: &str) {
    if let Some(name) = source[field].as_str().filter(|_| source["optional"] != true) {
        found.insert(Reference { kind, name: name.to_owned(), for_pulling: false });
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn finds_all_that_is_not_optional() {
        let template = json!({"spec": {
            "serviceAccountName": "runner",
            "imagePullSecrets": [{"name": "registry"}],
            "initContainers": [{"envFrom": [{"secretRef": {"name": "setup"}}]}],
            "containers": [{
                "env": [
                    {"name": "A", "value": "plain"},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "b"}}},
                    {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "maybe", "key": "c", "optional": true}}},
                ],
                "envFrom": [{"configMapRef": {"name": "settings"}}],
            }],
            "volumes": [
                {"name": "v1", "configMap": {"name": "files"}},
                {"name": "v2", "secret": {"secretName": "tls"}},
                {"name": "v3", "persistentVolumeClaim": {"claimName": "data"}},
                {"name": "v4", "projected": {"sources": [{"secret": {"name": "part"}}, {"serviceAccountToken": {}}]}},
                {"name": "v5", "emptyDir": {}},
            ],
        }});
        let found = references(&template);
        let names: Vec<_> = found.iter().map(|one| format!("{} {}", one.kind, one.name)).collect();
        assert_eq!(
            names,
            [
                "ConfigMap files",
                "ConfigMap settings",
                "PersistentVolumeClaim data",
                "Secret keys",
                "Secret part",
                "Secret registry",
                "Secret setup",
                "Secret tls",
                "ServiceAccount runner",
            ]
        );
    }
}

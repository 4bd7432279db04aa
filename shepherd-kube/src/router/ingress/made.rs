//! The canary Ingress, made from the main one.

use serde_json::{Map, Value, json};
use shepherd_core::model::Mark;

use super::keys::{Keys, OLD_CLASS};
use super::paths::service;
use crate::object::{MARK, annotation};
use crate::workload::twin::TRACK;

const CANDIDATE: &str = "candidate";

/// The whole canary: it shows the candidate to nobody, and has its mark from the beginning. Of the main one's labels
/// and annotations nothing is kept: they may say who manages it, or ask other controllers for what it has already. It
/// goes when the main one goes.
pub(super) fn canary(main: &Value, name: &str, keys: &Keys, spec: &Value, mark: &Mark) -> Value {
    let mut annotations = Map::new();
    annotations.insert(keys.canary(), "true".into());
    annotations.insert(keys.weight(), "0".into());
    annotations.insert(MARK.to_owned(), serde_json::to_string(mark).unwrap_or_default().into());
    if let Some(class) = annotation(main, OLD_CLASS) {
        annotations.insert(OLD_CLASS.to_owned(), class.into());
    }
    if keys.is_sticky(main) {
        // Otherwise the candidate's users would stay with it after an off.
        annotations.insert(keys.canary_affinity(), "legacy".into());
    }
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": name,
            "namespace": main["metadata"]["namespace"],
            "labels": {TRACK: CANDIDATE},
            "annotations": annotations,
            "ownerReferences": [{
                "apiVersion": "networking.k8s.io/v1",
                "kind": "Ingress",
                "name": main["metadata"]["name"],
                "uid": main["metadata"]["uid"],
            }],
        },
        "spec": spec,
    })
}

/// What of the main one is stable's, with the candidate's Service behind it; none when nothing is. What other Services
/// serve must not be in it: a canary has one weight for all of its paths.
pub(super) fn spec(main: &Value, stable: &str, candidate: &str) -> Option<Value> {
    let mut spec = main["spec"].clone();
    let fields = spec.as_object_mut()?;
    let rules = fields.remove("rules").unwrap_or_default();
    let rules = rules.as_array().into_iter().flatten();
    let rules: Vec<_> = rules.filter_map(|rule| of_stable(rule, stable, candidate)).collect();
    let rest = fields.remove("defaultBackend").filter(|backend| service(backend) == Some(stable));
    if rules.is_empty() && rest.is_none() {
        return None;
    }
    if !rules.is_empty() {
        fields.insert("rules".to_owned(), rules.into());
    }
    if let Some(rest) = rest {
        fields.insert("defaultBackend".to_owned(), renamed(&rest, candidate));
    }
    Some(spec)
}

/// Whether the canary was made here from this main one.
pub(super) fn is_made(canary: &Value, main: &Value) -> bool {
    let owners = canary["metadata"]["ownerReferences"].as_array();
    canary["metadata"]["labels"][TRACK] == CANDIDATE
        && owners.is_some_and(|owners| owners.iter().any(|owner| owner["uid"] == main["metadata"]["uid"]))
}

fn of_stable(rule: &Value, stable: &str, candidate: &str) -> Option<Value> {
    let paths = rule["http"]["paths"].as_array()?;
    let mut ours: Vec<_> =
        paths.iter().filter(|path| service(&path["backend"]) == Some(stable)).cloned().collect();
    for path in &mut ours {
        path["backend"] = renamed(&path["backend"], candidate);
    }
    if ours.is_empty() {
        return None;
    }
    let mut rule = rule.clone();
    rule["http"]["paths"] = ours.into();
    Some(rule)
}

fn renamed(backend: &Value, candidate: &str) -> Value {
    let mut backend = backend.clone();
    backend["service"]["name"] = candidate.into();
    backend
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: &str, service: &str) -> Value {
        json!({
            "path": path, "pathType": "Prefix",
            "backend": {"service": {"name": service, "port": {"name": "http"}}},
        })
    }

    #[test]
    fn only_what_is_stables_is_the_canarys() {
        let main = json!({"spec": {
            "ingressClassName": "nginx",
            "tls": [{"hosts": ["a"], "secretName": "a-tls"}],
            "defaultBackend": {"service": {"name": "web", "port": {"number": 80}}},
            "rules": [
                {"host": "a", "http": {"paths": [path("/", "web"), path("/api", "api")]}},
                {"host": "b", "http": {"paths": [path("/", "api")]}},
            ],
        }});
        let expected = json!({
            "ingressClassName": "nginx",
            "tls": [{"hosts": ["a"], "secretName": "a-tls"}],
            "defaultBackend": {"service": {"name": "next", "port": {"number": 80}}},
            "rules": [{"host": "a", "http": {"paths": [path("/", "next")]}}],
        });
        assert_eq!(spec(&main, "web", "next"), Some(expected));
        assert_eq!(spec(&main, "shop", "next"), None);
    }
}

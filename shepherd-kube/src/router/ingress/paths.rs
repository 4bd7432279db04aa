use std::fmt;

use serde_json::Value;

use super::keys::OLD_CLASS;
use crate::object::annotation;

/// One path of one host, with the Service behind it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path<'o> {
    host: &'o str,
    way: &'o str,
    kind: &'o str,
    pub(super) service: &'o str,
}

impl Path<'_> {
    /// Whether both are for the same requests.
    pub(super) fn is_of(&self, other: &Path<'_>) -> bool {
        (self.host, self.way, self.kind) == (other.host, other.way, other.kind)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path { kind: "", .. } => f.write_str("its default backend"),
            Path { host: "", way, kind, .. } => write!(f, "{way} of any host ({kind})"),
            Path { host, way, kind, .. } => write!(f, "{host}{way} ({kind})"),
        }
    }
}

/// All that an Ingress serves: the paths of its rules, and what no rule is for.
pub(super) fn paths(ingress: &Value) -> Vec<Path<'_>> {
    let mut all = Vec::new();
    for rule in list(&ingress["spec"]["rules"]) {
        let host = rule["host"].as_str().unwrap_or_default();
        all.extend(list(&rule["http"]["paths"]).iter().map(|one| path(host, one)));
    }
    if let Some(service) = service(&ingress["spec"]["defaultBackend"]) {
        all.push(Path { host: "", way: "", kind: "", service });
    }
    all
}

/// The Service of a backend.
pub(super) fn service(backend: &Value) -> Option<&str> {
    backend["service"]["name"].as_str()
}

/// The class of the controllers that heed an Ingress, wherever it is named.
pub(super) fn class(ingress: &Value) -> Option<&str> {
    ingress["spec"]["ingressClassName"].as_str().or_else(|| annotation(ingress, OLD_CLASS))
}

fn path<'o>(host: &'o str, one: &'o Value) -> Path<'o> {
    Path {
        host,
        way: one["path"].as_str().unwrap_or("/"),
        kind: one["pathType"].as_str().unwrap_or("ImplementationSpecific"),
        service: service(&one["backend"]).unwrap_or_default(),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

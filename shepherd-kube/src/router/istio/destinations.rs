use std::time::Duration;

use serde_json::Value;
use shepherd_core::model::{Exposure, Match, Reason, RouterCapabilities, Track, Weight};

use super::{matches, mirror};
use crate::router::rules::{Dialect, Field, Words};

/// Which of a `VirtualService`'s lists is rolled out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http,
    Tls,
    Tcp,
}

/// Where a route sends: a host, and of its pods those of one subset or all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) host: String,
    pub(super) subset: Option<String>,
}

/// The two destinations that a route sends to.
pub(super) struct Destinations {
    pub(super) protocol: Protocol,
    /// Of the `VirtualService`: in it a host without a namespace is a Service.
    pub(super) namespace: String,
    pub(super) stable: Destination,
    pub(super) candidate: Destination,
    pub(super) settle: Duration,
}

impl Dialect for Destinations {
    fn capabilities(&self) -> RouterCapabilities {
        let weights = RouterCapabilities::weighted().settling(self.settle);
        match self.protocol {
            Protocol::Http => weights.with_matches().with_mirror(),
            Protocol::Tls | Protocol::Tcp => weights,
        }
    }

    fn words(&self) -> Words {
        let (rules, rule) = match self.protocol {
            Protocol::Http => ("http", "http route"),
            Protocol::Tls => ("tls", "tls route"),
            Protocol::Tcp => ("tcp", "tcp route"),
        };
        Words {
            rules,
            matches: "match",
            backends: "route",
            identity: "destination",
            rule,
            backend: "destination",
        }
    }

    fn backend(&self, track: Track) -> String {
        let Destination { host, subset } = self.of(track);
        subset.as_ref().map_or_else(|| host.clone(), |subset| format!("{host} subset {subset}"))
    }

    fn meant(&self, track: Track) -> String {
        let Destination { host, subset } = self.of(track);
        let (name, namespace) = self.full(host);
        let subset = subset.as_ref().map(|subset| format!(" subset {subset}")).unwrap_or_default();
        if namespace.is_empty() { format!("{name}{subset}") } else { format!("{name}.{namespace}{subset}") }
    }

    fn is(&self, backend: &Value, track: Track) -> bool {
        self.is_destination(&backend["destination"], track)
    }

    fn candidate(&self, stable: &Value) -> Value {
        let mut candidate = stable.clone();
        let destination = &mut candidate["destination"];
        destination["host"] = self.host_like(&destination["host"]).into();
        if let Some(subset) = &self.candidate.subset {
            destination["subset"] = subset.clone().into();
        } else if let Some(destination) = destination.as_object_mut() {
            destination.remove("subset");
        }
        candidate
    }

    /// The only destination gets everything whatever its weight; among others it gets nothing without one.
    fn weight(&self, backend: &Value, alone: bool) -> Option<u64> {
        let weight = backend.get("weight").map_or(Some(0), Value::as_u64)?;
        Some(if alone { weight.max(1) } else { weight })
    }

    fn combined(&self, of_rule: Option<&Value>, wanted: &[Match]) -> Result<Value, String> {
        matches::combined(of_rule, wanted)
    }

    fn added(&self, matches: &Value, of_rule: Option<&Value>) -> Option<Vec<Match>> {
        matches::added(matches, of_rule)
    }

    fn mirror(&self, rule: &Value) -> Weight {
        mirror::share(rule, &|destination| self.is_destination(destination, Track::Candidate))
    }

    fn mirrored(&self, rule: &Value, candidate: &Value, share: Weight) -> Result<Vec<Field>, String> {
        let ours = |destination: &Value| self.is_destination(destination, Track::Candidate);
        mirror::fields(rule, &ours, &candidate["destination"], share)
    }

    /// Subsets of one host share its users by themselves.
    fn routes_alone(&self) -> bool {
        self.stable.host != self.candidate.host
    }

    /// Its status is not kept unless the mesh is told to: a write settles instead.
    fn awaits(&self, _: &Value, _: &Exposure) -> Option<Reason> {
        None
    }
}

impl Destinations {
    fn of(&self, track: Track) -> &Destination {
        match track {
            Track::Stable => &self.stable,
            Track::Candidate => &self.candidate,
        }
    }

    fn is_destination(&self, destination: &Value, track: Track) -> bool {
        let wanted = self.of(track);
        let host = destination["host"].as_str();
        host.is_some_and(|host| self.full(host) == self.full(&wanted.host))
            && destination["subset"].as_str() == wanted.subset.as_deref()
    }

    /// `web`, `web.shop` and `web.shop.svc.cluster.local` are one Service.
    pub(super) fn full<'h>(&'h self, host: &'h str) -> (&'h str, &'h str) {
        let (name, rest) = host.split_once('.').unwrap_or((host, &self.namespace));
        match rest.split_once('.') {
            None => (name, rest),
            Some((namespace, service)) if service == "svc" || service.starts_with("svc.") => {
                (name, namespace)
            }
            Some(_) => (host, ""),
        }
    }

    /// The candidate's host, as long as stable's is written.
    fn host_like(&self, stable: &Value) -> String {
        let candidate = &self.candidate.host;
        let tail = stable.as_str().and_then(|host| host.strip_prefix(&*self.stable.host));
        match tail {
            Some(tail) if !candidate.contains('.') => format!("{candidate}{tail}"),
            _ => candidate.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(host: &str, subset: Option<&str>) -> Destination {
        Destination { host: host.to_owned(), subset: subset.map(ToOwned::to_owned) }
    }

    fn destinations(stable: Destination, candidate: Destination) -> Destinations {
        let (protocol, settle) = (Protocol::Http, Duration::ZERO);
        Destinations { protocol, namespace: "shop".to_owned(), stable, candidate, settle }
    }

    #[test]
    fn a_service_is_known_however_its_host_is_written() {
        let services = destinations(of("web", None), of("web-candidate", None));
        let is = |host: &str| services.is(&json!({"destination": {"host": host}}), Track::Stable);
        for host in ["web", "web.shop", "web.shop.svc", "web.shop.svc.cluster.local"] {
            assert!(is(host), "{host}");
        }
        for host in ["web-candidate", "web.other", "web.shop.example", "web.other.svc.cluster.local"] {
            assert!(!is(host), "{host}");
        }
    }

    #[test]
    fn the_candidates_destination_is_written_like_stables() {
        let services = destinations(of("web", None), of("web-candidate", None));
        let stable = json!({"destination": {"host": "web.shop.svc.cluster.local", "port": {"number": 80}}});
        let candidate = services.candidate(&stable);
        let expected = json!({"host": "web-candidate.shop.svc.cluster.local", "port": {"number": 80}});
        assert_eq!(candidate["destination"], expected);
        let subsets = destinations(of("web", Some("v1")), of("web", Some("v2")));
        let stable = json!({"destination": {"host": "web.shop", "subset": "v1"}, "headers": {}});
        let candidate = subsets.candidate(&stable);
        assert_eq!(candidate, json!({"destination": {"host": "web.shop", "subset": "v2"}, "headers": {}}));
        assert!(!subsets.is(&json!({"destination": {"host": "web"}}), Track::Stable));
    }
}

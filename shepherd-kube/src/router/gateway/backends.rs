use serde_json::{Value, json};
use shepherd_core::model::{Exposure, Match, Reason, RouterCapabilities, Track, Weight};

use super::{matches, status};
use crate::router::rules::{Dialect, Field, Words};

/// Mirrors are fractions of this.
const WHOLE: u64 = 10_000;

/// What may stand in a reference to a backend.
const REFERENCE: [&str; 5] = ["group", "kind", "name", "namespace", "port"];

/// The two Services that a route sends to.
pub(super) struct Backends {
    pub(super) stable: String,
    pub(super) candidate: String,
}

impl Dialect for Backends {
    fn capabilities(&self) -> RouterCapabilities {
        RouterCapabilities::weighted().with_matches().with_mirror()
    }

    fn words(&self) -> Words {
        Words {
            rules: "rules",
            matches: "matches",
            backends: "backendRefs",
            identity: "name",
            rule: "rule",
            backend: "backend",
        }
    }

    fn backend(&self, track: Track) -> String {
        self.name(track).to_owned()
    }

    fn is(&self, backend: &Value, track: Track) -> bool {
        backend["name"] == self.name(track)
    }

    fn candidate(&self, stable: &Value) -> Value {
        let mut candidate = stable.clone();
        candidate["name"] = self.candidate.clone().into();
        candidate
    }

    /// Without a weight it is 1.
    fn weight(&self, backend: &Value, _: bool) -> Option<u64> {
        backend.get("weight").map_or(Some(1), Value::as_u64)
    }

    fn combined(&self, of_rule: Option<&Value>, wanted: &[Match]) -> Result<Value, String> {
        matches::combined(of_rule, wanted)
    }

    fn added(&self, matches: &Value, _: Option<&Value>) -> Option<Vec<Match>> {
        matches::added(matches)
    }

    fn mirror(&self, rule: &Value) -> Weight {
        let filters = rule["filters"].as_array().map_or(&[][..], Vec::as_slice);
        let shares = filters.iter().filter(|filter| self.mirrors(filter)).map(share);
        shares.max().unwrap_or_default()
    }

    fn mirrored(&self, rule: &Value, candidate: &Value, share: Weight) -> Result<Vec<Field>, String> {
        let mut filters = rule["filters"].as_array().cloned().unwrap_or_default();
        filters.retain(|filter| !self.mirrors(filter));
        if !share.is_zero() {
            filters.push(mirror(candidate, share));
        }
        Ok(vec![("filters", (!filters.is_empty()).then(|| filters.into()))])
    }

    /// A backend of weight 0 gets nobody, found or not: off waits for the gateways alone.
    fn awaits(&self, route: &Value, exposure: &Exposure) -> Option<Reason> {
        if exposure.is_off() { status::not_taken_up(route) } else { status::not_served(route) }
    }
}

impl Backends {
    fn name(&self, track: Track) -> &str {
        match track {
            Track::Stable => &self.stable,
            Track::Candidate => &self.candidate,
        }
    }

    fn mirrors(&self, filter: &Value) -> bool {
        filter["type"] == "RequestMirror" && filter["requestMirror"]["backendRef"]["name"] == *self.candidate
    }
}

fn mirror(candidate: &Value, share: Weight) -> Value {
    let mut backend = candidate.clone();
    if let Some(fields) = backend.as_object_mut() {
        fields.retain(|field, _| REFERENCE.contains(&field.as_str()));
    }
    let fraction = json!({"numerator": share.as_hundredths(), "denominator": WHOLE});
    json!({"type": "RequestMirror", "requestMirror": {"backendRef": backend, "fraction": fraction}})
}

/// What a filter copies. What lies between two shares counts as the greater one.
fn share(filter: &Value) -> Weight {
    let mirror = &filter["requestMirror"];
    let hundredths = match (mirror["fraction"]["numerator"].as_u64(), mirror["percent"].as_u64()) {
        (Some(part), _) => {
            let whole = mirror["fraction"]["denominator"].as_u64().unwrap_or(100).max(1);
            part.saturating_mul(WHOLE).div_ceil(whole)
        }
        (None, Some(percent)) => percent.saturating_mul(100),
        (None, None) => WHOLE,
    };
    u32::try_from(hundredths).ok().and_then(|share| Weight::hundredths(share).ok()).unwrap_or(Weight::FULL)
}

//! What the controllers of a route's gateways say of it.

use serde_json::Value;
use shepherd_core::model::Reason;

use crate::object::value;

/// Whether a gateway takes a route, and whether it has found the backends.
const ACCEPTED: &str = "Accepted";
const RESOLVED: &str = "ResolvedRefs";

/// What keeps a route from being served; none when every parent has accepted this generation of it and found its
/// backends.
pub(super) fn not_served(route: &Value) -> Option<Reason> {
    unsaid(route, &[ACCEPTED, RESOLVED])
}

/// What keeps a route from being taken up; none when every parent has accepted this generation of it and looked for its
/// backends, whether they are there or not.
pub(super) fn not_taken_up(route: &Value) -> Option<Reason> {
    unsaid(route, &[ACCEPTED])
}

/// Each parent tells both of this generation, and of these that they are so.
fn unsaid(route: &Value, needed: &[&str]) -> Option<Reason> {
    let wanted = list(route, &["spec", "parentRefs"]).len().max(1);
    let parents = list(route, &["status", "parents"]);
    let generation = route["metadata"]["generation"].as_i64();
    let lacking = parents.iter().find_map(|parent| lacks(parent, generation, needed));
    let silent = wanted.saturating_sub(parents.len());
    let unanswered = (silent > 0).then(|| {
        let have = if silent == 1 { "has" } else { "have" };
        format!("{silent} of {wanted} parents {have} not answered")
    });
    lacking.or(unanswered).map(Reason::new)
}

/// What a parent does not say yet, or says instead.
fn lacks(parent: &Value, generation: Option<i64>, needed: &[&str]) -> Option<String> {
    let undone = [(ACCEPTED, "has not accepted"), (RESOLVED, "has not looked for the backends of")];
    undone.into_iter().find_map(|(kind, undone)| {
        let conditions = list(parent, &["conditions"]);
        let current = conditions.iter().find(|condition| {
            condition["type"] == kind && condition["observedGeneration"].as_i64() >= generation
        });
        let said = match current {
            Some(condition) if condition["status"] == "True" || !needed.contains(&kind) => return None,
            Some(condition) => format!(": {kind} is {}", words(condition)),
            None => format!(" {undone} generation {} yet", generation.unwrap_or_default()),
        };
        Some(format!("{}{said}", title(parent)))
    })
}

/// `False, BackendNotFound: service "web-candidate" not found`.
fn words(condition: &Value) -> String {
    let text = |field: &str| condition[field].as_str().filter(|text| !text.is_empty());
    let status = text("status").unwrap_or("not told");
    let why: Vec<_> = [text("reason"), text("message")].into_iter().flatten().collect();
    if why.is_empty() { status.to_owned() } else { format!("{status}, {}", why.join(": ")) }
}

fn title(parent: &Value) -> String {
    let of = &parent["parentRef"];
    let kind = of["kind"].as_str().unwrap_or("Gateway");
    of["name"].as_str().map_or_else(|| "a parent".to_owned(), |name| format!("{kind} {name}"))
}

fn list<'v>(object: &'v Value, path: &[&str]) -> &'v [Value] {
    value(object, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn route(generation: i64, conditions: &[(&str, &str, i64)]) -> Value {
        let conditions: Vec<_> = conditions
            .iter()
            .map(|(kind, status, seen)| json!({"type": kind, "status": status, "observedGeneration": seen}))
            .collect();
        json!({
            "metadata": {"generation": generation},
            "spec": {"parentRefs": [{"name": "public"}]},
            "status": {"parents": [{"parentRef": {"name": "public"}, "conditions": conditions}]},
        })
    }

    fn said(route: &Value) -> String {
        not_served(route).map_or_else(|| "nothing".to_owned(), |reason| reason.to_string())
    }

    #[test]
    fn is_in_effect_when_all_of_this_generation_is_accepted() {
        for (conditions, awaited) in [
            (&[("Accepted", "True", 3), ("ResolvedRefs", "True", 3)][..], "nothing"),
            (
                &[("Accepted", "True", 2), ("ResolvedRefs", "True", 3)],
                "Gateway public has not accepted generation 3 yet",
            ),
            (
                &[("Accepted", "Unknown", 3), ("ResolvedRefs", "True", 3)],
                "Gateway public: Accepted is Unknown",
            ),
            (
                &[("Accepted", "True", 3), ("ResolvedRefs", "False", 3)],
                "Gateway public: ResolvedRefs is False",
            ),
            (
                &[("Accepted", "True", 3)],
                "Gateway public has not looked for the backends of generation 3 yet",
            ),
            (&[], "Gateway public has not accepted generation 3 yet"),
        ] {
            assert_eq!(said(&route(3, conditions)), awaited, "{conditions:?}");
        }
    }

    #[test]
    fn what_a_gateway_says_is_told_in_its_words() {
        let mut missing = route(3, &[("Accepted", "True", 3), ("ResolvedRefs", "False", 3)]);
        let resolved = &mut missing["status"]["parents"][0]["conditions"][1];
        resolved["reason"] = "BackendNotFound".into();
        resolved["message"] = "service \"web-candidate\" not found".into();
        let told =
            "Gateway public: ResolvedRefs is False, BackendNotFound: service \"web-candidate\" not found";
        assert_eq!(said(&missing), told);
    }

    #[test]
    fn a_parent_that_has_not_answered_yet_is_waited_for() {
        let mut several = route(1, &[("Accepted", "True", 1), ("ResolvedRefs", "True", 1)]);
        several["spec"]["parentRefs"] = json!([{"name": "public"}, {"name": "internal"}]);
        assert_eq!(said(&several), "1 of 2 parents has not answered");
        several["status"] = json!({});
        assert_eq!(said(&several), "2 of 2 parents have not answered");
    }

    #[test]
    fn is_taken_up_when_all_have_looked_for_its_backends_found_or_not() {
        for (conditions, taken_up) in [
            (&[("Accepted", "True", 3), ("ResolvedRefs", "False", 3)][..], true),
            (&[("Accepted", "True", 3), ("ResolvedRefs", "False", 2)], false),
            (&[("Accepted", "True", 2), ("ResolvedRefs", "False", 3)], false),
            (&[("Accepted", "False", 3), ("ResolvedRefs", "True", 3)], false),
            (&[("Accepted", "True", 3)], false),
        ] {
            assert_eq!(not_taken_up(&route(3, conditions)).is_none(), taken_up, "{conditions:?}");
        }
    }
}

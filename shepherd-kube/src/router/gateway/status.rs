//! What the controllers of a route's gateways say of it.

use serde_json::Value;

use crate::object::value;

/// Whether every parent has accepted this generation of the route and found its backends.
pub(super) fn is_programmed(route: &Value) -> bool {
    let generation = route["metadata"]["generation"].as_i64();
    let wanted = list(route, &["spec", "parentRefs"]);
    let parents = list(route, &["status", "parents"]);
    let accepted = |parent: &Value| {
        ["Accepted", "ResolvedRefs"].into_iter().all(|kind| {
            list(parent, &["conditions"]).iter().any(|condition| {
                condition["type"] == kind
                    && condition["status"] == "True"
                    && condition["observedGeneration"].as_i64() >= generation
            })
        })
    };
    !parents.is_empty() && parents.len() >= wanted.len() && parents.iter().all(accepted)
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
            "status": {"parents": [{"conditions": conditions}]},
        })
    }

    #[test]
    fn is_in_effect_when_all_of_this_generation_is_accepted() {
        assert!(is_programmed(&route(3, &[("Accepted", "True", 3), ("ResolvedRefs", "True", 3)])));
        for conditions in [
            &[("Accepted", "True", 2), ("ResolvedRefs", "True", 3)][..],
            &[("Accepted", "True", 3), ("ResolvedRefs", "False", 3)],
            &[("Accepted", "True", 3)],
            &[],
        ] {
            assert!(!is_programmed(&route(3, conditions)), "{conditions:?}");
        }
    }

    #[test]
    fn a_parent_that_has_not_answered_yet_is_waited_for() {
        let mut two = route(1, &[("Accepted", "True", 1), ("ResolvedRefs", "True", 1)]);
        two["spec"]["parentRefs"] = json!([{"name": "public"}, {"name": "internal"}]);
        assert!(!is_programmed(&two));
    }
}

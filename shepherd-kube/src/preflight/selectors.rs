//! What selects pods by their labels.

use serde_json::Value;

/// Whether a selector with `matchLabels` and `matchExpressions` catches these labels. One that says nothing catches
/// everything.
pub(crate) fn catches(selector: &Value, labels: &Value) -> bool {
    let expressions = selector["matchExpressions"].as_array();
    has_all(&selector["matchLabels"], labels)
        && expressions.into_iter().flatten().all(|expression| fits(expression, labels))
}

/// Whether a Service with this selector sends to pods with these labels. Without a selector it sends to none.
pub(crate) fn sends_to(selector: &Value, labels: &Value) -> bool {
    selector.as_object().is_some_and(|all| !all.is_empty()) && has_all(selector, labels)
}

/// A selector of a Service as a person would write it.
pub(crate) fn text(selector: &Value) -> String {
    let terms = selector.as_object().into_iter().flatten();
    let terms: Vec<_> =
        terms.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    terms.join(",")
}

fn has_all(wanted: &Value, labels: &Value) -> bool {
    wanted.as_object().into_iter().flatten().all(|(key, value)| labels.get(key) == Some(value))
}

fn fits(expression: &Value, labels: &Value) -> bool {
    let label = expression["key"].as_str().and_then(|key| labels.get(key));
    let listed =
        || label.is_some_and(|label| expression["values"].as_array().is_some_and(|all| all.contains(label)));
    match expression["operator"].as_str() {
        Some("In") => listed(),
        Some("NotIn") => !listed(),
        Some("Exists") => label.is_some(),
        Some("DoesNotExist") => label.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_operator_means_what_the_server_means() {
        let labels = json!({"app": "web", "tier": "front"});
        let caught = |expression: Value| catches(&json!({"matchExpressions": [expression]}), &labels);
        assert!(caught(json!({"key": "app", "operator": "In", "values": ["api", "web"]})));
        assert!(!caught(json!({"key": "zone", "operator": "In", "values": ["a"]})));
        assert!(caught(json!({"key": "zone", "operator": "NotIn", "values": ["a"]})));
        assert!(!caught(json!({"key": "app", "operator": "NotIn", "values": ["web"]})));
        assert!(caught(json!({"key": "tier", "operator": "Exists"})));
        assert!(!caught(json!({"key": "tier", "operator": "DoesNotExist"})));
    }

    #[test]
    fn one_that_says_nothing_catches_all_and_a_service_none() {
        let labels = json!({"app": "web"});
        assert!(catches(&json!({}), &labels) && !sends_to(&json!({}), &labels));
        assert!(sends_to(&json!({"app": "web"}), &labels) && !sends_to(&json!({"app": "api"}), &labels));
    }
}

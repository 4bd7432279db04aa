//! Whether the quotas of a namespace have room for the candidate beside stable.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Findings;
use super::quantity::amount;

impl Findings {
    /// Tells of a quota that has no room for so many more pods of this template.
    pub(super) async fn quotas(&mut self, namespace: &str, template: &Value, pods: u32) {
        let all =
            self.list("v1", "ResourceQuota", namespace, "whether there is room for the candidate").await;
        let wanted = wanted(&template["spec"], pods);
        // One with a scope is not for all pods, and which of them only the server knows.
        let all = all.unwrap_or_default();
        for quota in all.iter().filter(|quota| quota["spec"].get("scopes").is_none()) {
            if quota["spec"].get("scopeSelector").is_none() {
                self.quota(namespace, quota, &wanted, pods);
            }
        }
    }

    fn quota(&mut self, namespace: &str, quota: &Value, wanted: &BTreeMap<String, f64>, pods: u32) {
        let name = quota["metadata"]["name"].as_str().unwrap_or_default();
        let short: Vec<_> =
            wanted.iter().filter_map(|(what, wanted)| shortage(quota, what, *wanted)).collect();
        if short.is_empty() {
            return;
        }
        self.error(
            format!("ResourceQuota {namespace}/{name}"),
            format!(
                "it has no room for {pods} replicas of the candidate beside stable: {}",
                short.join(", ")
            ),
            "raise it, or plan fewer replicas for the candidate",
        );
    }
}

/// How much is asked for of what quotas count, by all pods together.
fn wanted(pod: &Value, pods: u32) -> BTreeMap<String, f64> {
    let mut wanted = BTreeMap::from([("pods".to_owned(), f64::from(pods))]);
    for kind in ["requests", "limits"] {
        for resource in ["cpu", "memory", "ephemeral-storage"] {
            let all = of_pod(pod, kind, resource) * f64::from(pods);
            wanted.insert(format!("{kind}.{resource}"), all);
            if kind == "requests" {
                wanted.insert(resource.to_owned(), all);
            }
        }
    }
    wanted
}

/// What containers have together, or one that runs before them, if that is more.
fn of_pod(pod: &Value, kind: &str, resource: &str) -> f64 {
    let of = |container: &Value| {
        let resources = &container["resources"];
        // Who says a limit only requests as much.
        let said = resources[kind][resource].as_str().or_else(|| resources["limits"][resource].as_str());
        let number = resources[kind][resource].as_f64();
        if kind == "limits" {
            return number.or_else(|| amount(resources[kind][resource].as_str()?)).unwrap_or_default();
        }
        number.or_else(|| amount(said?)).unwrap_or_default()
    };
    let list = |field: &str| pod[field].as_array().map_or(&[][..], Vec::as_slice);
    let together: f64 = list("containers").iter().map(of).sum();
    list("initContainers").iter().map(of).fold(together, f64::max)
}

/// What is missing of one thing that a quota counts, in its own notation.
fn shortage(quota: &Value, what: &str, wanted: f64) -> Option<String> {
    let of = |field: &str| quota["status"][field][what].as_str();
    let (hard, used) = (of("hard")?, of("used").unwrap_or("0"));
    let room = amount(hard)? - amount(used)?;
    (wanted > room + 1e-9).then(|| format!("{what} {used} of {hard} is in use"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counts_what_a_pod_asks_for() {
        let pod = json!({
            "initContainers": [{"resources": {"requests": {"cpu": "2"}}}],
            "containers": [
                {"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}},
                {"resources": {"limits": {"cpu": "250m"}}},
            ],
        });
        let all = wanted(&pod, 2);
        let close = |what: &str, wanted: f64| (all[what] - wanted).abs() < 1e-6;
        assert!(close("pods", 2.0) && close("requests.cpu", 4.0) && close("limits.cpu", 0.5));
        assert!(close("memory", 2_147_483_648.0));
    }
}

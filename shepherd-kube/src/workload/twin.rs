//! A Deployment made after another one, for the other side of a rollout.

use serde_json::{Value, json};

/// Tells the pods of the two tracks apart.
pub(crate) const TRACK: &str = "shepherd.rs/track";
const CANDIDATE: &str = "candidate";

/// A value of a label has at most so many characters.
const LONGEST: usize = 63;

/// How its pods are told from those of the Deployment that it is made after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relabel<'a> {
    /// All labels by which the others are selected are different.
    Isolated,
    /// It has one label more.
    Shared,
    /// This label is different.
    Side { label: &'a str, value: &'a str },
}

/// A label by which stable's pods are selected, and its value on the candidate's.
struct Renamed {
    key: String,
    stable: Value,
    candidate: Value,
}

/// The whole Deployment, without replicas. Of stable's own labels and annotations nothing is kept: they may say who
/// manages it.
pub(crate) fn deployment(stable: &Value, name: &str, relabel: Relabel<'_>) -> Value {
    let mut spec = stable["spec"].clone();
    spec["template"] = template(stable, relabel);
    spec["selector"] = json!({"matchLabels": selector(stable, relabel)});
    spec["replicas"] = 0.into();
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": stable["metadata"]["namespace"], "labels": mark(relabel)},
        "spec": spec,
    })
}

/// The same, and it goes when stable goes.
pub(crate) fn owned(mut twin: Value, stable: &Value) -> Value {
    twin["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": stable["metadata"]["name"],
        "uid": stable["metadata"]["uid"],
    }]);
    twin
}

/// The label that only its own pods have.
fn mark(relabel: Relabel<'_>) -> Value {
    match relabel {
        Relabel::Isolated | Relabel::Shared => json!({TRACK: CANDIDATE}),
        Relabel::Side { label, value } => json!({label: value}),
    }
}

/// Stable's template with the candidate's labels, also where the template itself selects by them.
pub(crate) fn template(stable: &Value, how: Relabel<'_>) -> Value {
    let mut template = relabelled(stable, &renamed(stable, how));
    add(&mut template["metadata"]["labels"], how);
    template
}

/// The same for a Deployment that is there. What it selects its pods by never changes, so that is what they carry,
/// whichever of the two was made after the other one.
pub(crate) fn template_for(stable: &Value, deployment: &Value) -> Value {
    let [theirs, own] = [stable, deployment].map(|one| &one["spec"]["selector"]["matchLabels"]);
    let entries = |labels: &Value| labels.as_object().cloned().unwrap_or_default();
    let rename = |(key, stable): (String, Value)| {
        let candidate = own.get(&key).filter(|candidate| **candidate != stable)?.clone();
        Some(Renamed { key, stable, candidate })
    };
    let renamed: Vec<_> = entries(theirs).into_iter().filter_map(rename).collect();
    let mut template = relabelled(stable, &renamed);
    if let Some(labels) = template["metadata"]["labels"].as_object_mut() {
        // A label of the other Deployment alone says that a pod is that one's.
        labels.retain(|key, value| own.get(key).is_some() || theirs.get(key) != Some(value));
        labels.extend(entries(own));
    }
    template
}

fn relabelled(stable: &Value, renamed: &[Renamed]) -> Value {
    let mut template = stable["spec"]["template"].clone();
    relabel(&mut template["metadata"]["labels"], renamed);
    for selecting in
        ["/spec/affinity/podAffinity", "/spec/affinity/podAntiAffinity", "/spec/topologySpreadConstraints"]
    {
        if let Some(rules) = template.pointer_mut(selecting) {
            relabel_selectors(rules, renamed);
        }
    }
    template
}

/// What selects the candidate's pods and no others.
fn selector(stable: &Value, how: Relabel<'_>) -> Value {
    let mut selector = stable["spec"]["selector"]["matchLabels"].clone();
    relabel(&mut selector, &renamed(stable, how));
    add(&mut selector, how);
    selector
}

fn add(labels: &mut Value, how: Relabel<'_>) {
    if let (Some(labels), Value::Object(more)) = (labels.as_object_mut(), mark(how)) {
        labels.extend(more);
    }
}

fn renamed(stable: &Value, how: Relabel<'_>) -> Vec<Renamed> {
    let selected = stable["spec"]["selector"]["matchLabels"].as_object();
    let rename = |(key, stable): (&String, &Value)| {
        let candidate = match how {
            Relabel::Isolated => isolated(stable.as_str().unwrap_or_default()),
            Relabel::Side { label, value } if key == label => value.to_owned(),
            Relabel::Shared | Relabel::Side { .. } => return None,
        };
        Some(Renamed { key: key.clone(), stable: stable.clone(), candidate: candidate.into() })
    };
    selected.into_iter().flatten().filter_map(rename).collect()
}

fn isolated(value: &str) -> String {
    let kept: String = value.chars().take(LONGEST - CANDIDATE.len() - 1).collect();
    format!("{kept}-{CANDIDATE}")
}

fn relabel(labels: &mut Value, renamed: &[Renamed]) {
    for Renamed { key, stable, candidate } in renamed {
        if let Some(label) = labels.get_mut(key).filter(|label| **label == *stable) {
            *label = candidate.clone();
        }
    }
}

/// Pods that keep away from others of their kind shall keep away from the candidate's.
fn relabel_selectors(rules: &mut Value, renamed: &[Renamed]) {
    match rules {
        Value::Array(all) => all.iter_mut().for_each(|one| relabel_selectors(one, renamed)),
        Value::Object(fields) => {
            for (key, field) in fields {
                match key.as_str() {
                    "matchLabels" => relabel(field, renamed),
                    "matchExpressions" => relabel_expressions(field, renamed),
                    _ => relabel_selectors(field, renamed),
                }
            }
        }
        _ => {}
    }
}

fn relabel_expressions(expressions: &mut Value, renamed: &[Renamed]) {
    for expression in expressions.as_array_mut().into_iter().flatten() {
        let Some(renamed) = renamed.iter().find(|one| expression["key"] == one.key) else { continue };
        for value in expression["values"].as_array_mut().into_iter().flatten() {
            if *value == renamed.stable {
                *value = renamed.candidate.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stable() -> Value {
        let term = json!({"topologyKey": "host", "labelSelector": {
            "matchLabels": {"app": "web"},
            "matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "api"]}],
        }});
        json!({
            "metadata": {
                "name": "web", "namespace": "shop", "uid": "u1",
                "labels": {"argocd.argoproj.io/instance": "shop"}, "annotations": {"owner": "gitops"},
            },
            "spec": {
                "replicas": 4,
                "minReadySeconds": 5,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web", "tier": "front"}},
                    "spec": {
                        "containers": [{"name": "app", "image": "web:v1"}],
                        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}},
                        "topologySpreadConstraints": [{"labelSelector": {"matchLabels": {"app": "web"}}}],
                    },
                },
            },
        })
    }

    #[test]
    fn isolated_pods_are_not_what_selects_stables() {
        let made = deployment(&stable(), "web-candidate", Relabel::Isolated);
        let labels = &made["spec"]["template"]["metadata"]["labels"];
        assert_eq!(*labels, json!({"app": "web-candidate", "tier": "front", TRACK: "candidate"}));
        assert_eq!(
            made["spec"]["selector"]["matchLabels"],
            json!({"app": "web-candidate", TRACK: "candidate"})
        );
        let spec = &made["spec"]["template"]["spec"];
        let term = &spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0];
        assert_eq!(term["labelSelector"]["matchLabels"]["app"], "web-candidate");
        assert_eq!(term["labelSelector"]["matchExpressions"][0]["values"], json!(["web-candidate", "api"]));
        assert_eq!(
            spec["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"]["app"],
            "web-candidate"
        );
    }

    #[test]
    fn shared_pods_are_selected_with_stables_and_told_apart() {
        let made = deployment(&stable(), "web-candidate", Relabel::Shared);
        let labels = &made["spec"]["template"]["metadata"]["labels"];
        assert_eq!(*labels, json!({"app": "web", "tier": "front", TRACK: "candidate"}));
        assert_eq!(made["spec"]["selector"]["matchLabels"], json!({"app": "web", TRACK: "candidate"}));
    }

    #[test]
    fn nobody_else_takes_it_for_theirs_and_it_goes_with_stable() {
        let made = owned(deployment(&stable(), "web-candidate", Relabel::Isolated), &stable());
        assert_eq!(made["metadata"]["labels"], json!({TRACK: "candidate"}));
        assert_eq!(made["metadata"]["annotations"], Value::Null);
        assert_eq!(made["metadata"]["ownerReferences"][0]["uid"], "u1");
        assert_eq!((&made["spec"]["replicas"], &made["spec"]["minReadySeconds"]), (&json!(0), &json!(5)));
    }

    #[test]
    fn there_and_back_is_what_it_was() {
        let made = deployment(&stable(), "web-candidate", Relabel::Isolated);
        assert_eq!(template_for(&stable(), &made), made["spec"]["template"]);
        assert_eq!(template_for(&made, &stable()), stable()["spec"]["template"]);
        let shared = deployment(&stable(), "web-candidate", Relabel::Shared);
        assert_eq!(template_for(&stable(), &shared), shared["spec"]["template"]);
    }

    #[test]
    fn the_other_color_differs_by_its_color() {
        let mut blue = stable();
        blue["spec"]["selector"]["matchLabels"]["color"] = "blue".into();
        blue["spec"]["template"]["metadata"]["labels"]["color"] = "blue".into();
        let made = deployment(&blue, "web-green", Relabel::Side { label: "color", value: "green" });
        let labels = &made["spec"]["template"]["metadata"]["labels"];
        assert_eq!(*labels, json!({"app": "web", "tier": "front", "color": "green"}));
        assert_eq!(made["spec"]["selector"]["matchLabels"], json!({"app": "web", "color": "green"}));
    }

    #[test]
    fn long_labels_stay_labels() {
        let mut long = stable();
        long["spec"]["selector"]["matchLabels"]["app"] = "w".repeat(63).into();
        long["spec"]["template"]["metadata"]["labels"]["app"] = "w".repeat(63).into();
        let made = template(&long, Relabel::Isolated);
        assert_eq!(made["metadata"]["labels"]["app"].as_str().unwrap().len(), 63);
    }
}

//! Whether a canary Ingress is one of the main one.

use serde_json::Value;

use super::keys::Keys;
use super::paths::{Path, class, paths};
use crate::object::annotation;

/// The main Ingress and its canary, with the Services that they send to.
pub(super) struct Pair<'a> {
    pub(super) keys: &'a Keys,
    pub(super) main: &'a Value,
    pub(super) canary: &'a Value,
    pub(super) stable: &'a str,
    pub(super) candidate: &'a str,
}

impl Pair<'_> {
    /// Everything that is wrong with the canary, in one text; none when a rollout may begin with it.
    pub(super) fn mistakes(&self) -> Option<String> {
        let mut found = Vec::new();
        let (main, keys) = (name(self.main), self.keys);
        if !keys.is_canary(self.canary) {
            found.push(format!("it is no canary: annotate it {}: \"true\"", keys.canary()));
        }
        if keys.is_canary(self.main) {
            found.push(format!("Ingress {main} is a canary itself: name the one that it is a canary of"));
        }
        let classes = (class(self.canary), class(self.main));
        if classes.0 != classes.1 {
            let [ours, theirs] = [classes.0, classes.1].map(|class| class.unwrap_or("none"));
            found.push(format!("its class is {ours}, and that of Ingress {main} is {theirs}"));
        }
        self.requests(&mut found);
        self.users(&mut found);
        (!found.is_empty()).then(|| found.join("; "))
    }

    /// What it serves is what stable serves in the main one.
    fn requests(&self, found: &mut Vec<String>) {
        let (main, of_main, of_canary) = (name(self.main), paths(self.main), paths(self.canary));
        if of_canary.is_empty() {
            found.push("it has no paths".to_owned());
        }
        for path in &of_canary {
            let theirs = of_main.iter().find(|theirs| theirs.is_of(path));
            match theirs.map(|theirs| theirs.service) {
                None => found.push(format!("Ingress {main} does not serve {path}")),
                Some(service) if service != self.stable => {
                    found.push(format!("Ingress {main} sends {path} to {service}, not to {}", self.stable));
                }
                Some(_) => {}
            }
            if path.service == self.stable {
                found.push(format!(
                    "it sends {path} to {}, which is stable's: send it to {}",
                    self.stable, self.candidate
                ));
            } else if path.service != self.candidate {
                found.push(format!("it sends {path} to {}, not to {}", path.service, self.candidate));
            }
        }
    }

    /// Who is shown the candidate is only who was asked for.
    fn users(&self, found: &mut Vec<String>) {
        let keys = self.keys;
        let legacy = annotation(self.canary, &keys.canary_affinity()) == Some("legacy");
        if keys.is_sticky(self.main) && !legacy {
            found.push(format!(
                "Ingress {} has session affinity, which would keep users on the candidate after its traffic was taken \
                 off: annotate this one {}: legacy",
                name(self.main),
                keys.canary_affinity()
            ));
        }
        if annotation(self.canary, &keys.header_pattern()).is_some_and(|pattern| !pattern.is_empty()) {
            found.push(format!("it chooses requests by a pattern: remove its {}", keys.header_pattern()));
        }
    }
}

/// The names of the other canaries that serve what `main` serves. The controller heeds only one canary for each path,
/// and which one is not for us to say.
pub(super) fn rivals<'o>(keys: &Keys, main: &Value, canary: &str, all: &'o [Value]) -> Vec<&'o str> {
    let of_main = paths(main);
    let shares = |ingress: &Value| {
        let same = |path: &Path<'_>| of_main.iter().any(|theirs| theirs.is_of(path));
        class(ingress) == class(main) && paths(ingress).iter().any(same)
    };
    let others = all.iter().filter(|ingress| keys.is_canary(ingress) && name(ingress) != canary);
    others.filter(|ingress| shares(ingress)).map(name).collect()
}

fn name(ingress: &Value) -> &str {
    ingress["metadata"]["name"].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ingress(name: &str, service: &str, canary: bool) -> Value {
        json!({
            "metadata": {
                "name": name, "annotations": {"nginx.ingress.kubernetes.io/canary": canary.to_string()},
            },
            "spec": {"ingressClassName": "nginx", "rules": [{"host": "shop.example", "http": {"paths": [
                {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": service}}},
            ]}}]},
        })
    }

    fn mistakes(main: &Value, canary: &Value) -> String {
        let keys = Keys::default();
        Pair { keys: &keys, main, canary, stable: "web", candidate: "next" }.mistakes().unwrap_or_default()
    }

    #[test]
    fn each_mistake_is_told() {
        let (main, canary) = (ingress("web", "web", false), ingress("next", "next", true));
        assert_eq!(mistakes(&main, &canary), "");
        let said = |change: &dyn Fn(&mut Value, &mut Value)| {
            let (mut main, mut canary) = (main.clone(), canary.clone());
            change(&mut main, &mut canary);
            mistakes(&main, &canary)
        };
        let path = "/spec/rules/0/http/paths/0";
        let service = format!("{path}/backend/service/name");
        let set = |ingress: &mut Value, at: &str, new: &str| *ingress.pointer_mut(at).unwrap() = new.into();
        let note = |ingress: &mut Value, key: &str, new: &str| {
            ingress["metadata"]["annotations"][format!("nginx.ingress.kubernetes.io/{key}")] = new.into();
        };
        assert!(said(&|_, canary| note(canary, "canary", "false")).contains("it is no canary"));
        assert!(said(&|main, _| note(main, "canary", "true")).contains("Ingress web is a canary itself"));
        let class = said(&|_, canary| set(canary, "/spec/ingressClassName", "internal"));
        assert!(class.contains("its class is internal, and that of Ingress web is nginx"), "{class}");
        let host = said(&|_, canary| set(canary, "/spec/rules/0/host", "shop.other"));
        assert!(host.contains("Ingress web does not serve shop.other/ (Prefix)"), "{host}");
        let kind = said(&|_, canary| set(canary, &format!("{path}/pathType"), "Exact"));
        assert!(kind.contains("does not serve shop.example/ (Exact)"), "{kind}");
        assert!(said(&|main, _| set(main, &service, "api")).contains("sends shop.example/ (Prefix) to api"));
        assert!(said(&|_, canary| set(canary, &service, "web")).contains("to web, which is stable's"));
        assert!(said(&|_, canary| set(canary, &service, "api")).contains("to api, not to next"));
        assert!(said(&|_, canary| canary["spec"]["rules"] = json!([])).contains("it has no paths"));
        assert!(
            said(&|main, _| note(main, "affinity", "cookie")).contains("affinity-canary-behavior: legacy")
        );
        assert!(said(&|_, canary| note(canary, "canary-by-header-pattern", "a+")).contains("by a pattern"));
        let legacy = said(&|main, canary| {
            note(main, "affinity", "cookie");
            note(canary, "affinity-canary-behavior", "legacy");
        });
        assert_eq!(legacy, "");
    }

    #[test]
    fn other_canaries_of_the_same_paths_are_rivals() {
        let main = ingress("web", "web", false);
        let mut elsewhere = ingress("elsewhere", "next", true);
        elsewhere["spec"]["rules"][0]["host"] = "shop.other".into();
        let all = [main.clone(), ingress("next", "next", true), ingress("beta", "beta", true), elsewhere];
        assert_eq!(rivals(&Keys::default(), &main, "next", &all), ["beta"]);
    }
}

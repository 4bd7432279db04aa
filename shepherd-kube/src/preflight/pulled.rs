//! Whether what the pods run can be pulled.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::Value;
use shepherd_core::model::Verdict;
use tokio::sync::Mutex;

use super::{Findings, Images};

/// Each image is asked for once, however often it is looked.
#[derive(Clone)]
pub(super) struct Asked {
    images: Arc<dyn Images>,
    known: Arc<Mutex<HashMap<String, Verdict>>>,
}

impl Asked {
    pub(super) fn of(images: impl Images + 'static) -> Self {
        Self { images: Arc::new(images), known: Arc::default() }
    }

    async fn look(&self, images: &[&str]) -> Vec<Verdict> {
        let mut known = self.known.lock().await;
        let new: Vec<_> = images.iter().filter(|image| !known.contains_key(**image)).collect();
        let answers = join_all(new.iter().map(|image| self.images.look(image))).await;
        known.extend(new.into_iter().map(|image| (*image).to_owned()).zip(answers));
        images.iter().filter_map(|image| known.get(*image).cloned()).collect()
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").finish_non_exhaustive()
    }
}

impl Findings {
    /// All that the pods of a template pull. What those of `serving` run is on some nodes already.
    pub(crate) async fn pulled(&mut self, place: &str, serving: &Value, template: &Value) {
        let Some(asked) = self.images.clone() else { return };
        let (pulled, runs) = (pulled(template), pulled(serving));
        let images: Vec<_> = pulled.keys().copied().collect();
        for (image, verdict) in images.iter().zip(asked.look(&images).await) {
            let what = format!("the image {image} of its {}", pulled[image]);
            match verdict {
                Verdict::Pass(_) => {}
                Verdict::Fail(why) if runs.contains_key(image) => self.warning_of_candidate(
                    place,
                    format!("{what}, which it runs, cannot be pulled any more: {why}"),
                    "push it again: pods start only on nodes that have it",
                ),
                Verdict::Fail(why) => self.error_of_candidate(
                    place,
                    format!("{what} cannot be pulled: {why}"),
                    "push it, or correct its name",
                ),
                Verdict::Inconclusive(why) | Verdict::Error(why) => self.warning_of_candidate(
                    place,
                    format!("whether {what} can be pulled cannot be checked: {why}"),
                    "look yourself whether it is there",
                ),
            }
        }
    }
}

/// The images that a template's pods pull, each with what first needs it.
fn pulled(template: &Value) -> BTreeMap<&str, String> {
    let spec = &template["spec"];
    let of = |field: &str| spec[field].as_array().into_iter().flatten();
    let containers = of("containers").map(|one| (one, "container", "image", "imagePullPolicy"));
    let before = of("initContainers").map(|one| (one, "init container", "image", "imagePullPolicy"));
    let volumes = of("volumes").map(|one| (one, "volume", "reference", "pullPolicy"));
    let mut found = BTreeMap::new();
    for (one, kind, image, policy) in containers.chain(before).chain(volumes) {
        let source = if kind == "volume" { &one["image"] } else { one };
        if let Some(image) = source[image].as_str().filter(|_| source[policy] != "Never") {
            let name = one["name"].as_str().unwrap_or_default();
            found.entry(image).or_insert_with(|| format!("{kind} {name}"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_that_is_ever_pulled() {
        let template = json!({"spec": {
            "initContainers": [{"name": "setup", "image": "setup:v1"}],
            "containers": [
                {"name": "app", "image": "shop:v2"},
                {"name": "twin", "image": "shop:v2"},
                {"name": "local", "image": "local:v1", "imagePullPolicy": "Never"},
            ],
            "volumes": [
                {"name": "model", "image": {"reference": "model:v3"}},
                {"name": "kept", "image": {"reference": "kept:v3", "pullPolicy": "Never"}},
                {"name": "files", "configMap": {"name": "files"}},
            ],
        }});
        let found: Vec<_> = pulled(&template).into_iter().collect();
        let expected = [
            ("model:v3", "volume model".to_owned()),
            ("setup:v1", "init container setup".to_owned()),
            ("shop:v2", "container app".to_owned()),
        ];
        assert_eq!(found, expected);
    }
}

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

/// An image that pods pull.
#[derive(Debug, PartialEq, Eq)]
struct Pull {
    /// What of the pods needs it.
    by: String,
    /// A node that has it asks all the same.
    always: bool,
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
    /// Asks for all that the pods of a template pull. What those of `serving` run is on some nodes already.
    pub(crate) async fn pulled(&mut self, place: &str, serving: &Value, template: &Value) {
        let Some(asked) = self.images.clone() else { return };
        let (needed, runs) = (pulls(template), pulls(serving));
        let images: Vec<_> = needed.keys().copied().collect();
        for (image, verdict) in images.iter().zip(asked.look(&images).await) {
            let pull = &needed[image];
            let what = format!("the image {image} of its {}", pull.by);
            match verdict {
                Verdict::Pass(_) => {}
                Verdict::Fail(why) if runs.contains_key(image) && !pull.always => self.warning_of_candidate(
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
                    "let it be asked for as somebody who may pull it, or look yourself",
                ),
            }
        }
    }
}

/// The images that a template's pods pull, each with what first needs it.
fn pulls<'t>(template: &'t Value) -> BTreeMap<&'t str, Pull> {
    let spec = &template["spec"];
    let of = |field: &str| spec[field].as_array().into_iter().flatten();
    let container = |kind| move |one: &'t Value| (one, kind, &one["image"], &one["imagePullPolicy"]);
    let volume = |one: &'t Value| (one, "volume", &one["image"]["reference"], &one["image"]["pullPolicy"]);
    let mut found = BTreeMap::<_, Pull>::new();
    let all = of("containers").map(container("container"));
    let all = all.chain(of("initContainers").map(container("init container")));
    for (one, kind, image, policy) in all.chain(of("volumes").map(volume)) {
        let Some(image) = image.as_str().filter(|_| *policy != "Never") else { continue };
        let by = || format!("{kind} {}", one["name"].as_str().unwrap_or_default());
        let pull = found.entry(image).or_insert_with(|| Pull { by: by(), always: false });
        pull.always |= *policy == "Always";
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
            "initContainers": [{"name": "setup", "image": "setup:v1", "imagePullPolicy": "Always"}],
            "containers": [
                {"name": "app", "image": "shop:v2", "imagePullPolicy": "IfNotPresent"},
                {"name": "twin", "image": "shop:v2", "imagePullPolicy": "Always"},
                {"name": "local", "image": "local:v1", "imagePullPolicy": "Never"},
            ],
            "volumes": [
                {"name": "model", "image": {"reference": "model:v3"}},
                {"name": "kept", "image": {"reference": "kept:v3", "pullPolicy": "Never"}},
                {"name": "files", "configMap": {"name": "files"}},
            ],
        }});
        let found: Vec<_> = pulls(&template).into_iter().collect();
        let pull = |by: &str, always| Pull { by: by.to_owned(), always };
        let expected = [
            ("model:v3", pull("volume model", false)),
            ("setup:v1", pull("init container setup", true)),
            ("shop:v2", pull("container app", true)),
        ];
        assert_eq!(found, expected);
    }
}

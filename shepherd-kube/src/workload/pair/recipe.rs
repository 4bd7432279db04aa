//! What makes a revision out of the pods' template before it.

use std::sync::Arc;

use json_patch::Patch;
use serde_json::{Value, json};
use shepherd_core::model::Revision;
use shepherd_core::ports::PortError;

use crate::object::{Edit, ORIGINALS, annotation, refused};
use crate::workload::image;
use crate::workload::replica_sets::{Naming, REVISION, named};

/// What the caller makes of a revision.
type Make = dyn Fn(&Revision) -> Result<Value, String> + Send + Sync;

/// The image of one container, or a patch of the whole template.
#[derive(Clone, Default)]
pub(super) struct Recipe {
    pub(super) container: Option<String>,
    pub(super) patch: Option<Arc<Make>>,
}

impl Recipe {
    pub(super) const fn naming(&self) -> Naming {
        if self.patch.is_some() { Naming::Annotation } else { Naming::Image }
    }

    pub(super) const fn is_patch(&self) -> bool {
        self.patch.is_some()
    }

    /// The revision that a Deployment is meant to run.
    pub(super) fn revision(&self, place: &str, deployment: &Value) -> Result<Revision, PortError> {
        match named(&deployment["spec"]["template"]).filter(|_| self.is_patch()) {
            Some(name) => Revision::new(name)
                .map_err(|error| refused(place, format!("its annotation {REVISION}: {error}"))),
            None => image::revision(
                place,
                deployment,
                image::container(place, deployment, self.container.as_deref())?,
            ),
        }
    }

    /// The template of a revision, made of `base`. `kept` are the labels that its Deployment selects by.
    pub(super) fn template(
        &self,
        place: &str,
        base: Value,
        kept: &Value,
        revision: &Revision,
    ) -> Result<Value, PortError> {
        let Some(make) = &self.patch else {
            let deployment = json!({"spec": {"template": base}});
            let container = image::container(place, &deployment, self.container.as_deref())?;
            let mut template = image::with(base, container, revision);
            let annotations = template.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
            annotations.and_then(|annotations| annotations.remove(REVISION));
            return Ok(template);
        };
        let patch = make(revision)
            .map_err(|error| refused(place, format!("there is no patch for {revision}: {error}")))?;
        let mut template = patched(place, base.clone(), patch, revision)?;
        for label in changed_labels(&base, &template) {
            if kept.get(&label).is_some() {
                return Err(changes_label(place, revision, &label, "its own selector"));
            }
        }
        template["metadata"]["annotations"][REVISION] = revision.as_str().into();
        Ok(template)
    }

    /// The labels of `base` that the patch for a revision changes or takes away.
    pub(super) fn relabels(
        &self,
        place: &str,
        base: &Value,
        revision: &Revision,
    ) -> Result<Vec<String>, PortError> {
        if !self.is_patch() {
            return Ok(Vec::new());
        }
        Ok(changed_labels(base, &self.template(place, base.clone(), &Value::Null, revision)?))
    }

    /// Whether a Deployment that serves must be patched to run a revision: it does not, and did not before this rollout.
    pub(super) fn makes_anew(
        &self,
        place: &str,
        deployment: &Value,
        revision: &Revision,
    ) -> Result<bool, PortError> {
        let runs = self.revision(place, deployment)? == *revision;
        Ok(!runs && self.restored(place, original(place, deployment)?.as_ref(), revision)?.is_none())
    }

    /// The template before, when it is of this revision.
    fn restored<'t>(
        &self,
        place: &str,
        before: Option<&'t Value>,
        revision: &Revision,
    ) -> Result<Option<&'t Value>, PortError> {
        let Some(before) = before else { return Ok(None) };
        let was = self.revision(place, &json!({"spec": {"template": before}}))?;
        Ok((was == *revision).then_some(before))
    }

    /// Makes a Deployment that serves run a revision. Of one that is patched the template before stays in an annotation,
    /// so that the way back is exactly that: a `ReplicaSet` would hold it too, but not where the history is 0 long, nor
    /// in the write that changes it.
    pub(super) fn write(
        &self,
        edit: &mut Edit<'_>,
        place: &str,
        deployment: &Value,
        revision: &Revision,
    ) -> Result<(), PortError> {
        if self.is_patch() && self.revision(place, deployment)? == *revision {
            return Ok(());
        }
        let before = original(place, deployment)?;
        // Also where whoever goes on with the rollout knows of no patch.
        if let Some(before) = self.restored(place, before.as_ref(), revision)? {
            edit.set(&["spec", "template"], before.clone());
            edit.unannotate(ORIGINALS);
            return Ok(());
        }
        if !self.is_patch() {
            image::write(edit, place, deployment, self.container.as_deref(), revision)?;
            edit.remove(&["spec", "template", "metadata", "annotations", REVISION]);
            return Ok(());
        }
        let now = &deployment["spec"]["template"];
        let kept = &deployment["spec"]["selector"]["matchLabels"];
        edit.set(&["spec", "template"], self.template(place, now.clone(), kept, revision)?);
        if before.is_none() {
            edit.annotate(ORIGINALS, json!({"template": now}).to_string());
        }
        Ok(())
    }
}

/// The refusal of a patch because of a label that something selects by.
pub(super) fn changes_label(place: &str, revision: &Revision, label: &str, needed_by: &str) -> PortError {
    refused(
        place,
        format!(
            "the patch for {revision} changes the label {label}, which {needed_by} needs; leave it as it is, and add \
             another label where the pods must be told apart"
        ),
    )
}

/// The template that a promotion has overwritten.
fn original(place: &str, deployment: &Value) -> Result<Option<Value>, PortError> {
    let Some(text) = annotation(deployment, ORIGINALS) else { return Ok(None) };
    // What the parser says may hold a part of the text, and that holds somebody's environment.
    let mut originals: Value = serde_json::from_str(text).map_err(|_| {
        refused(
            place,
            format!("its annotation {ORIGINALS} is damaged; put its template back by hand and remove it"),
        )
    })?;
    Ok(Some(originals["template"].take()))
}

fn patched(place: &str, mut template: Value, patch: Value, revision: &Revision) -> Result<Value, PortError> {
    let unfit = |why: &str| refused(place, format!("the patch for {revision} {why}"));
    match patch {
        Value::Object(_) => json_patch::merge(&mut template, &patch),
        // What the parser says may hold a part of the patch, and that may be somebody's secret.
        Value::Array(_) => serde_json::from_value::<Patch>(patch)
            .map_err(|_| unfit("is a list, and not of JSON Patch operations"))
            .and_then(|patch| {
                json_patch::patch(&mut template, &patch).map_err(|error| {
                    unfit(&format!(
                        "does not fit the template: its operation {} at {}: {}",
                        error.operation, error.path, error.kind
                    ))
                })
            })?,
        _ => return Err(unfit("is neither an object (JSON merge patch) nor a list (JSON Patch)")),
    }
    if !template["metadata"].is_object() || !template["spec"].is_object() {
        return Err(unfit(
            "leaves no `metadata` or no `spec`: it is one of the pods' template, not of the Deployment",
        ));
    }
    let annotations = &template["metadata"]["annotations"];
    if annotations.is_object() || annotations.is_null() {
        Ok(template)
    } else {
        Err(unfit("makes `metadata.annotations` something that is no object"))
    }
}

fn changed_labels(before: &Value, after: &Value) -> Vec<String> {
    let labels = before["metadata"]["labels"].as_object().into_iter().flatten();
    let changed = labels.filter(|(key, value)| after["metadata"]["labels"].get(key) != Some(value));
    changed.map(|(key, _)| key.clone()).collect()
}

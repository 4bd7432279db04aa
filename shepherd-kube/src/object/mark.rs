//! The mark on an object: who last wrote where traffic goes or what runs, in an annotation beside it.

use serde_json::Value;
use shepherd_core::model::Mark;
use shepherd_core::ports::PortError;

use super::value;
use super::{Edit, refused};

/// The annotation that holds the mark, as JSON.
pub(crate) const MARK: &str = "shepherd.rs/mark";

/// The annotation that holds what stood in the fields that a rollout changes, to be put back on every way out.
pub(crate) const ORIGINALS: &str = "shepherd.rs/originals";

/// The annotation of a Service that names which of two sides was stable when its present rollout began.
pub(crate) const STABLE: &str = "shepherd.rs/stable";

/// The mark that an object holds.
///
/// # Errors
/// Permanent when there is one that cannot be read: overwriting it might let a write through that it forbids.
pub(crate) fn mark_of(place: &str, object: &Value) -> Result<Option<Mark>, PortError> {
    mark_at(MARK, place, object)
}

/// The mark that an object holds in this annotation, where it holds several.
///
/// # Errors
/// As [`mark_of`].
pub(crate) fn mark_at(key: &str, place: &str, object: &Value) -> Result<Option<Mark>, PortError> {
    let Some(text) = annotation(object, key) else { return Ok(None) };
    serde_json::from_str(text).map(Some).map_err(|error| {
        refused(place, format!("its annotation {key} is damaged ({error}); remove the annotation when no rollout is under way"))
            .caused_by(error)
    })
}

/// Writes the mark in the same patch as what it marks.
pub(crate) fn stamp(edit: &mut Edit<'_>, mark: &Mark) {
    stamp_at(MARK, edit, mark);
}

/// The same in this annotation.
pub(crate) fn stamp_at(key: &str, edit: &mut Edit<'_>, mark: &Mark) {
    // A mark is names, numbers and text: it always has a JSON form.
    edit.annotate(key, serde_json::to_string(mark).unwrap_or_default());
}

pub(crate) fn annotation<'o>(object: &'o Value, key: &str) -> Option<&'o str> {
    value(object, &["metadata", "annotations", key])?.as_str()
}

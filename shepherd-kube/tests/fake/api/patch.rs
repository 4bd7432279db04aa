//! JSON patches as the API server applies them.

use json_patch::{Patch, PatchOperation};
use serde_json::Value;

/// The object as it is after the patch; none when one of its operations fails.
pub(super) fn applied(object: &Value, patch: &Patch) -> Option<Value> {
    let mut after = object.clone();
    for operation in &patch.0 {
        // The server takes a missing field for null, which the crate does not; its parent must be there.
        if let PatchOperation::Test(test) = operation
            && test.value.is_null()
            && after.pointer(test.path.as_str()).is_none()
            && test.path.as_str().rsplit_once('/').is_some_and(|(parent, _)| after.pointer(parent).is_some())
        {
            continue;
        }
        json_patch::patch(&mut after, &Patch(vec![operation.clone()])).ok()?;
    }
    Some(after)
}

/// The same by a merge patch.
pub(super) fn merged(object: &Value, patch: &Value) -> Value {
    let mut after = object.clone();
    json_patch::merge(&mut after, patch);
    after
}

//! JSON patches as the API server applies them.

use json_patch::{Patch, PatchOperation};
use serde_json::Value;

/// The object as it is after the patch; none when one of its operations fails.
pub(super) fn applied(object: &Value, patch: &Patch) -> Option<Value> {
    let mut after = object.clone();
    for operation in &patch.0 {
        // The server takes a missing field for null, which the crate does not.
        if let PatchOperation::Test(test) = operation
            && test.value.is_null()
            && after.pointer(test.path.as_str()).is_none()
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

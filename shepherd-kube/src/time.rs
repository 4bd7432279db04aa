//! Hours as the API server writes them.

use k8s_openapi::jiff;
use shepherd_core::model::Timestamp;

/// None for an hour that no calendar has.
pub(crate) fn hour(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(i64::try_from(at.as_millis()).ok()?).ok()
}

/// The hour that such a text says.
pub(crate) fn read_hour(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok().map(Timestamp::from_millis)
}

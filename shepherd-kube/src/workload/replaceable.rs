use shepherd_core::model::{Failure, Revision, TrackSpec};
use shepherd_core::ports::PortError;

/// Refuses to overwrite what somebody has given the object of a track meanwhile.
pub(crate) fn replaceable(place: &str, spec: &TrackSpec, runs: &Revision) -> Result<(), PortError> {
    let here = |failure| Failure { backend: place.to_owned(), ..failure };
    Ok(spec.may_replace(runs).map_err(here)?)
}

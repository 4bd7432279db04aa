//! Which of the two sides is which.

use serde_json::Value;
use shepherd_core::model::{Fence, Mark, Track};
use shepherd_core::ports::PortError;

use crate::object::{Edit, STABLE, annotation, refused, value};

/// On a Deployment: the track that it is.
pub(super) const TRACK: &str = "shepherd.rs/track";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Blue,
    Green,
}

impl Side {
    pub(super) const BOTH: [Side; 2] = [Side::Blue, Side::Green];

    pub(super) const fn other(self) -> Self {
        match self {
            Side::Blue => Side::Green,
            Side::Green => Side::Blue,
        }
    }
}

/// What the sides are called, and where they are.
#[derive(Debug, Clone)]
pub(super) struct Sides {
    pub(super) namespace: String,
    pub(super) service: String,
    pub(super) preview: Option<String>,
    /// The label that tells the pods of the two sides apart.
    pub(super) label: String,
    /// Its values, blue's and green's.
    pub(super) values: [String; 2],
    pub(super) deployments: [String; 2],
    pub(super) container: Option<String>,
}

impl Sides {
    pub(super) fn value(&self, side: Side) -> &str {
        &self.values[side as usize]
    }

    pub(super) fn deployment(&self, side: Side) -> &str {
        &self.deployments[side as usize]
    }

    /// The side that a Service sends to.
    pub(super) fn selected(&self, place: &str, service: &Value) -> Result<Side, PortError> {
        let selected = value(service, &["spec", "selector", &self.label]).and_then(Value::as_str);
        self.named(selected).ok_or_else(|| {
            let [blue, green] = &self.values;
            let label = &self.label;
            let selects = selected.map_or("has no such label".to_owned(), |value| format!("says {value:?}"));
            refused(place, format!("its selector must say {label}={blue} or {label}={green}; it {selects}"))
        })
    }

    /// The side that is stable for the rollout that has the Service now: what stood there when it began.
    pub(super) fn stable(&self, place: &str, service: &Value) -> Result<Side, PortError> {
        match annotation(service, STABLE) {
            None => self.selected(place, service),
            Some(stable) => self.named(Some(stable)).ok_or_else(|| {
                refused(
                    place,
                    format!("its annotation {STABLE} says {stable:?}, which is neither side; remove it"),
                )
            }),
        }
    }

    /// The side that is stable once `fence` has claimed the Service. The first claim of a rollout decides it, by what
    /// serves.
    pub(super) fn claimed(
        &self,
        place: &str,
        service: &Value,
        stored: Option<&Mark>,
        fence: &Fence,
    ) -> Result<Side, PortError> {
        if fence.begins(stored) { self.selected(place, service) } else { self.stable(place, service) }
    }

    fn named(&self, value: Option<&str>) -> Option<Side> {
        Side::BOTH.into_iter().find(|side| value == Some(self.value(*side)))
    }
}

/// Makes a Deployment say which track it is.
pub(super) fn cast(edit: &mut Edit<'_>, track: Track) {
    edit.annotate(TRACK, track.to_string());
}

/// The track that a Deployment says it is; none until a rollout has claimed it.
pub(super) fn cast_as(deployment: &Value) -> Option<Track> {
    let said = annotation(deployment, TRACK)?;
    Track::BOTH.into_iter().find(|track| said == track.to_string())
}

//! What the fields were that a rollout changes, so that it can put them back.

use serde_json::{Map, Value};
use shepherd_core::ports::PortError;

use crate::object::{Edit, ORIGINALS, annotation, refused, value};

/// The fields of a spec as they were before.
#[derive(Debug, Default)]
pub(super) struct Originals(Map<String, Value>);

impl Originals {
    /// Those of an object in a rollout; none of one that is as its people left it.
    pub(super) fn of(place: &str, object: &Value) -> Result<Option<Self>, PortError> {
        let Some(text) = annotation(object, ORIGINALS) else { return Ok(None) };
        serde_json::from_str(text).map(|fields| Some(Self(fields))).map_err(|error| {
            let remedy =
                format!("set the fields of its spec by hand that a rollout changes, and remove {ORIGINALS}");
            refused(place, format!("its annotation {ORIGINALS} is damaged ({error}); {remedy}"))
                .caused_by(error)
        })
    }

    /// What a field is when no rollout changes it.
    pub(super) fn field<'v>(kept: Option<&'v Self>, object: &'v Value, name: &str) -> &'v Value {
        kept.and_then(|kept| kept.0.get(name)).unwrap_or(&object["spec"][name])
    }

    /// Notes the fields before they are changed.
    pub(super) fn keep(edit: &mut Edit<'_>, object: &Value, fields: &[&str]) {
        let field = |name: &&str| {
            let is = value(object, &["spec", name]).cloned().unwrap_or(Value::Null);
            ((*name).to_owned(), is)
        };
        let all: Map<_, _> = fields.iter().map(field).collect();
        edit.annotate(ORIGINALS, Value::Object(all).to_string());
    }

    /// The fields are what they were, and the note is gone.
    pub(super) fn put_back(&self, edit: &mut Edit<'_>) {
        for (name, was) in &self.0 {
            match was {
                Value::Null => edit.remove(&["spec", name]),
                was => edit.set(&["spec", name], was.clone()),
            }
        }
        edit.unannotate(ORIGINALS);
    }
}

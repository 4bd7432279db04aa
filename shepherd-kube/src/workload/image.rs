//! The image of one container is the revision.

use serde_json::Value;
use shepherd_core::model::Revision;
use shepherd_core::ports::PortError;

use crate::object::{Edit, refused};

/// The place of the container in the template: the one of this name, or the only one.
pub(crate) fn container(place: &str, deployment: &Value, name: Option<&str>) -> Result<usize, PortError> {
    let containers =
        deployment["spec"]["template"]["spec"]["containers"].as_array().map_or(&[][..], Vec::as_slice);
    let names = || containers.iter().filter_map(|one| one["name"].as_str()).collect::<Vec<_>>().join(", ");
    match name {
        Some(name) => containers
            .iter()
            .position(|one| one["name"] == name)
            .ok_or_else(|| refused(place, format!("it has no container {name}; it has {}", names()))),
        None if containers.len() == 1 => Ok(0),
        None => Err(refused(place, format!("say which of its containers is rolled out: {}", names()))),
    }
}

/// The revision that a template is of.
pub(crate) fn revision(place: &str, deployment: &Value, container: usize) -> Result<Revision, PortError> {
    let image =
        deployment["spec"]["template"]["spec"]["containers"][container]["image"].as_str().unwrap_or_default();
    Revision::new(image).map_err(|error| refused(place, error.to_string()).caused_by(error))
}

/// The template with the image of this revision in its container.
pub(crate) fn with(mut template: Value, container: usize, revision: &Revision) -> Value {
    template["spec"]["containers"][container]["image"] = revision.as_str().into();
    template
}

/// Makes the container run this revision.
pub(crate) fn write(
    edit: &mut Edit<'_>,
    place: &str,
    deployment: &Value,
    name: Option<&str>,
    revision: &Revision,
) -> Result<(), PortError> {
    let container = container(place, deployment, name)?.to_string();
    let at = |field| ["spec", "template", "spec", "containers", &container, field];
    edit.relies_on(&at("name"));
    edit.set(&at("image"), revision.as_str().into());
    Ok(())
}

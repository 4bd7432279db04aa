use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use serde_json::{Value, json};
use shepherd_core::model::Revision;

pub(super) const IMAGE: &str = "example.shepherd/image";
pub(super) const ROUTE: &str = "example.shepherd/route";
const TRIED: &str = "example.shepherd/tried";
const OUTCOME: &str = "example.shepherd/outcome";

/// What the annotations of a Deployment ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) image: Option<Revision>,
    pub(super) route: Option<String>,
    tried: bool,
}

impl Wish {
    pub(super) fn of(deployment: &Deployment) -> Self {
        let annotation = |name| deployment.annotations().get(name).map(String::as_str);
        Self {
            image: annotation(IMAGE).and_then(|image| Revision::new(image).ok()),
            route: annotation(ROUTE).map(str::to_owned),
            tried: annotation(TRIED) == annotation(IMAGE),
        }
    }

    /// The image, unless it was tried.
    pub(super) fn untried(&self) -> Option<&Revision> {
        self.image.as_ref().filter(|_| !self.tried)
    }
}

/// The annotations that say how it ended, and which image need not be tried again.
pub(super) fn answer(tried: Option<&Revision>, outcome: &str) -> Value {
    json!({TRIED: tried.map(Revision::as_str), OUTCOME: outcome})
}

/// Whether a Deployment runs this image.
pub(super) fn serves(deployment: &Deployment, image: &Revision) -> bool {
    let pods = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    // Of several containers none is rolled out.
    matches!(pods.map(|pods| &pods.containers[..]), Some([one]) if one.image.as_deref() == Some(image.as_str()))
}

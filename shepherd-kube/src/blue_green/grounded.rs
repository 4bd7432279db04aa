use async_trait::async_trait;
use serde_json::Value;
use shepherd_core::model::Track;

use super::deployments::BlueGreenDeployments;
use super::selector::ServiceSelector;
use super::sides::Side;
use crate::object::{MARK, STABLE};
use crate::preflight::{Findings, Grounded, Need, Twins, WATCHED};
use crate::workload::{image, twin};

#[async_trait]
impl Grounded for ServiceSelector {
    fn namespace(&self) -> &str {
        &self.sides.namespace
    }

    async fn inspect(&self, findings: &mut Findings) {
        let namespace = self.namespace();
        let label = format!("/spec/selector/{}", self.sides.label.replace('~', "~0").replace('/', "~1"));
        let mut needs = vec![
            Need::on(&self.service, &["get", "patch"]),
            Need::all("", "pods", &["list"]),
            Need::all("discovery.k8s.io", "endpointslices", &["list"]),
        ];
        needs.extend(self.preview.iter().map(|preview| Need::on(preview, &["get", "patch"])));
        findings.needs(namespace, &needs).await;
        let watched = [
            Need::watched(&self.service),
            Need::all("", "pods", WATCHED),
            Need::all("discovery.k8s.io", "endpointslices", WATCHED),
        ];
        findings.watches(self.service.reach(), namespace, &watched).await;
        findings.behind(namespace, &self.sides.service, Track::Stable);
        findings.writes(
            self.service.place(),
            [&label, &format!("annotation {MARK}"), &format!("annotation {STABLE}")],
        );
        if let Some(service) = findings.present(&self.service).await {
            findings.claims(&self.service, &service).await;
            findings.owned_by_tools(self.service.place(), &service, std::slice::from_ref(&label));
            if let Err(error) = self.sides.selected(self.service.place(), &service) {
                let remedy = "correct it, or say which label it is with `.label(..)`";
                findings.error(self.service.place(), error.failure().message.clone(), remedy);
            }
        }
        let Some(preview) = &self.preview else { return };
        findings.behind_later(namespace, preview.name());
        findings.writes(preview.place(), [&label, &format!("annotation {MARK}")]);
        if let Some(service) = findings.present(preview).await {
            findings.claims(preview, &service).await;
            findings.owned_by_tools(preview.place(), &service, &[label]);
        }
    }
}

#[async_trait]
impl Grounded for BlueGreenDeployments {
    fn namespace(&self) -> &str {
        &self.sides.namespace
    }

    async fn inspect(&self, findings: &mut Findings) {
        let mut needs = vec![
            Need::on(&self.service, &["get"]),
            Need::all("apps", "replicasets", &["list"]),
            Need::all("", "pods", &["list"]),
        ];
        needs.extend(self.deployments.iter().map(|one| Need::on(one, &["get", "patch", "create"])));
        if self.sides.preview.is_some() {
            needs.push(Need::all("discovery.k8s.io", "endpointslices", &["list"]));
        }
        findings.needs(self.namespace(), &needs).await;
        let mut watched = vec![
            Need::watched(&self.service),
            Need::watched(&self.deployments[0]),
            Need::all("apps", "replicasets", WATCHED),
            Need::all("", "pods", WATCHED),
        ];
        if self.sides.preview.is_some() {
            watched.push(Need::all("discovery.k8s.io", "endpointslices", WATCHED));
        }
        findings.watches(self.service.reach(), self.namespace(), &watched).await;
        for deployment in &self.deployments {
            let mark = format!("annotation {MARK}");
            let fields =
                ["the image of one container", "spec.replicas", &mark, "annotation shepherd.rs/track"];
            findings.writes(deployment.place(), fields);
        }
        let Some(service) = findings.present(&self.service).await else { return };
        // Of a Service that says neither side its router tells.
        let Ok(stable) = self.sides.selected(self.service.place(), &service) else { return };
        self.inspect_sides(findings, stable).await;
    }
}

impl BlueGreenDeployments {
    async fn inspect_sides(&self, findings: &mut Findings, stable: Side) {
        let (object, other) = (self.deployment(stable), self.deployment(stable.other()));
        let Some(there) = findings.present(object).await else { return };
        let container = self.inspect_side(findings, stable, &there).await;
        let Some(found) = findings.find(other).await else { return };
        let (template, container) = match found {
            Some(candidate) => {
                let container = self.inspect_side(findings, stable.other(), &candidate).await;
                let template = to_come(findings, container, candidate["spec"]["template"].clone());
                findings.renews(other, &candidate, &template).await;
                (template, container)
            }
            None => (self.inspect_made(findings, stable.other(), container, &there).await, container),
        };
        let (place, namespace) = (object.place(), self.namespace());
        findings
            .twins(&Twins { place, namespace, stable: &there, template: &template, container, shared: false })
            .await;
    }

    /// One that is there. Answers which container is rolled out.
    async fn inspect_side(&self, findings: &mut Findings, side: Side, there: &Value) -> Option<usize> {
        let object = self.deployment(side);
        let container = match image::container(object.place(), there, self.sides.container.as_deref()) {
            Ok(container) => Some(container),
            Err(error) => {
                let remedy = "name one of its containers with `.container(..)`";
                findings.error(object.place(), error.failure().message.clone(), remedy);
                None
            }
        };
        findings.claims(object, there).await;
        let image = format!("/spec/template/spec/containers/{}/image", container.unwrap_or_default());
        findings.owned_by_tools(object.place(), there, &[image, "/spec/replicas".to_owned()]);
        findings.autoscalers(self.namespace(), object.name(), None, None).await;
        container
    }

    /// One that will be made when it is first the candidate. Answers its template.
    async fn inspect_made(
        &self,
        findings: &mut Findings,
        side: Side,
        container: Option<usize>,
        after: &Value,
    ) -> Value {
        let (label, value) = (self.sides.label.as_str(), self.sides.value(side));
        let relabel = twin::Relabel::Side { label, value };
        let made = twin::deployment(after, self.sides.deployment(side), relabel);
        findings.makes(self.deployment(side), &made).await;
        let template = to_come(findings, container, made["spec"]["template"].clone());
        findings.makes_renewed(self.deployment(side), &made, &template).await;
        template
    }
}

/// The template with the image that is to come, where both that and its container are known.
fn to_come(findings: &Findings, container: Option<usize>, template: Value) -> Value {
    match (container, &findings.candidate) {
        (Some(container), Some(revision)) => image::with(template, container, revision),
        _ => template,
    }
}

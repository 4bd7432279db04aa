use async_trait::async_trait;
use serde_json::Value;
use shepherd_core::model::Track;

use super::external::{UNTIL_THEN, WANTED};
use super::labels::Labels;
use super::side::{Cast, Side};
use super::{DeploymentPair, PromoteBy};
use crate::object::{MARK, ORIGINALS, Object, STABLE};
use crate::preflight::{Findings, Grounded, Need, Twins, WATCHED};
use crate::workload::image;

#[async_trait]
impl Grounded for DeploymentPair {
    fn namespace(&self) -> &str {
        &self.namespace
    }

    async fn inspect(&self, findings: &mut Findings) {
        self.permissions(findings).await;
        self.intentions(findings);
        if let Some([stable, candidate]) = &self.services {
            findings.behind(&self.namespace, stable.name(), Track::Stable);
            findings.behind(&self.namespace, candidate.name(), Track::Candidate);
        }
        let autoscaler = self.autoscaler.as_ref().map(|one| &one.object);
        if let Some(autoscaler) = autoscaler
            && let Some(there) = findings.present(autoscaler).await
        {
            findings.claims(autoscaler, &there).await;
            let fields = ["/spec/minReplicas".to_owned()];
            findings.owned_by_tools(autoscaler.place(), &there, &fields);
        }
        let cast = match self.promote_by {
            PromoteBy::Switch => self.inspect_switch(findings).await,
            _ => Some(Cast::FIXED),
        };
        let Some(cast) = cast else { return };
        let stable = self.deployment(cast.stable);
        let Some(there) = findings.present(stable).await else { return };
        if self.exchanged(findings, &there).await {
            return;
        }
        let counted = self.promote_by == PromoteBy::Copy || autoscaler.is_some();
        if counted {
            let told = autoscaler.map(Object::name);
            findings.autoscalers(&self.namespace, stable.name(), told, Some("autoscaled_by")).await;
        }
        self.inspect_stable(findings, cast, &there).await;
    }
}

impl DeploymentPair {
    async fn permissions(&self, findings: &mut Findings) {
        let mut needs = vec![
            Need::on(&self.owned, &["get", "patch"]),
            Need::on(&self.made, &["get", "patch", "create"]),
            Need::all("apps", "replicasets", &["list"]),
            Need::all("", "pods", &["list"]),
        ];
        if self.services.is_some() {
            needs.push(Need::all("discovery.k8s.io", "endpointslices", &["list"]));
        }
        if self.promote_by == PromoteBy::Switch {
            needs.extend(self.services.iter().flatten().map(|one| Need::on(one, &["get", "patch"])));
            needs.push(Need::all("autoscaling", "horizontalpodautoscalers", &["list"]));
        }
        if let Some(autoscaler) = &self.autoscaler {
            needs.push(Need::on(&autoscaler.object, &["get", "patch"]));
        }
        findings.needs(&self.namespace, &needs).await;
        let mut watched = vec![
            Need::watched(&self.owned),
            Need::all("apps", "replicasets", WATCHED),
            Need::all("", "pods", WATCHED),
        ];
        if self.services.is_some() {
            watched.push(Need::all("discovery.k8s.io", "endpointslices", WATCHED));
        }
        if self.promote_by == PromoteBy::Switch {
            watched.push(Need::all("", "services", WATCHED));
        }
        findings.watches(self.owned.reach(), &self.namespace, &watched).await;
    }

    fn intentions(&self, findings: &mut Findings) {
        let annotation = |key: &str| format!("annotation {key}");
        let mut fields = vec![annotation(MARK)];
        if self.promote_by == PromoteBy::External {
            fields.extend([WANTED, UNTIL_THEN].map(annotation));
        } else if self.recipe.is_patch() {
            fields.extend(["the pods' template".to_owned(), annotation(ORIGINALS)]);
        } else {
            fields.push("the image of one container".to_owned());
        }
        if let Some(autoscaler) = &self.autoscaler {
            findings
                .writes(autoscaler.object.place(), ["spec.minReplicas", "two annotations of shepherd.rs"]);
        } else if self.promote_by != PromoteBy::External {
            fields.push("spec.replicas".to_owned());
        }
        findings.writes(self.owned.place(), fields);
        findings.writes(self.made.place(), ["all of it: Shepherd makes it"]);
        if let (PromoteBy::Switch, Some([stable, candidate])) = (self.promote_by, &self.services) {
            let selector = "spec.selector".to_owned();
            findings.writes(stable.place(), [selector.clone(), annotation(MARK), annotation(STABLE)]);
            findings.writes(candidate.place(), [selector, annotation(MARK)]);
        }
    }

    /// Whether the Services can be switched. Answers which Deployment is which for the next rollout, when that is known.
    async fn inspect_switch(&self, findings: &mut Findings) -> Option<Cast> {
        if let Some(why) = self.cannot_switch() {
            let remedy = "change what this workload was told: see `PromoteBy::Switch`";
            findings.error(self.owned.place(), why, remedy);
            return None;
        }
        for service in self.services.iter().flatten() {
            let there = findings.present(service).await?;
            findings.claims(service, &there).await;
        }
        findings.present(&self.owned).await?;
        let scene = self.scene().await.ok()?;
        for (place, why, remedy) in self.unswitchable(&scene) {
            findings.error(place, why, remedy);
        }
        for side in Side::BOTH {
            findings.autoscalers(&self.namespace, scene.name(side), None, None).await;
        }
        let stable = scene.serving(scene.service(Track::Stable)).ok()?;
        Some(Cast { stable, candidate: stable.other() })
    }

    async fn inspect_stable(&self, findings: &mut Findings, cast: Cast, stable: &Value) {
        let object = self.deployment(cast.stable);
        let place = object.place();
        let container = match image::container(place, stable, self.recipe.container.as_deref()) {
            Ok(container) => Some(container),
            // By its name a revision is known in any of them.
            Err(_) if self.recipe.revision(place, stable).is_ok() => None,
            Err(error) => {
                let remedy = "name one of its containers with `.container(..)`";
                findings.error(place, error.failure().message.clone(), remedy);
                None
            }
        };
        findings.claims(object, stable).await;
        if self.promote_by == PromoteBy::Copy {
            findings.owned_by_tools(place, stable, &self.fields(container));
        }
        let renewable = container.is_some() || self.recipe.is_patch();
        let candidate = self.inspect_candidate(findings, cast, stable, renewable).await;
        let template = &candidate["spec"]["template"];
        let container = image::container(place, &candidate, self.recipe.container.as_deref()).ok();
        let shared = self.labels == Labels::Shared;
        let namespace = self.namespace.as_str();
        findings.twins(&Twins { place, namespace, stable, template, container, shared }).await;
    }

    /// What is written in stable, as pointers.
    fn fields(&self, container: Option<usize>) -> Vec<String> {
        let container = container.unwrap_or_default();
        let mut fields = if self.recipe.is_patch() {
            vec!["/spec/template".to_owned()]
        } else {
            vec![format!("/spec/template/spec/containers/{container}/image")]
        };
        if self.autoscaler.is_none() {
            fields.push("/spec/replicas".to_owned());
        }
        fields
    }
}

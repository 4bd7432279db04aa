use async_trait::async_trait;
use serde_json::Value;
use shepherd_core::model::Track;

use super::DeploymentPair;
use super::labels::Labels;
use crate::object::{MARK, Object};
use crate::preflight::{Findings, Grounded, Need, Twins, WATCHED};
use crate::workload::{image, twin};

#[async_trait]
impl Grounded for DeploymentPair {
    fn namespace(&self) -> &str {
        self.stable.namespace()
    }

    async fn inspect(&self, findings: &mut Findings) {
        self.permissions(findings).await;
        self.intentions(findings);
        if let Some([stable, candidate]) = &self.services {
            findings.behind(&self.namespace, stable, Track::Stable);
            findings.behind(&self.namespace, candidate, Track::Candidate);
        }
        let autoscaler = self.autoscaler.as_ref().map(|one| &one.object);
        if let Some(autoscaler) = autoscaler
            && let Some(there) = findings.present(autoscaler).await
        {
            findings.claims(autoscaler, &there).await;
            let fields = ["/spec/minReplicas".to_owned()];
            findings.owned_by_tools(autoscaler.place(), &there, &fields);
        }
        let Some(stable) = findings.present(&self.stable).await else { return };
        let told = autoscaler.map(Object::name);
        findings.autoscalers(&self.namespace, self.stable.name(), told, Some("autoscaled_by")).await;
        self.inspect_stable(findings, &stable).await;
    }
}

impl DeploymentPair {
    async fn permissions(&self, findings: &mut Findings) {
        let mut needs = vec![
            Need::on(&self.stable, &["get", "patch"]),
            Need::on(&self.candidate, &["get", "patch", "create"]),
            Need::all("apps", "replicasets", &["list"]),
            Need::all("", "pods", &["list"]),
        ];
        if self.services.is_some() {
            needs.push(Need::all("discovery.k8s.io", "endpointslices", &["list"]));
        }
        if let Some(autoscaler) = &self.autoscaler {
            needs.push(Need::on(&autoscaler.object, &["get", "patch"]));
        }
        findings.needs(&self.namespace, &needs).await;
        let mut watched = vec![
            Need::watched(&self.stable),
            Need::all("apps", "replicasets", WATCHED),
            Need::all("", "pods", WATCHED),
        ];
        if self.services.is_some() {
            watched.push(Need::all("discovery.k8s.io", "endpointslices", WATCHED));
        }
        findings.watches(self.stable.reach(), &self.namespace, &watched).await;
    }

    fn intentions(&self, findings: &mut Findings) {
        let mark = format!("annotation {MARK}");
        let mut fields = vec!["the image of one container", &mark];
        if let Some(autoscaler) = &self.autoscaler {
            findings
                .writes(autoscaler.object.place(), ["spec.minReplicas", "two annotations of shepherd.rs"]);
        } else {
            fields.push("spec.replicas");
        }
        findings.writes(self.stable.place(), fields);
        findings.writes(self.candidate.place(), ["all of it: Shepherd makes it"]);
    }

    async fn inspect_stable(&self, findings: &mut Findings, stable: &Value) {
        let place = self.stable.place();
        let container = match image::container(place, stable, self.container.as_deref()) {
            Ok(container) => Some(container),
            Err(error) => {
                let remedy = "name one of its containers with `.container(..)`";
                findings.error(place, error.failure().message.clone(), remedy);
                None
            }
        };
        findings.claims(&self.stable, stable).await;
        findings.owned_by_tools(place, stable, &self.fields(container));
        let template = twin::template(stable, self.labels.relabel());
        self.inspect_candidate(findings, stable, &template).await;
        let shared = self.labels == Labels::Shared;
        let namespace = self.namespace.as_str();
        findings.twins(&Twins { place, namespace, stable, template: &template, container, shared }).await;
    }

    /// It is made when the first rollout begins, and stays.
    async fn inspect_candidate(&self, findings: &mut Findings, stable: &Value, template: &Value) {
        let Some(found) = findings.find(&self.candidate).await else { return };
        let Some(there) = found else {
            let made = twin::deployment(stable, &self.candidate_name, self.labels.relabel());
            return findings.makes(&self.candidate, &twin::owned(made, stable)).await;
        };
        findings.claims(&self.candidate, &there).await;
        let wanted = &there["spec"]["selector"]["matchLabels"];
        let labels = &template["metadata"]["labels"];
        let lacks =
            wanted.as_object().into_iter().flatten().any(|(key, value)| labels.get(key) != Some(value));
        if lacks {
            findings.error(
                self.candidate.place(),
                "its selector does not catch pods that are made after stable's template",
                "delete it, and Shepherd makes it anew; or name another one with `.candidate(..)`",
            );
        }
    }

    /// What is written in stable, as pointers.
    fn fields(&self, container: Option<usize>) -> Vec<String> {
        let container = container.unwrap_or_default();
        let mut fields = vec![format!("/spec/template/spec/containers/{container}/image")];
        if self.autoscaler.is_none() {
            fields.push("/spec/replicas".to_owned());
        }
        fields
    }
}

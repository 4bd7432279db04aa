//! What rollouts of another kind have left there, as a preflight finds it.

use serde_json::Value;
use shepherd_core::model::Track;

use super::{DeploymentPair, Labels, PromoteBy};
use crate::object::{STABLE, annotation};
use crate::preflight::{Findings, catches, selector_text, sends_to};
use crate::workload::twin;

impl DeploymentPair {
    /// Whether users are with the pods of the Deployment that Shepherd made, as a promotion by a switch leaves them, and
    /// this pair does not switch. That is told: all that could be said of the other one as stable would send them back to
    /// an old version.
    pub(super) async fn exchanged(&self, findings: &mut Findings, owned: &Value) -> bool {
        if self.promote_by == PromoteBy::Switch {
            return false;
        }
        let Some(Some(made)) = findings.find(&self.made).await else { return false };
        if replicas(&made) == 0 {
            return false;
        }
        let services = findings.services_of(&self.namespace, Track::Stable).await;
        let leads = |service: &Value, to| sends_to(&service["spec"]["selector"], pod_labels(to));
        let led = services.iter().find(|service| leads(service, &made) && !leads(service, owned));
        if let Some(service) = led {
            self.tell_exchanged(findings, owned, service);
        }
        led.is_some()
    }

    fn tell_exchanged(&self, findings: &mut Findings, owned: &Value, service: &Value) {
        let (name, other) = (self.owned.name(), self.made.name());
        let why = match annotation(service, STABLE) {
            Some(_) => "a promotion by switch has exchanged the roles of the two Deployments: ",
            None => "",
        };
        findings.error(
            format!("Service {}/{}", self.namespace, service["metadata"]["name"].as_str().unwrap_or_default()),
            format!("{why}it leads users to the pods of {other}, and this way of promotion takes {name} for stable"),
            format!(
                "promote by switch again (`PromoteBy::Switch`), which exchanges them back; or let Deployment {name} run \
                 what {other} runs, with as many replicas, and make the selector {} when they are ready",
                selector_text(&owned["spec"]["selector"]["matchLabels"])
            ),
        );
    }

    /// Why the Deployment that Shepherd made is of no use to this pair: where, why, and what to do. The labels by which it
    /// selects never change, and whoever adapts a Service to them takes it from stable's pods.
    pub(super) fn unfit(&self, owned: &Value, made: &Value) -> Option<(String, String, String)> {
        let selector = &owned["spec"]["selector"];
        let [is, shall] = [twin::template_for(owned, made), twin::template(owned, self.labels.relabel())]
            .map(|template| catches(selector, &template["metadata"]["labels"]));
        if is == shall {
            return None;
        }
        let why = match self.labels {
            Labels::Isolated => {
                "its pods have the labels of stable's, and shall have others (`Labels::Isolated`)"
            }
            Labels::Shared => {
                "its pods have other labels than stable's, and shall have the same (`Labels::Shared`)"
            }
        };
        let delete =
            format!("delete it, and it is made anew: `kubectl delete deployment {}`", self.made.name());
        let (why, remedy) = match replicas(made) {
            0 => (why.to_owned(), delete),
            some => (
                format!("{why}; it is meant to have {some} replicas"),
                format!(
                    "let the rollout that they are of end, or see that no user meets them; then {delete}"
                ),
            ),
        };
        Some((self.made.place().to_owned(), why, remedy))
    }
}

fn replicas(deployment: &Value) -> u64 {
    deployment["spec"]["replicas"].as_u64().unwrap_or(1)
}

fn pod_labels(deployment: &Value) -> &Value {
    &deployment["spec"]["template"]["metadata"]["labels"]
}

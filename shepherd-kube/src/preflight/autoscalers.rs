//! Whether an autoscaler and Shepherd would write the same count.

use serde_json::Value;

use super::Findings;

impl Findings {
    /// Tells of autoscalers of a Deployment that the adapter was not told of. `told` is the one that it knows; `setting`
    /// is how to tell it, when it can be told.
    pub(crate) async fn autoscalers(
        &mut self,
        namespace: &str,
        deployment: &str,
        told: Option<&str>,
        setting: Option<&str>,
    ) {
        let what = format!("whether one of them scales Deployment {deployment}");
        let all = self.list("autoscaling/v2", "HorizontalPodAutoscaler", namespace, &what).await;
        for autoscaler in all.unwrap_or_default() {
            let name = autoscaler["metadata"]["name"].as_str().unwrap_or_default();
            let place = format!("HorizontalPodAutoscaler {namespace}/{name}");
            match (scales(&autoscaler, deployment), told == Some(name)) {
                (true, false) => {
                    let what =
                        format!("it scales Deployment {deployment}, whose replicas Shepherd would write too");
                    let remedy = match setting {
                        Some(setting) => format!("say `.{setting}({name:?})` of the workload"),
                        None => "let it scale another Deployment, or take it away: nothing here leaves the count to it".to_owned(),
                    };
                    self.error(place, what, remedy);
                }
                (false, true) => self.error(
                    place,
                    format!("it does not scale Deployment {deployment}"),
                    "name the one that does, or correct its `scaleTargetRef`",
                ),
                _ => {}
            }
        }
    }
}

/// Whether an autoscaler is for a Deployment.
pub(crate) fn scales(autoscaler: &Value, deployment: &str) -> bool {
    let target = &autoscaler["spec"]["scaleTargetRef"];
    target["kind"] == "Deployment" && target["name"] == deployment
}

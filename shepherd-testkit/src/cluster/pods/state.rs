use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::script::OUT_OF_MEMORY;

/// What a pod's process does at this moment. It is kept in annotations of the pod, and kwok's stages write the status
/// that a kubelet would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Running { restarts: u32 },
    Ready { restarts: u32 },
    Exited { code: i32, restarts: u32 },
    Waiting { reason: &'static str, message: String, restarts: u32 },
    Completed { code: i32, restarts: u32 },
    Gone,
}

impl State {
    /// Writes it. Errors are of no use to anybody here but the log: the pod may be gone, or the API server.
    pub(super) async fn write(&self, pods: &Api<Pod>, name: &str, uid: &str) -> Result<(), kube::Error> {
        let mut patch = self.annotations();
        // Another pod of that name, as of a StatefulSet, is another pod.
        patch["metadata"]["uid"] = uid.into();
        pods.patch_metadata(name, &PatchParams::default(), &Patch::Merge(patch)).await.map(drop)
    }

    fn annotations(&self) -> Value {
        let annotations = match self {
            Self::Running { restarts } => json!({ STATE: "running", RESTARTS: restarts.to_string() }),
            Self::Ready { restarts } => json!({ STATE: "ready", RESTARTS: restarts.to_string() }),
            Self::Exited { code, restarts } => json!({
                STATE: "exited", RESTARTS: restarts.to_string(), EXIT_CODE: code.to_string(), EXIT_REASON: reason(*code),
            }),
            Self::Waiting { reason, message, restarts } => json!({
                STATE: "waiting", RESTARTS: restarts.to_string(), REASON: reason, MESSAGE: message,
            }),
            Self::Completed { code, restarts } => json!({
                STATE: "completed", RESTARTS: restarts.to_string(), EXIT_CODE: code.to_string(), EXIT_REASON: reason(*code),
            }),
            Self::Gone => json!({ STATE: "gone" }),
        };
        json!({ "metadata": { "annotations": annotations } })
    }
}

const STATE: &str = "shepherd-testkit/state";
const RESTARTS: &str = "shepherd-testkit/restarts";
const EXIT_CODE: &str = "shepherd-testkit/exit-code";
const EXIT_REASON: &str = "shepherd-testkit/exit-reason";
const REASON: &str = "shepherd-testkit/reason";
const MESSAGE: &str = "shepherd-testkit/message";

/// As a kubelet names it.
fn reason(code: i32) -> &'static str {
    match code {
        0 => "Completed",
        OUT_OF_MEMORY => "OOMKilled",
        _ => "Error",
    }
}

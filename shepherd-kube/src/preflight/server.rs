//! Whether there is a server at all.

use kube::Client;

use super::{Findings, PreflightError};
use crate::object::failure;

/// The version that the server says; none when it does not tell this client.
pub(super) async fn version(client: &Client) -> Result<Option<String>, PreflightError> {
    let error = match client.apiserver_version().await {
        Ok(info) => return Ok(Some(info.git_version)),
        Err(error) => error,
    };
    let (why, remedy) = match &error {
        kube::Error::Api(status) => match status.code {
            // It is there, and has its reasons.
            403 => return Ok(None),
            401 => ("the API server does not know this client", "give it valid credentials, or log in again"),
            404 => ("no API server of Kubernetes is there", "look at the server's URL in your kubeconfig"),
            _ => ("the API server answers errors only", "wait until it is well again"),
        },
        _ => (
            "no API server answers",
            "start the cluster, or choose the right context: `kubectl config current-context` tells which one it is",
        ),
    };
    let said = failure("API server", error).failure().message.clone();
    Err(PreflightError::Unreachable { why: format!("{why} ({said})"), remedy: remedy.to_owned() })
}

impl Findings {
    /// Whether the namespace is there, as far as this client may know.
    pub(super) async fn has_namespace(&mut self, namespace: &str) -> bool {
        match self.get("v1", "Namespace", None, namespace).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {
                self.error(
                    format!("Namespace {namespace}"),
                    "it does not exist",
                    "create it, correct its name, or choose the right context: `kubectl config current-context` tells \
                     which one it is",
                );
                false
            }
            // Most clients may not ask. Its objects will tell.
            _ => true,
        }
    }
}

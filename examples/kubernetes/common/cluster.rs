use std::error::Error;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::config::{InClusterError, KubeConfigOptions, KubeconfigError};
use kube::{Api, Client, Config};

use super::Trouble;

/// A cluster that answers, and the namespace in it.
pub(crate) struct Cluster {
    pub(crate) client: Client,
    pub(crate) namespace: String,
}

impl Cluster {
    /// As `kubectl` finds it, or from within a pod.
    ///
    /// # Errors
    /// When there is none, it does not answer, it does not know who asks, or has no such namespace. This is found out
    /// here once, so that nothing later has to guess it from a request that failed.
    pub(crate) async fn connect(context: Option<String>, namespace: Option<String>) -> Result<Self, Trouble> {
        let mut config = config(context).await?;
        config.connect_timeout = Some(Duration::from_secs(5));
        let address = config.cluster_url.to_string();
        let namespace = namespace.unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).map_err(Trouble::input)?;
        match client.apiserver_version().await {
            // Who may not ask for the version may still roll out.
            Err(kube::Error::Api(status)) if status.code == 401 => Err(Trouble::Input(format!(
                "the cluster at {address} does not know who you are: log in anew, or choose another --context"
            ))),
            Ok(_) | Err(kube::Error::Api(_)) => Self { client, namespace }.with_its_namespace(&address).await,
            Err(error) => Err(Trouble::Stuck(format!(
                "no answer from the cluster at {address} ({}): start it, or choose another --context",
                root(&error)
            ))),
        }
    }

    /// Most accounts may not ask for it. What they do in it tells them.
    async fn with_its_namespace(self, address: &str) -> Result<Self, Trouble> {
        match Api::<Namespace>::all(self.client.clone()).get_metadata_opt(&self.namespace).await {
            Ok(None) => Err(Trouble::Input(format!(
                "the cluster at {address} has no namespace {}: create it, correct --namespace, or choose another --context",
                self.namespace
            ))),
            _ => Ok(self),
        }
    }
}

async fn config(context: Option<String>) -> Result<Config, Trouble> {
    let options = KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
    let error = match Config::from_kubeconfig(&options).await {
        Ok(config) => return Ok(config),
        Err(error) => error,
    };
    let (file, why) = (kubeconfig(), unusable(&error));
    let Some(context) = context else {
        return Config::incluster().map_err(|error| {
            Trouble::Input(format!(
                "no cluster is configured: neither the kubeconfig {file} nor the service account of a pod can be used; \
                 set KUBECONFIG to one that can, or run in a pod (kubeconfig: {why}; pod: {})",
                no_pod(&error)
            ))
        });
    };
    Err(Trouble::Input(match error {
        KubeconfigError::LoadContext(_) => format!(
            "--context {context}: the kubeconfig {file} has no such context; `kubectl config get-contexts` lists them"
        ),
        _ => format!(
            "--context {context}: the kubeconfig {file} cannot be used ({why}); set KUBECONFIG to one that can"
        ),
    }))
}

/// Where a kubeconfig is looked for.
fn kubeconfig() -> String {
    let told = std::env::var("KUBECONFIG").unwrap_or_default();
    if told.is_empty() { "~/.kube/config".to_owned() } else { told }
}

fn unusable(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(why, _) => why.to_string(),
        // The error shows the lines around it, where tokens may stand.
        KubeconfigError::Parse(_) => "it is no kubeconfig in YAML".to_owned(),
        KubeconfigError::CurrentContextNotSet => "it has no current context".to_owned(),
        error => error.to_string(),
    }
}

fn no_pod(error: &InClusterError) -> String {
    match error {
        InClusterError::ReadEnvironmentVariable(_) => "KUBERNETES_SERVICE_HOST is not set".to_owned(),
        error => error.to_string(),
    }
}

/// The innermost cause says what happened; those around it say only that something did.
fn root(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), root)
}

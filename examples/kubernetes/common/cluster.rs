use std::error::Error;
use std::time::Duration;

use kube::config::KubeConfigOptions;
use kube::{Client, Config};

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
    /// When there is none, it does not answer, or it does not know who asks. This is found out here once, so that
    /// nothing later has to guess it from a request that failed.
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
            Ok(_) | Err(kube::Error::Api(_)) => Ok(Self { client, namespace }),
            Err(error) => Err(Trouble::Stuck(format!(
                "no answer from the cluster at {address} ({}): start it, or choose another --context",
                root(&error)
            ))),
        }
    }
}

async fn config(context: Option<String>) -> Result<Config, Trouble> {
    if context.is_none() {
        let found = Config::infer().await;
        let remedy = "set KUBECONFIG, or run in a pod";
        return found
            .map_err(|error| Trouble::Input(format!("no cluster is configured ({error}): {remedy}")));
    }
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    let found = Config::from_kubeconfig(&options).await;
    found.map_err(|error| Trouble::Input(format!("{error}: `kubectl config get-contexts` lists them")))
}

/// The innermost cause says what happened; those around it say only that something did.
fn root(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), root)
}

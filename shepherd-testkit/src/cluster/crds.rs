use std::collections::HashSet;
use std::fmt::Display;
use std::fs;
use std::time::Duration;

use futures_util::future::try_join_all;
use hyper::Request;
use hyper::header::{ACCEPT, CONTENT_TYPE};
use kube::Client;
use serde_json::Value;

use super::error::ClusterError;
use super::programs::Programs;
use super::wait::until;

const PATIENCE: Duration = Duration::from_secs(30);

/// Custom resource definitions, as their projects publish them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomResources {
    /// `gateway.networking.k8s.io`, the standard channel.
    GatewayApi,
    /// All of Istio. Only the definitions: no istiod acts on them.
    Istio,
    /// `projectcontour.io`.
    Contour,
}

impl CustomResources {
    const fn folder(self) -> &'static str {
        match self {
            Self::GatewayApi => "crds/gateway-api",
            Self::Istio => "crds/istio",
            Self::Contour => "crds/contour",
        }
    }

    /// Creates what is not there yet, and waits until the API server serves it.
    pub(super) async fn install(self, client: &Client, programs: &Programs) -> Result<(), ClusterError> {
        programs.require(&[self.folder()])?;
        let texts = self.read(programs)?;
        let names = try_join_all(texts.iter().map(|text| create(client, text))).await?;
        until(&format!("the definitions of {self:?}"), PATIENCE, async || {
            let served = served(client).await?;
            let missing = names.iter().find(|name| !served.contains(*name));
            Ok(missing.map_or(Ok(()), |name| Err(format!("{name} is not served"))))
        })
        .await
    }

    fn read(self, programs: &Programs) -> Result<Vec<String>, ClusterError> {
        let folder = programs.path(self.folder());
        let failed = |source| ClusterError::io(format!("reading {}", folder.display()))(source);
        let mut documents = Vec::new();
        for file in fs::read_dir(&folder).map_err(failed)? {
            let text = fs::read_to_string(file.map_err(failed)?.path()).map_err(failed)?;
            let parts = text.split("\n---").map(str::to_owned);
            documents.extend(parts.filter(|part| part.contains("kind: CustomResourceDefinition")));
        }
        Ok(documents)
    }
}

/// The API server reads YAML itself. Answers the name.
async fn create(client: &Client, yaml: &str) -> Result<String, ClusterError> {
    let name = yaml.lines().find_map(|line| line.strip_prefix("  name: ")).unwrap_or_default().trim();
    let request = Request::post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
        .header(CONTENT_TYPE, "application/yaml")
        .body(yaml.as_bytes().to_vec())
        .map_err(|error| ClusterError::Malformed(error.to_string()))?;
    match client.request_text(request).await {
        Ok(_) => Ok(name.to_owned()),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(name.to_owned()),
        Err(error) => Err(ClusterError::api(format!("creating the definition {name}"))(error)),
    }
}

/// What the API server tells those who ask what it serves, each as `<resource>.<group>`.
async fn served(client: &Client) -> Result<HashSet<String>, ClusterError> {
    let malformed = |error: &dyn Display| ClusterError::Malformed(format!("discovery: {error}"));
    let request = Request::get("/apis")
        .header(ACCEPT, "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
        .body(Vec::new())
        .map_err(|error| malformed(&error))?;
    let text = client.request_text(request).await.map_err(ClusterError::api("discovery"))?;
    let all: Value = serde_json::from_str(&text).map_err(|error| malformed(&error))?;
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let mut names = HashSet::new();
    for group in list(&all, "items") {
        let name = group.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        for resource in list(&group, "versions").iter().flat_map(|version| list(version, "resources")) {
            names.insert(format!("{}.{name}", resource["resource"].as_str().unwrap_or_default()));
        }
    }
    Ok(names)
}

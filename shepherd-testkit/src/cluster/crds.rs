use std::fs;
use std::time::Duration;

use hyper::Request;
use hyper::header::CONTENT_TYPE;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

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
        let mut names = Vec::new();
        for text in self.read(programs)? {
            names.push(create(client, &text).await?);
        }
        let api: Api<CustomResourceDefinition> = Api::all(client.clone());
        until(&format!("the definitions of {self:?}"), PATIENCE, async || {
            let all =
                api.list(&ListParams::default()).await.map_err(ClusterError::api("listing definitions"))?;
            let missing =
                names.iter().find(|name| !all.iter().any(|one| one.name_any() == **name && is_served(one)));
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

fn is_served(definition: &CustomResourceDefinition) -> bool {
    let conditions = definition.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|one| one.type_ == "Established" && one.status == "True"))
}

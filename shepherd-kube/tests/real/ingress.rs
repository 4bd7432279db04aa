use async_trait::async_trait;
use k8s_openapi::api::networking::v1::Ingress;
use shepherd_kube::router::IngressCanary;
use shepherd_testkit::cluster::{ClusterError, Namespace};
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::router::RouterFixture;

use crate::ground::Ground;

struct Fixture(Ground);

impl Fixture {
    fn new() -> Self {
        Self(Ground::prepared(|shop| Box::pin(pair(shop))))
    }
}

async fn pair(shop: &Namespace) -> Result<(), ClusterError> {
    let host = format!("{}.example", shop.name());
    shop.ingress("web", &host, "web", &[("proxy-body-size", "8m")]).await?;
    shop.ingress("web-candidate", &host, "web-candidate", &[("canary", "true")]).await.map(drop)
}

#[async_trait]
impl RouterFixture for Fixture {
    type Router = IngressCanary;

    async fn open(&self) -> Opened<IngressCanary> {
        let shop = self.0.namespace().await?;
        Ok(IngressCanary::new(shop.client(), shop.name(), "web"))
    }

    async fn bystanders(&self) -> Opened<String> {
        let shop = self.0.namespace().await?;
        let (main, canary) =
            (shop.api::<Ingress>().get("web").await?, shop.api::<Ingress>().get("web-candidate").await?);
        Ok(format!("{:?} {:?} {:?}", main.metadata.resource_version, main.spec, canary.spec))
    }
}

shepherd_testkit::router_conformance!(Fixture::new);

use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::networking::v1::Ingress;
use shepherd_core::machine::Ending;
use shepherd_kube::router::IngressCanary;
use shepherd_testkit::cluster::{Cluster, ClusterError, Connections, Load, Namespace};
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::router::RouterFixture;

use crate::canary;
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

#[tokio::test]
async fn five_stages_through_nginx_lose_no_request() {
    let nginx = Cluster::shared().await.unwrap().nginx().await.unwrap().address();
    let shop = canary::shop("ingress").await;
    let host = format!("{}.example", shop.name());
    shop.ingress("web", &host, "web", &[]).await.unwrap();
    let load = Load::to(nginx).header("host", &host).unwrap();
    shop.eventually("the Ingress to be served", async || {
        let tally = load.clone().send(1).await;
        Ok((tally.with_status(200) == 1).then_some(()).ok_or(tally.to_string()))
    })
    .await
    .unwrap();
    let fresh = load.clone().rate(100.0).start();
    let kept = load.clone().connections(Connections::Kept).rate(100.0).start();
    let router = IngressCanary::new(shop.client(), shop.name(), "web").made_from_main();
    let handle = canary::begin(&shop, router, "shop:v2", Duration::from_millis(500)).await;
    let outcome = handle.done().await.unwrap();
    assert_eq!(outcome.ending(), Ending::Promoted, "{}", outcome.why());
    for load in [fresh, kept] {
        let tally = load.stop().await;
        assert!(tally.failed() == 0 && tally.by("shop:v1") > 0 && tally.by("shop:v2") > 0, "{tally}");
    }
}

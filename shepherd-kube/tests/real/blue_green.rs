use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Service;
use shepherd_core::model::{Replicas, Revision, Track};
use shepherd_kube::blue_green::{BlueGreenDeployments, BlueGreenService, ServiceSelector};
use shepherd_testkit::cluster::{Behaviour, ClusterError, Namespace};
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::roles::RolesFixture;
use shepherd_testkit::conformance::router::RouterFixture;
use shepherd_testkit::conformance::workload::WorkloadFixture;

use crate::ground::{Ground, ready_images};

struct Fixture(Ground);

async fn deployment(shop: &Namespace, color: &str, replicas: i32) -> Result<(), ClusterError> {
    let labels = [("app", "web"), ("color", color)];
    shop.deployment_labelled(&format!("web-{color}"), &labels, "shop:v1", replicas).await.map(drop)
}

async fn service(shop: &Namespace) -> Result<(), ClusterError> {
    shop.service_selecting("web", &[("app", "web"), ("color", "blue")]).await.map(drop)
}

async fn both(shop: &Namespace, blue: i32, green: i32) -> Result<(), ClusterError> {
    service(shop).await?;
    deployment(shop, "blue", blue).await?;
    deployment(shop, "green", green).await
}

impl Fixture {
    fn idle() -> Self {
        Self(Ground::prepared(|shop| Box::pin(both(shop, 0, 0))))
    }

    fn serving() -> Self {
        Self(Ground::prepared(|shop| {
            Box::pin(async {
                both(shop, 1, 1).await?;
                shop.ready_pods("app=web", 2).await.map(drop)
            })
        }))
    }

    /// Green is made when it is first needed.
    fn blue_alone() -> Self {
        Self(Ground::prepared(|shop| {
            Box::pin(async {
                service(shop).await?;
                deployment(shop, "blue", 1).await?;
                shop.ready_pods("app=web", 1).await.map(drop)
            })
        }))
    }

    async fn web(&self) -> Opened<BlueGreenService> {
        let shop = self.0.namespace().await?;
        Ok(BlueGreenService::new(shop.client(), shop.name(), "web"))
    }
}

#[async_trait]
impl RouterFixture for Fixture {
    type Router = ServiceSelector;

    async fn open(&self) -> Opened<ServiceSelector> {
        Ok(self.web().await?.router())
    }

    async fn bystanders(&self) -> Opened<String> {
        let service = self.0.namespace().await?.api::<Service>().get("web").await?;
        Ok(format!("{:?}", service.spec.map(|spec| (spec.cluster_ip, spec.ports, spec.type_))))
    }
}

#[async_trait]
impl WorkloadFixture for Fixture {
    type Workload = BlueGreenDeployments;

    async fn open(&self) -> Opened<BlueGreenDeployments> {
        Ok(self.web().await?.workload())
    }

    fn holds_marks(&self) -> bool {
        true
    }

    fn revisions(&self) -> [Revision; 2] {
        ["shop:v1", "shop:v2"].map(|image| image.parse().unwrap())
    }

    fn failing(&self) -> Option<Revision> {
        Behaviour::Unpullable.image("shop:v3").parse().ok()
    }

    async fn serving(&self, track: Track) -> Opened<BTreeMap<Revision, Replicas>> {
        let selector = if track == Track::Stable { "color=blue" } else { "color=green" };
        ready_images(&*self.0.namespace().await?, selector).await
    }
}

#[async_trait]
impl RolesFixture for Fixture {
    type Router = ServiceSelector;
    type Workload = BlueGreenDeployments;

    async fn open(&self) -> Opened<(ServiceSelector, BlueGreenDeployments)> {
        let web = self.web().await?;
        Ok((web.router(), web.workload()))
    }

    fn revisions(&self) -> [Revision; 2] {
        WorkloadFixture::revisions(self)
    }

    async fn answering(&self) -> Opened<BTreeSet<Revision>> {
        let shop = self.0.namespace().await?;
        let service = shop.api::<Service>().get("web").await?;
        let selector = service.spec.and_then(|spec| spec.selector).unwrap_or_default();
        let terms: Vec<_> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
        Ok(ready_images(&shop, &terms.join(",")).await?.into_keys().collect())
    }
}

shepherd_testkit::router_conformance!(Fixture::serving);
shepherd_testkit::workload_conformance!(Fixture::idle);
shepherd_testkit::roles_conformance!(Fixture::blue_alone);

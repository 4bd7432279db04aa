//! A service of four pods that users ask all the time, by each way that traffic may come, and its rollouts.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use serde_json::Value;
use shepherd_core::driver::{Handle, Rollout, RolloutBuilder};
use shepherd_core::model::{Exposure, Weight};
use shepherd_core::plan::{Attention, Recovery};
use shepherd_core::ports::TrafficRouter;
use shepherd_core::strategy::{BlueGreen, Canary};
use shepherd_kube::blue_green::BlueGreenService;
use shepherd_kube::router::{GatewayRoute, IngressCanary};
use shepherd_kube::store::KubeStore;
use shepherd_kube::workload::DeploymentPair;
use shepherd_testkit::cluster::{Cluster, Connections, Load, Namespace, RunningLoad, Tally};

/// How users come to the pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By an `HTTPRoute`, through Contour and Envoy.
    Envoy,
    /// By an Ingress and its canary, through NGINX.
    Nginx,
    /// By a Service that is switched between blue and green, through kube-proxy.
    Selector,
}

pub(crate) const REPLICAS: usize = 4;

pub(crate) struct Shop {
    pub(crate) namespace: Namespace,
    pub(crate) load: Load,
    pub(crate) way: Way,
}

impl Shop {
    /// Four pods of `shop:v1`, to which requests find their way.
    pub(crate) async fn open(way: Way) -> Self {
        let cluster = Cluster::shared().await.unwrap();
        let namespace = cluster.namespace("shop").await.unwrap();
        let host = format!("{}.example", namespace.name());
        let load = match way {
            Way::Selector => Load::to(blue_and_green(&namespace).await),
            Way::Envoy => {
                let gateway = cluster.gateway().await.unwrap().address();
                pair(&namespace).await;
                namespace.http_route("web", &host, &[("web", 100), ("web-candidate", 0)]).await.unwrap();
                Load::to(gateway).header("host", &host).unwrap()
            }
            Way::Nginx => {
                let nginx = cluster.nginx().await.unwrap().address();
                pair(&namespace).await;
                namespace.ingress("web", &host, "web", &[]).await.unwrap();
                Load::to(nginx).header("host", &host).unwrap()
            }
        };
        let shop = Self { namespace, load, way };
        shop.only("shop:v1").await;
        shop
    }

    pub(crate) fn router(&self) -> Arc<dyn TrafficRouter> {
        let (client, name) = (self.namespace.client(), self.namespace.name());
        match self.way {
            Way::Envoy => Arc::new(GatewayRoute::http(client, name, "web")),
            Way::Nginx => Arc::new(IngressCanary::new(client, name, "web").made_from_main()),
            Way::Selector => Arc::new(self.service().router().settling(Duration::from_millis(300))),
        }
    }

    pub(crate) fn service(&self) -> BlueGreenService {
        BlueGreenService::new(self.namespace.client(), self.namespace.name(), "web")
    }

    /// In five stages, or by one switch. What it does at each it looks at for so long.
    pub(crate) fn rollout(&self, watched: Duration) -> RolloutBuilder {
        self.by_weights([10, 25, 50, 75, 100], watched)
    }

    /// The same in stages of these weights.
    pub(crate) fn by_weights<const N: usize>(&self, weights: [u32; N], watched: Duration) -> RolloutBuilder {
        let (client, name) = (self.namespace.client(), self.namespace.name());
        let recovery = Recovery::default().drain(Duration::from_secs(1));
        let rollout = Rollout::of(format!("{name}/web").parse().unwrap())
            .attention(Attention::default().every(Duration::from_millis(200)))
            .stored_in(KubeStore::new(client.clone(), name, "trial"))
            .through(self.router());
        if self.way == Way::Selector {
            let strategy = BlueGreen::new().grace(watched).recovery(recovery);
            return rollout.strategy(strategy).on(self.service().workload());
        }
        let canary = Canary::weights(weights).unwrap().every(watched);
        let workload = DeploymentPair::new(client, name, "web").container("app");
        rollout.strategy(canary.recovery(recovery)).on(workload.services("web", "web-candidate"))
    }

    pub(crate) async fn start(&self, image: &str, watched: Duration) -> Handle {
        self.rollout(watched).build().unwrap().start(image.parse().unwrap()).await.unwrap()
    }

    /// How users meet the candidate, as the cluster has it.
    pub(crate) async fn exposure(&self) -> Exposure {
        self.router().observe().await.unwrap().exposure
    }

    pub(crate) async fn reached(&self, percent: u32) {
        let wanted = Weight::percent(percent).unwrap();
        self.eventually(&format!("a weight of {wanted}"), async || {
            let weight = self.exposure().await.weight;
            (weight == wanted).then_some(()).ok_or(weight.to_string())
        })
        .await;
    }

    /// All users are with this image, in the end.
    pub(crate) async fn only(&self, image: &str) {
        self.eventually(&format!("all users being with {image}"), async || {
            let tally = self.load.clone().send(30).await;
            (tally.by(image) == 30).then_some(()).ok_or(tally.to_string())
        })
        .await;
    }

    pub(crate) async fn eventually<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> Result<T, String>,
    ) -> T {
        self.namespace.eventually(what, async || Ok(look().await)).await.unwrap()
    }

    /// A strategic merge patch of a Deployment, as `kubectl patch` sends it.
    pub(crate) async fn patch(&self, deployment: &str, patch: Value) {
        let deployments = self.namespace.api::<Deployment>();
        deployments.patch(deployment, &PatchParams::default(), &Patch::Strategic(patch)).await.unwrap();
    }

    /// Users who ask from now on: half of them on fresh connections, half on connections that they keep.
    pub(crate) fn users(&self) -> Users {
        // Where a machine has other work to do an answer may come late; that is told, and is no failure.
        let load = self.load.clone().rate(100.0).patience(Duration::from_secs(20));
        Users { fresh: load.clone().start(), kept: load.connections(Connections::Kept).start() }
    }
}

/// Users who are at it.
pub(crate) struct Users {
    pub(crate) fresh: RunningLoad,
    pub(crate) kept: RunningLoad,
}

impl Users {
    /// What both kinds have got, when nobody was failed.
    pub(crate) async fn none_failed(self) -> [Tally; 2] {
        let both = [self.fresh.stop().await, self.kept.stop().await];
        for tally in &both {
            assert!(tally.failed() == 0, "{:?}: {tally}", tally.failures());
        }
        both
    }

    /// The same, and each of these images has answered some of both kinds.
    pub(crate) async fn met(self, images: &[&str]) {
        for tally in self.none_failed().await {
            for image in images {
                assert!(tally.by(image) > 0, "{image}: {tally}");
            }
        }
    }

    /// How many requests an image has answered.
    pub(crate) fn by(&self, image: &str) -> u64 {
        self.fresh.so_far().by(image) + self.kept.so_far().by(image)
    }
}

/// A Deployment, and the Services of both tracks.
async fn pair(shop: &Namespace) {
    shop.deployment("web", "shop:v1", 4).await.unwrap();
    shop.ready_pods("app=web", REPLICAS).await.unwrap();
    for name in ["web", "web-candidate"] {
        shop.service(name, name).await.unwrap();
    }
}

/// The Deployments of two sides, of which blue serves. Answers where their Service listens.
async fn blue_and_green(shop: &Namespace) -> std::net::SocketAddr {
    for (color, replicas) in [("blue", 4), ("green", 0)] {
        let labels = [("app", "web"), ("color", color)];
        shop.deployment_labelled(&format!("web-{color}"), &labels, "shop:v1", replicas).await.unwrap();
    }
    shop.ready_pods("app=web", REPLICAS).await.unwrap();
    shop.service_selecting("web", &[("app", "web"), ("color", "blue")]).await.unwrap()
}

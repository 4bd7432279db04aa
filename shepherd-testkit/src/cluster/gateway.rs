use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use kube::Client;
use kube::api::{Api, DynamicObject, GroupVersionKind, PostParams};
use kube::core::ApiResource;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::crds::CustomResources;
use super::error::ClusterError;
use super::network::free_port;
use super::process::{run, write};

const NAMESPACE: &str = "gateway";
const NAME: &str = "contour";
/// Contour has Envoy listen on the Gateway's port and this.
const ABOVE: u16 = 8000;

/// Contour and Envoy, serving the Gateway API: what a weight of an `HTTPRoute` says is what users get.
///
/// ```no_run
/// # async fn example() -> Result<(), shepherd_testkit::cluster::ClusterError> {
/// use shepherd_testkit::cluster::{Cluster, Load};
/// let cluster = Cluster::shared().await?;
/// let (gateway, shop) = (cluster.gateway().await?, cluster.namespace("shop").await?);
/// // With Services `web-stable` and `web-canary`:
/// shop.http_route("web", "shop.example", &[("web-stable", 90), ("web-canary", 10)]).await?;
/// let tally = Load::to(gateway.address()).header("host", "shop.example")?.send(400).await;
/// println!("{tally}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Gateway {
    address: SocketAddr,
    metrics: SocketAddr,
}

impl Gateway {
    /// Where Envoy listens for users.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where Envoy tells what it counts, as Prometheus reads it, under the path `/stats/prometheus`.
    pub fn metrics(&self) -> SocketAddr {
        self.metrics
    }

    /// What the `parentRefs` of an `HTTPRoute` say to be served here.
    pub fn parent_ref(&self) -> Value {
        parent_ref()
    }

    pub(super) async fn start(cluster: &Cluster) -> Result<Self, ClusterError> {
        cluster.plane().programs().require(&["contour", "envoy"])?;
        cluster.install(CustomResources::GatewayApi).await?;
        cluster.install(CustomResources::Contour).await?;
        let listener = free_port()?;
        create_objects(&cluster.client()?, listener - ABOVE).await?;
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let gateway = Self { address: local(listener), metrics: local(free_port()?) };
        let xds = free_port()?;
        gateway.start_contour(cluster, xds)?;
        start_envoy(cluster, xds)?;
        gateway.wait(cluster).await?;
        Ok(gateway)
    }

    fn start_contour(&self, cluster: &Cluster, xds: u16) -> Result<(), ClusterError> {
        let plane = cluster.plane();
        let config = json!({
            "accesslog-level": "error",
            "gateway": { "gatewayRef": { "namespace": NAMESPACE, "name": NAME } },
            "metrics": { "envoy": { "address": "127.0.0.1", "port": self.metrics.port() } },
        });
        let file = plane.folder().join("contour.json");
        write(&file, config.to_string())?;
        let mut command = Command::new(plane.programs().path("contour"));
        command.args(["serve", "--insecure", "--disable-leader-election", "--xds-address=127.0.0.1"]);
        command.arg(format!("--xds-port={xds}"));
        command.arg(format!("--kubeconfig={}", plane.credentials.kubeconfig_file("contour").display()));
        command.arg(format!("--config-path={}", file.display()));
        command.args(["--envoy-service-http-address=127.0.0.1", "--ingress-status-address=127.0.0.1"]);
        // It was built for an older Gateway API, where these were young.
        for young in ["backendtlspolicies", "tlsroutes", "tcproutes", "grpcroutes", "extensionservices"] {
            command.arg(format!("--disable-feature={young}"));
        }
        for what in ["http", "health", "debug-http"] {
            command.args([format!("--{what}-address=127.0.0.1"), format!("--{what}-port={}", free_port()?)]);
        }
        command.args(["--kubernetes-client-qps=500", "--kubernetes-client-burst=1000"]);
        plane.add("contour", command)
    }

    /// Until Envoy has heard of Contour. It listens for users as soon as there is a first route.
    async fn wait(&self, cluster: &Cluster) -> Result<(), ClusterError> {
        cluster
            .attended("Envoy hearing of Contour", async || {
                let connected = tokio::net::TcpStream::connect(self.metrics).await;
                Ok(connected.map(drop).map_err(|error| error.to_string()))
            })
            .await
    }
}

pub(super) fn parent_ref() -> Value {
    json!({ "namespace": NAMESPACE, "name": NAME })
}

/// A kind of the Gateway API.
pub(super) fn resource(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", kind))
}

/// An object of a kind that has no type here.
pub(super) fn dynamic(kind: &ApiResource, mut object: Value) -> Result<DynamicObject, ClusterError> {
    object["apiVersion"] = kind.api_version.clone().into();
    object["kind"] = kind.kind.clone().into();
    serde_json::from_value(object).map_err(|error| ClusterError::Malformed(error.to_string()))
}

fn start_envoy(cluster: &Cluster, xds: u16) -> Result<(), ClusterError> {
    let plane = cluster.plane();
    let config = plane.folder().join("envoy.json");
    run(Command::new(plane.programs().path("contour"))
        .arg("bootstrap")
        .arg(&config)
        .args(["--xds-address=127.0.0.1", "--dns-lookup-family=v4"])
        .arg(format!("--xds-port={xds}"))
        .arg(format!("--admin-address={}", plane.folder().join("envoy-admin.sock").display())))?;
    let mut command = Command::new(plane.programs().path("envoy"));
    command.arg("-c").arg(&config).args([
        "--service-cluster",
        NAME,
        "--service-node",
        "envoy",
        "--log-level",
        "warn",
    ]);
    // For hot restarts it would ask the kernel to be ended with the thread that started it, which is a test's.
    command.args(["--disable-hot-restart", "--concurrency", "2"]);
    plane.add("envoy", command)
}

async fn create_objects(client: &Client, port: u16) -> Result<(), ClusterError> {
    let namespace = ApiResource::erase::<k8s_openapi::api::core::v1::Namespace>(&());
    create(client, None, &namespace, json!({ "metadata": { "name": NAMESPACE } })).await?;
    let class = json!({
        "metadata": { "name": NAME }, "spec": { "controllerName": "projectcontour.io/gateway-controller" }
    });
    create(client, None, &resource("GatewayClass"), class).await?;
    let gateway = json!({
        "metadata": { "name": NAME },
        "spec": { "gatewayClassName": NAME, "listeners": [{
            "name": "http", "protocol": "HTTP", "port": port, "allowedRoutes": { "namespaces": { "from": "All" } },
        }]}
    });
    create(client, Some(NAMESPACE), &resource("Gateway"), gateway).await
}

async fn create(
    client: &Client,
    namespace: Option<&str>,
    kind: &ApiResource,
    object: Value,
) -> Result<(), ClusterError> {
    let api = match namespace {
        Some(namespace) => Api::<DynamicObject>::namespaced_with(client.clone(), namespace, kind),
        None => Api::all_with(client.clone(), kind),
    };
    let doing = format!("creating the {}", kind.kind);
    api.create(&PostParams::default(), &dynamic(kind, object)?)
        .await
        .map(drop)
        .map_err(ClusterError::api(doing))
}

use std::fmt::Display;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use hyper::{Method, Request, Response, Uri};
use kube::client::Body;
use kube::{Client, Config};
use serde_json::json;

use super::cluster::Cluster;
use super::error::ClusterError;
use super::network::free_port;
use super::process::write;

const USER: &str = "robot";
const PASSWORD: &str = "let-the-robot-in";
/// The two of them, as the registry and as its clients have them.
const HTPASSWD: &str = "robot:$2b$04$ShepherdTestkitRobot1uY9FriZOCIGxMtO634GjcT1PvbHjJXPa\n";
const PROOF: &str = "Basic cm9ib3Q6bGV0LXRoZS1yb2JvdC1pbg==";

/// All that an image without layers is: the digest is that of `{}`.
const CONFIG: &[u8] = b"{}";
const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A real registry of images, for whoever asks one. Pods of the cluster do not: what they run is in their image's name,
/// whichever registry that begins with.
///
/// ```no_run
/// # async fn example() -> Result<(), shepherd_testkit::cluster::ClusterError> {
/// use shepherd_testkit::cluster::Cluster;
/// let cluster = Cluster::shared().await?;
/// let registry = cluster.registry().await?;
/// // Such as 127.0.0.1:41234/shop:v2.
/// let there = registry.push("shop:v2").await?;
/// let missing = registry.image("shop:v3");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Registry {
    address: SocketAddr,
    private: bool,
}

impl Registry {
    /// Where it listens, by plain HTTP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What an image of it is called, whether it is there or not.
    pub fn image(&self, image: &str) -> String {
        format!("{}/{image}", self.address)
    }

    /// The user and the password that it wants, where it wants any.
    pub fn login(&self) -> Option<(&'static str, &'static str)> {
        self.private.then_some((USER, PASSWORD))
    }

    /// Makes an image, of no layers, and says what it is called here.
    ///
    /// # Errors
    /// When the registry does not take it.
    pub async fn push(&self, image: &str) -> Result<String, ClusterError> {
        let (repository, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
        let begun = self.send(Method::POST, &format!("/v2/{repository}/blobs/uploads/"), "", b"").await?;
        let upload = begun.headers().get(LOCATION).and_then(|to| to.to_str().ok()?.parse::<Uri>().ok());
        let upload = upload.as_ref().and_then(Uri::path_and_query);
        let upload = upload.ok_or_else(|| refused(&"it says not where to put it"))?;
        let whole = format!("{upload}&digest={DIGEST}");
        self.send(Method::PUT, &whole, "application/octet-stream", CONFIG).await?;
        let config = json!({
            "mediaType": "application/vnd.oci.image.config.v1+json", "digest": DIGEST, "size": CONFIG.len(),
        });
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []});
        let path = format!("/v2/{repository}/manifests/{tag}");
        self.send(Method::PUT, &path, MANIFEST, manifest.to_string().as_bytes()).await?;
        Ok(self.image(image))
    }

    pub(super) async fn start(cluster: &Cluster, private: bool) -> Result<Self, ClusterError> {
        let plane = cluster.plane();
        plane.programs().require(&["registry"])?;
        let registry = Self { address: SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?)), private };
        let name = if private { "private-registry" } else { "registry" };
        let folder = plane.folder().join(name);
        std::fs::create_dir_all(&folder)
            .map_err(ClusterError::io(format!("creating {}", folder.display())))?;
        let users = folder.join("htpasswd");
        write(&users, HTPASSWD)?;
        let mut config = json!({
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": true}},
            "storage": {"filesystem": {"rootdirectory": folder.join("images")}},
            "http": {"addr": registry.address.to_string(), "secret": name},
        });
        if private {
            config["auth"] = json!({"htpasswd": {"realm": name, "path": users}});
        }
        let file = folder.join("config.json");
        write(&file, config.to_string())?;
        let mut command = Command::new(plane.programs().path("registry"));
        command.arg("serve").arg(file);
        plane.add(name, command)?;
        let address = registry.address;
        cluster
            .attended("the registry listening", async || {
                Ok(tokio::net::TcpStream::connect(address).await.map(drop).map_err(|error| error.to_string()))
            })
            .await?;
        Ok(registry)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: &[u8],
    ) -> Result<Response<Body>, ClusterError> {
        let uri: Uri = format!("http://{}", self.address).parse().map_err(|error| refused(&error))?;
        let client =
            Client::try_from(Config::new(uri)).map_err(ClusterError::api("a client of the registry"))?;
        let request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, kind);
        let request = if self.private { request.header(AUTHORIZATION, PROOF) } else { request };
        let request = request.body(Body::from(body.to_vec())).map_err(|error| refused(&error))?;
        let answer = client.send(request).await.map_err(ClusterError::api("pushing an image"))?;
        if answer.status().is_success() {
            Ok(answer)
        } else {
            Err(refused(&format_args!("it answered {}", answer.status())))
        }
    }
}

fn refused(why: &dyn Display) -> ClusterError {
    ClusterError::Malformed(format!("pushing an image: {why}"))
}

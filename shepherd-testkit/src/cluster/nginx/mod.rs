//! NGINX, configured from Ingresses as ingress-nginx documents.

mod canary;
mod controller;
mod render;
mod routes;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cluster::Cluster;
use super::error::ClusterError;
use super::network::free_port;
use super::process::{run, write};
use super::programs::tool;
use controller::Controller;

/// A real NGINX that is rendered from Ingresses, and from the `canary` annotations of their counterparts, by the
/// semantics that ingress-nginx documents: the header decides before the cookie, the cookie before the weight, the
/// weight is out of `canary-weight-total`, and a main Ingress has one canary. It reaches pods by their Service, and so
/// needs the service proxy. The controller itself is not part of it: no other annotation has an effect.
///
/// ```no_run
/// # async fn example() -> Result<(), shepherd_testkit::cluster::ClusterError> {
/// use shepherd_testkit::cluster::{Cluster, Load};
/// let cluster = Cluster::shared().await?;
/// let nginx = cluster.nginx().await?;
/// // With an Ingress for `shop.example`:
/// let tally = Load::to(nginx.address()).header("host", "shop.example")?.send(400).await;
/// println!("{tally}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Nginx {
    address: SocketAddr,
}

impl Nginx {
    /// Where it listens for users.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) async fn start(cluster: &Cluster) -> Result<Self, ClusterError> {
        let program = tool("nginx", "it serves Ingresses", "apt-get install nginx-light")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let folder = cluster.plane().folder().join("nginx");
        std::fs::create_dir_all(&folder)
            .map_err(ClusterError::io(format!("creating {}", folder.display())))?;
        let site = Site { program, folder, address };
        site.configure(&[])?;
        cluster.plane().add("nginx", site.command())?;
        let client = cluster.client_config("nginx")?;
        cluster.spawn(async move {
            if let Ok(client) = kube::Client::try_from(client) {
                Controller::new(client, site).run().await;
            }
        });
        cluster
            .attended("NGINX listening", async || {
                Ok(tokio::net::TcpStream::connect(address).await.map(drop).map_err(|error| error.to_string()))
            })
            .await?;
        Ok(Self { address })
    }
}

/// The files and the program.
#[derive(Clone, Debug)]
struct Site {
    program: PathBuf,
    folder: PathBuf,
    address: SocketAddr,
}

impl Site {
    fn configure(&self, routes: &[routes::Route]) -> Result<(), ClusterError> {
        write(&self.file(), render::config(&self.folder, self.address, routes))
    }

    /// Has the running one read its configuration, as a whole or not at all.
    fn reload(&self) -> Result<(), ClusterError> {
        run(self.command().args(["-s", "reload"])).map(drop)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("-p").arg(&self.folder).arg("-c").arg(self.file()).args(["-e", "stderr"]);
        command
    }

    fn file(&self) -> PathBuf {
        Path::new(&self.folder).join("nginx.conf")
    }
}

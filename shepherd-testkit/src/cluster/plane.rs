use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tempfile::TempDir;

use super::credentials::Credentials;
use super::error::ClusterError;
use super::network::{Network, free_port};
use super::process::{Process, write};
use super::programs::{Programs, tool};
use super::server::Server;

/// What is asked of kube-proxy's rules and its one table in a network namespace.
static PROXY_RUNS: AtomicBool = AtomicBool::new(false);

pub(super) const AUDIT_LOG: &str = "audit.jsonl";

/// Writes only, after their answer: what a test counts.
const AUDIT_POLICY: &str = r#"{
  "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived", "ResponseStarted"],
  "rules": [
    {"level": "None", "verbs": ["get", "list", "watch"]},
    {"level": "Metadata"}
  ]
}"#;

/// The servers of one control plane, in the order in which they were started.
#[derive(Debug)]
pub(super) struct Plane {
    // Before the folder: servers end before their files go.
    processes: Mutex<Vec<Process>>,
    proxies: bool,
    pub(super) started: Instant,
    pub(super) credentials: Credentials,
    pub(super) network: Network,
    programs: Programs,
    folder: TempDir,
}

impl Plane {
    /// Starts etcd and the API server. It is ready when its `/readyz` says so, which the caller awaits.
    pub(super) fn start(programs: Programs, proxies: bool) -> Result<Self, ClusterError> {
        let mut needed = vec!["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"];
        if proxies {
            needed.push("kube-proxy");
            tool("nft", "kube-proxy writes its rules with it", "apt-get install nftables")?;
        }
        programs.require(&needed)?;
        let started = Instant::now();
        let network = Network::claim()?;
        let proxies = proxies && claim_proxy()?;
        let folder = tempfile::Builder::new()
            .prefix("plane-")
            .tempdir_in(std::env::var_os("SHEPHERD_RUN").map_or_else(std::env::temp_dir, PathBuf::from))
            .map_err(ClusterError::io("creating a temporary folder"))?;
        let port = free_port()?;
        let credentials = Credentials::make(folder.path(), network, port)?;
        let plane =
            Self { processes: Mutex::default(), proxies, started, credentials, network, programs, folder };
        let etcd = plane.start_etcd()?;
        plane.start_api_server(&etcd, port)?;
        Ok(plane)
    }

    /// Starts those that need an API server.
    pub(super) fn start_rest(&self) -> Result<(), ClusterError> {
        self.start_managers()?;
        self.start_kwok()?;
        if self.proxies { self.start_proxy() } else { Ok(()) }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn programs(&self) -> &Programs {
        &self.programs
    }

    /// The first server that has ended, as an error.
    pub(super) fn alive(&self) -> Result<(), ClusterError> {
        self.with_processes(|processes| processes.iter().try_for_each(Process::alive))
    }

    /// The last lines of each log.
    pub(super) fn logs(&self) -> String {
        self.with_processes(|processes| {
            processes.iter().fold(String::new(), |mut text, process| {
                // Writing to a String cannot fail.
                let _ = write!(text, "\n--- {}\n{}", process.name(), process.log_tail().in_short());
                text
            })
        })
    }

    /// Starts one more server that ends with this plane.
    pub(super) fn add(&self, name: &str, command: Command) -> Result<(), ClusterError> {
        let process = Process::start(name, self.folder(), command)?;
        self.with_processes(|processes| processes.push(process));
        Ok(())
    }

    /// Does something to one of the servers.
    pub(super) fn with(
        &self,
        server: Server,
        what: impl FnOnce(&Process) -> Result<(), ClusterError>,
    ) -> Result<(), ClusterError> {
        let name = server.name();
        self.with_processes(|processes| match processes.iter().find(|process| process.name() == name) {
            Some(process) => what(process),
            None => Err(ClusterError::Malformed(format!("this cluster was built without {name}"))),
        })
    }

    fn with_processes<T>(&self, what: impl FnOnce(&mut Vec<Process>) -> T) -> T {
        what(&mut self.processes.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.path(program));
        command.current_dir(self.folder());
        command
    }

    fn start_etcd(&self) -> Result<String, ClusterError> {
        let (clients, peers) =
            (format!("http://127.0.0.1:{}", free_port()?), format!("http://127.0.0.1:{}", free_port()?));
        let mut command = self.command("etcd");
        command.args(["--name=test", "--data-dir=etcd", "--unsafe-no-fsync", "--log-level=warn"]);
        command
            .args([format!("--listen-client-urls={clients}"), format!("--advertise-client-urls={clients}")]);
        command
            .args([format!("--listen-peer-urls={peers}"), format!("--initial-advertise-peer-urls={peers}")]);
        command.arg(format!("--initial-cluster=test={peers}"));
        self.add(Server::Etcd.name(), command)?;
        Ok(clients)
    }

    fn start_api_server(&self, etcd: &str, port: u16) -> Result<(), ClusterError> {
        write(&self.folder().join("audit-policy.json"), AUDIT_POLICY)?;
        let mut command = self.command("kube-apiserver");
        command.args([
            format!("--etcd-servers={etcd}"),
            format!("--secure-port={port}"),
            format!("--advertise-address={}", self.network.node()),
            format!("--service-cluster-ip-range={}", self.network.services()),
        ]);
        command.args([
            "--tls-cert-file=server.crt",
            "--tls-private-key-file=server.key",
            "--client-ca-file=ca.crt",
            "--token-auth-file=tokens.csv",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-account-key-file=accounts.pub",
            "--service-account-signing-key-file=accounts.key",
            "--authorization-mode=RBAC",
            // A new namespace has no account for a moment, and pods here have no use for its token. Taints would be the
            // node lifecycle controller's to take away, which does not run.
            "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
            "--audit-policy-file=audit-policy.json",
            "--audit-log-maxsize=4096",
        ]);
        command.arg(format!("--audit-log-path={AUDIT_LOG}"));
        self.add(Server::ApiServer.name(), command)
    }

    fn start_managers(&self) -> Result<(), ClusterError> {
        for server in [Server::ControllerManager, Server::Scheduler] {
            let name = server.name();
            let mut command = self.command(name);
            command.arg(format!("--kubeconfig={}", self.credentials.kubeconfig_file(name).display()));
            command.args([
                "--leader-elect=false",
                "--secure-port=0",
                "--kube-api-qps=500",
                "--kube-api-burst=1000",
            ]);
            if server == Server::ControllerManager {
                command.args([
                    // The nodes are played: nobody renews their leases.
                    "--controllers=*,-nodeipam,-nodelifecycle",
                    "--service-account-private-key-file=accounts.key",
                    "--root-ca-file=ca.crt",
                ]);
            }
            self.add(name, command)?;
        }
        Ok(())
    }

    fn start_kwok(&self) -> Result<(), ClusterError> {
        write(&self.folder().join("stages.yaml"), super::stages::all())?;
        let mut command = self.command("kwok");
        command.arg(format!("--kubeconfig={}", self.credentials.kubeconfig_file("kwok").display()));
        command
            .args([format!("--cidr={}", self.network.pods()), format!("--node-ip={}", self.network.node())]);
        command.args(["--config=stages.yaml", "--manage-all-nodes=true", "--node-lease-duration-seconds=0"]);
        // kwok keeps its own settings below the home folder.
        command.env("HOME", self.folder());
        self.add(Server::Kubelets.name(), command)
    }

    fn start_proxy(&self) -> Result<(), ClusterError> {
        let config = serde_json::json!({
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "hostnameOverride": super::node::name(0),
            // No clusterCIDR: requests of the test itself would count as foreign and get the address of the loopback
            // device, which has none to give.
            "clientConnection": {
                "kubeconfig": self.credentials.kubeconfig_file("kube-proxy"), "qps": 500, "burst": 1000,
            },
            "healthzBindAddress": format!("127.0.0.1:{}", free_port()?),
            "metricsBindAddress": format!("127.0.0.1:{}", free_port()?),
            "nodePortAddresses": ["primary"],
            "nftables": { "minSyncPeriod": "10ms", "syncPeriod": "30s" },
            // The kernel's limits are not this namespace's to set.
            "conntrack": {
                "maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s",
                "udpTimeout": "0s", "udpStreamTimeout": "0s",
            },
        });
        write(&self.folder().join("kube-proxy.json"), config.to_string())?;
        let mut command = self.command("kube-proxy");
        let path = std::env::var("PATH").unwrap_or_default();
        command.arg("--config=kube-proxy.json").env("PATH", format!("{path}:/usr/sbin:/sbin"));
        self.add(Server::ServiceProxy.name(), command)
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        self.with_processes(Vec::clear);
        if self.proxies {
            PROXY_RUNS.store(false, Ordering::Release);
        }
        // Their files may still be written while they end; what is left is nobody's.
        let _ = fs::remove_dir_all(self.folder.path());
    }
}

fn claim_proxy() -> Result<bool, ClusterError> {
    if PROXY_RUNS.swap(true, Ordering::AcqRel) { Err(ClusterError::ProxyTaken) } else { Ok(true) }
}

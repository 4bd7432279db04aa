use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, Error, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};

use super::error::ClusterError;
use super::network::Network;
use super::process::write;

/// Who may do everything: the test itself, and the servers of the plane, each under a name of its own.
pub(super) const USERS: [&str; 8] = [
    "admin",
    "testkit",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "kube-proxy",
    "contour",
    "nginx",
];

/// The keys, certificates and kubeconfigs of one plane, as files.
#[derive(Clone, Debug)]
pub(super) struct Credentials {
    folder: PathBuf,
    server: String,
    authority: String,
}

impl Credentials {
    /// Makes them for an API server at that port.
    pub(super) fn make(folder: &Path, network: Network, port: u16) -> Result<Self, ClusterError> {
        let made = certificates(network)
            .map_err(|error| ClusterError::Malformed(format!("certificates: {error}")))?;
        write(&folder.join("ca.crt"), &made.authority)?;
        write(&folder.join("server.crt"), &made.server)?;
        write(&folder.join("server.key"), &made.server_key)?;
        write(&folder.join("accounts.key"), made.accounts_key.serialize_pem())?;
        write(&folder.join("accounts.pub"), made.accounts_key.public_key_pem())?;
        let tokens = USERS.map(|user| format!("token-{user},{user},{user},system:masters\n"));
        write(&folder.join("tokens.csv"), tokens.concat())?;
        let all = Self {
            folder: folder.to_owned(),
            server: format!("https://127.0.0.1:{port}"),
            authority: made.authority,
        };
        for user in USERS {
            write(&all.kubeconfig_file(user), all.kubeconfig(user, &format!("token-{user}")))?;
        }
        Ok(all)
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(super) fn kubeconfig_file(&self, user: &str) -> PathBuf {
        self.file(&format!("{user}.kubeconfig"))
    }

    /// What a client of that name and token needs, as JSON, which is YAML too.
    pub(super) fn kubeconfig(&self, user: &str, token: &str) -> String {
        serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "test", "cluster": {
                "server": self.server, "certificate-authority-data": base64(self.authority.as_bytes()),
            }}],
            "users": [{ "name": user, "user": { "token": token } }],
            "contexts": [{ "name": "test", "context": { "cluster": "test", "user": user } }],
            "current-context": "test",
        })
        .to_string()
    }
}

struct Made {
    authority: String,
    server: String,
    server_key: String,
    accounts_key: KeyPair,
}

fn certificates(network: Network) -> Result<Made, Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.distinguished_name.push(DnType::CommonName, "shepherd-testkit");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;

    let names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
    let mut server = CertificateParams::new(names.map(str::to_owned).to_vec())?;
    server.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    server.subject_alt_names.extend(
        [[127, 0, 0, 1].into(), network.node(), network.api_service()]
            .map(|ip| SanType::IpAddress(IpAddr::V4(ip))),
    );
    let server_key = KeyPair::generate()?;
    let signed = server.signed_by(&server_key, &Issuer::new(authority, authority_key))?;
    Ok(Made {
        authority: authority_certificate.pem(),
        server: signed.pem(),
        server_key: server_key.serialize_pem(),
        accounts_key: KeyPair::generate()?,
    })
}

fn base64(bytes: &[u8]) -> String {
    // ByteString is how Kubernetes writes bytes in JSON.
    let value = serde_json::to_value(k8s_openapi::ByteString(bytes.to_vec())).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

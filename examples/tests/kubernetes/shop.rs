use std::path::PathBuf;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::api::PostParams;
use serde_json::Value;
use shepherd_testkit::cluster::{Load, Namespace};
use tempfile::TempDir;

use crate::program::Program;

/// The account of its program.
pub(crate) const DEPLOYER: &str = "deployer";

/// A service that runs `shop:v1`, the program that rolls it out, and the account that it may use.
pub(crate) struct Shop {
    pub(crate) namespace: Namespace,
    /// The way of its users, where there is one.
    pub(crate) load: Option<Load>,
    program: &'static str,
    role: &'static str,
    /// What it is always told besides.
    always: &'static [&'static str],
    folder: TempDir,
}

impl Shop {
    /// `role` is the manifest of a Role.
    pub(crate) async fn open(
        namespace: Namespace,
        load: Option<Load>,
        program: &'static str,
        role: &'static str,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shop = Self { namespace, load, program, role, always: &[], folder };
        shop.account(DEPLOYER).await;
        if let Some(load) = &shop.load {
            shop.namespace
                .eventually("the service to be reached", async || {
                    let tally = load.clone().send(3).await;
                    Ok((tally.by("shop:v1") == 3).then_some(()).ok_or(tally.to_string()))
                })
                .await
                .unwrap();
        }
        shop
    }

    pub(crate) fn always(self, always: &'static [&'static str]) -> Self {
        Self { always, ..self }
    }

    /// Rolls this image out, at a lively pace.
    pub(crate) fn roll_out(&self, image: &str, more: &[&str]) -> Program {
        self.run(&[&["web", image, "--interval", "500ms", "--drain", "1s"], more].concat())
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Program {
        self.run_as(DEPLOYER, arguments)
    }

    /// The same by another account.
    pub(crate) fn run_as(&self, account: &str, arguments: &[&str]) -> Program {
        let namespace = ["--namespace", self.namespace.name()];
        Program::start(self.program, &self.config_of(account), &[arguments, self.always, &namespace].concat())
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.config_of(DEPLOYER)
    }

    /// One more account that the program may be run as.
    pub(crate) async fn account(&self, name: &str) {
        self.namespace.user(name, rules(self.role)).await.unwrap();
        std::fs::write(self.config_of(name), self.credentials(name).await).unwrap();
    }

    fn config_of(&self, account: &str) -> PathBuf {
        self.folder.path().join(account)
    }

    /// The administrator's kubeconfig with the token of an account.
    async fn credentials(&self, account: &str) -> String {
        let accounts = self.namespace.api::<ServiceAccount>();
        let request = TokenRequest { spec: Some(TokenRequestSpec::default()), ..TokenRequest::default() };
        let token = accounts.create_token_request(account, &PostParams::default(), &request).await;
        let file = std::fs::read(self.namespace.cluster().kubeconfig()).unwrap();
        let mut config: Value = serde_json::from_slice(&file).unwrap();
        config["users"][0]["user"]["token"] = token.unwrap().status.unwrap().token.into();
        config.to_string()
    }
}

/// The rules of a manifest that has each of them in a line of its own.
fn rules(role: &str) -> Vec<PolicyRule> {
    let field = |line: &str, name: &str| -> Vec<String> {
        let (_, rest) = line.split_once(&format!("{name}: [")).expect("each rule has all fields");
        let (list, _) = rest.split_once(']').expect("a list ends");
        list.split(", ").map(|item| item.trim_matches('"').to_owned()).collect()
    };
    let parse = |line: &str| PolicyRule {
        api_groups: Some(field(line, "apiGroups")),
        resources: Some(field(line, "resources")),
        verbs: field(line, "verbs"),
        ..PolicyRule::default()
    };
    role.lines().filter(|line| line.starts_with("  - {")).map(parse).collect()
}

//! A rolling update in place whose process is killed in stage after stage, and run again each time. The process is this
//! test binary, running [`child`] alone.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use shepherd_core::driver::Rollout;
use shepherd_core::plan::{Attention, Recovery};
use shepherd_core::strategy::{Count, Rolling};
use shepherd_kube::store::KubeStore;
use shepherd_kube::workload::InPlaceDeployment;
use shepherd_testkit::cluster::{Cluster, Connections, Load, Namespace};

use crate::ground::ready_images;

/// Where the child works. Without it there is nothing for it to do.
const NAMESPACE: &str = "SHEPHERD_TEST_NAMESPACE";

/// What is told when a stage of each kind begins, in the first batch and in later ones.
const STAGES: [&str; 6] = [
    "scale-candidate-1 begins",
    "bake begins",
    "scale-stable-3 begins",
    "scale-candidate-3 begins",
    "bake-3 begins",
    "scale-stable-0 begins",
];

struct Process {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Process {
    fn start(shop: &Namespace) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::child", "--nocapture"])
            .env(NAMESPACE, shop.name())
            .env("KUBECONFIG", shop.cluster().kubeconfig())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    /// The line that has this text, once it is printed.
    fn until(&mut self, text: &str) -> String {
        let mut all = String::new();
        loop {
            let begins = all.len();
            assert_ne!(self.said.read_line(&mut all).unwrap(), 0, "it ended without {text:?}: {all}");
            if all[begins..].contains(text) {
                return all[begins..].to_owned();
            }
        }
    }
}

impl Drop for Process {
    /// As `kill -9` does.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_in_place_go_on_after_a_kill_in_each_of_them() {
    let shop = Cluster::shared().await.unwrap().namespace("killed").await.unwrap();
    shop.deployment("web", "shop:v1", 4).await.unwrap();
    shop.ready_pods("app=web", 4).await.unwrap();
    let load = Load::to(shop.service("web", "web").await.unwrap()).rate(100.0);
    shop.eventually("the Service to be served", async || {
        let tally = load.clone().send(3).await;
        Ok((tally.failed() == 0).then_some(()).ok_or(tally.to_string()))
    })
    .await
    .unwrap();
    let users = [load.clone().start(), load.connections(Connections::Kept).start()];
    for stage in STAGES {
        Process::start(&shop).until(stage);
    }
    let ended = Process::start(&shop).until("ended: ");
    assert!(ended.contains("every stage passed"), "{ended}");
    for users in users {
        let tally = users.stop().await;
        assert!(tally.failed() == 0 && tally.by("shop:v2") > 0, "{tally}");
    }
    let serving = ready_images(&shop, "app=web").await.unwrap();
    assert_eq!(serving, [("shop:v2".parse().unwrap(), 4.into())].into());
}

/// Not a test of its own: what a child process does.
#[tokio::test]
async fn child() {
    let Ok(namespace) = std::env::var(NAMESPACE) else { return };
    let say = |what: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{what}").and_then(|()| out.flush()).unwrap();
    };
    let client = kube::Client::try_default().await.unwrap();
    let rolling = Rolling::new().max_surge(Count::number(1)).max_unavailable(Count::number(0));
    let rollout = Rollout::of(format!("{namespace}/web").parse().unwrap())
        .strategy(rolling.settle(Duration::from_millis(300)).recovery(Recovery::default()))
        .attention(Attention::default().every(Duration::from_millis(200)))
        .stored_in(KubeStore::new(client.clone(), &namespace, "killed"))
        .on(InPlaceDeployment::new(client, &namespace, "web"))
        .build()
        .unwrap();
    let handle = rollout.start("shop:v2".parse().unwrap()).await.unwrap();
    let mut events = handle.events();
    while let Some(event) = events.next().await {
        say(event.what.to_string());
    }
    say(format!("ended: {}", handle.done().await.unwrap().why()));
}

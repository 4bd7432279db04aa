use std::collections::HashMap;
use std::pin::pin;

use futures_util::TryStreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::life::Life;

/// Watches the pods of a plane, and lives the life of each that has a node.
pub(in crate::cluster) struct Keeper {
    client: Client,
    pods: HashMap<String, watch::Sender<Pod>>,
    lives: JoinSet<()>,
}

impl Keeper {
    pub(in crate::cluster) fn new(client: Client) -> Self {
        Self { client, pods: HashMap::new(), lives: JoinSet::new() }
    }

    /// Until it is dropped.
    pub(in crate::cluster) async fn keep(mut self) {
        let mut events = pin!(watcher(Api::<Pod>::all(self.client.clone()), watcher::Config::default()));
        let mut listed = Vec::new();
        loop {
            match events.try_next().await {
                Ok(Some(Event::Init)) => listed.clear(),
                Ok(Some(Event::InitApply(pod))) => {
                    listed.extend(pod.uid());
                    self.see(pod);
                }
                // What was deleted while nobody watched.
                Ok(Some(Event::InitDone)) => self.pods.retain(|uid, _| listed.contains(uid)),
                Ok(Some(Event::Apply(pod))) => self.see(pod),
                Ok(Some(Event::Delete(pod))) => drop(self.pods.remove(&pod.uid().unwrap_or_default())),
                Ok(None) => return,
                // The watcher goes on by itself; this keeps it from spinning while the API server is away.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
            }
            while self.lives.try_join_next().is_some() {}
        }
    }

    fn see(&mut self, pod: Pod) {
        let Some(uid) = pod.uid().filter(|_| pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some()))
        else {
            return;
        };
        if let Some(known) = self.pods.get(&uid) {
            known.send_replace(pod);
            return;
        }
        let (known, life) = watch::channel(pod);
        self.pods.insert(uid, known);
        self.lives.spawn(Life::new(&self.client, life).live());
    }
}

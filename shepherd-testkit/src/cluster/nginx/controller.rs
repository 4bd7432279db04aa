use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::Ingress;
use kube::runtime::{WatchStreamExt, reflector, watcher};
use kube::{Api, Client};

use super::Site;
use super::routes::{Route, routes};

/// Events that come together are one reload.
const TOGETHER: Duration = Duration::from_millis(10);

/// Watches Ingresses and Services, and has NGINX follow.
pub(super) struct Controller {
    client: Client,
    site: Site,
    served: Vec<Route>,
}

impl Controller {
    pub(super) fn new(client: Client, site: Site) -> Self {
        Self { client, site, served: Vec::new() }
    }

    /// Until it is dropped.
    pub(super) async fn run(mut self) {
        let (ingresses, writer) = reflector::store::<Ingress>();
        let watched = watcher(Api::all(self.client.clone()), watcher::Config::default()).default_backoff();
        let of_ingresses = watched.reflect(writer).map(drop);
        let (services, writer) = reflector::store::<Service>();
        let watched = watcher(Api::all(self.client.clone()), watcher::Config::default()).default_backoff();
        let of_services = watched.reflect(writer).map(drop);
        let mut events = pin!(futures_util::stream::select(of_ingresses, of_services));
        while events.next().await.is_some() {
            while tokio::time::timeout(TOGETHER, events.next()).await.is_ok() {}
            let wanted = routes(&ingresses.state(), &services.state());
            // What cannot be followed now is tried again with the next event; NGINX goes on as before.
            if wanted != self.served && self.follow(&wanted).await {
                self.served = wanted;
            }
        }
    }

    async fn follow(&self, wanted: &[Route]) -> bool {
        let site = self.site.clone();
        if site.configure(wanted).is_err() {
            return false;
        }
        tokio::task::spawn_blocking(move || site.reload().is_ok()).await.unwrap_or(false)
    }
}

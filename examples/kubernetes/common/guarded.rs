//! Guards on what the pods themselves measure, for tracks that have a Service each.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::ListParams;
use shepherd_core::driver::RolloutBuilder;
use shepherd_core::guard::Guard;
use shepherd_core::model::Track;
use shepherd_core::ports::{Clock, SystemClock};
use shepherd_metrics::Scrape;

use super::{Cluster, Trouble};

/// How often it is looked where pods are; each is scraped as often as the rollout is looked at.
const EVERY: Duration = Duration::from_secs(2);

/// What takes a candidate back.
#[derive(Debug, Args)]
pub(crate) struct Guarded {
    /// What takes it back, such as `error_rate > 2x stable for 1m`; again for more
    ///
    /// The pods are asked themselves, in the Prometheus text format, so run it where their addresses can be reached.
    #[arg(long = "guard", value_name = "GUARD", value_parser = guard)]
    guards: Vec<Guard>,

    /// The port on which the pods serve `/metrics`
    #[arg(long, default_value_t = 8080, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    metrics_port: u16,
}

impl Guarded {
    /// The rollout under these guards. `services` are those of stable and of the candidate.
    pub(crate) fn guard(
        self,
        cluster: &Cluster,
        services: [String; 2],
        rollout: RolloutBuilder,
    ) -> Result<RolloutBuilder, Trouble> {
        if self.guards.is_empty() {
            return Ok(rollout);
        }
        let places = Arc::new(Mutex::new([Vec::new(), Vec::new()]));
        let slices = Api::namespaced(cluster.client.clone(), &cluster.namespace);
        tokio::spawn(keep_fresh(slices, services, self.metrics_port, places.clone()));
        let pods = move |track| {
            places.lock().unwrap_or_else(PoisonError::into_inner)[usize::from(track == Track::Candidate)]
                .clone()
        };
        let source = Scrape::builder(pods).build().map_err(Trouble::input)?;
        Ok(self.guards.into_iter().fold(rollout, RolloutBuilder::guard).measured_by(source))
    }
}

type Places = Arc<Mutex<[Vec<String>; 2]>>;

/// What cannot be listed stays as it was: guards that see nothing for long say so themselves.
async fn keep_fresh(slices: Api<EndpointSlice>, services: [String; 2], port: u16, places: Places) {
    loop {
        for (place, service) in services.iter().enumerate() {
            let of_service = ListParams::default().labels(&format!("kubernetes.io/service-name={service}"));
            if let Ok(list) = slices.list(&of_service).await {
                let pages = list.items.iter().flat_map(|slice| pages(slice, port)).collect();
                places.lock().unwrap_or_else(PoisonError::into_inner)[place] = pages;
            }
        }
        SystemClock::new().sleep(EVERY).await;
    }
}

fn pages(slice: &EndpointSlice, port: u16) -> impl Iterator<Item = String> {
    let addresses = slice.endpoints.iter().flatten().flat_map(|endpoint| &endpoint.addresses);
    addresses.map(move |address| {
        // Only addresses of IPv6 have colons, and a URL wants them in brackets.
        let host = if address.contains(':') { format!("[{address}]") } else { address.clone() };
        format!("http://{host}:{port}/metrics")
    })
}

/// The error shows the text with a caret below it, which must begin a line of its own to be in its place.
fn guard(text: &str) -> Result<Guard, String> {
    text.parse().map_err(|error| format!("\n{error}"))
}

//! The source against every promise of its port, over real HTTP.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use shepherd_core::model::Track;
use shepherd_metrics::Scrape;
use shepherd_metrics::scrape::FixedEndpoints;
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::metrics::MetricsFixture;
use tokio::sync::OnceCell;

use crate::pod::Pod;

/// One pod a track, whose counters move when the suite says so.
#[derive(Default)]
struct Service {
    pods: OnceCell<[Pod; 2]>,
    counters: Mutex<BTreeMap<Track, (u32, u32)>>,
}

impl Service {
    async fn pods(&self) -> &[Pod; 2] {
        let start = || async { [Pod::with_page(&page(0, 0)).await, Pod::with_page(&page(0, 0)).await] };
        self.pods.get_or_init(start).await
    }
}

fn page(requests: u32, failed: u32) -> String {
    let answered = requests - failed;
    format!("http_requests_total{{code=\"200\"}} {answered}\nhttp_requests_total{{code=\"500\"}} {failed}\n")
}

#[async_trait]
impl MetricsFixture for Service {
    type Source = Scrape;

    async fn open(&self) -> Opened<Scrape> {
        let [stable, candidate] = self.pods().await;
        Ok(Scrape::builder(FixedEndpoints::new().stable(stable.url()).candidate(candidate.url())).build()?)
    }

    async fn serve(&self, track: Track, requests: u32, failed: u32) -> Opened<()> {
        let [stable, candidate] = self.pods().await;
        let mut counters = self.counters.lock().unwrap();
        let counter = counters.entry(track).or_default();
        *counter = (counter.0 + requests, counter.1 + failed);
        let pod = if track == Track::Stable { stable } else { candidate };
        pod.page(&page(counter.0, counter.1));
        Ok(())
    }
}

shepherd_testkit::metrics_conformance!(Service::default);

use async_trait::async_trait;
use serde_json::Value;
use shepherd_core::model::Track;

use super::VirtualService;
use super::destinations::{Destination, Protocol};
use crate::preflight::{Findings, Grounded};

#[async_trait]
impl Grounded for VirtualService {
    fn namespace(&self) -> &str {
        &self.namespace
    }

    async fn inspect(&self, findings: &mut Findings) {
        let dialect = &self.router.shape.dialect;
        let destinations = [(Track::Stable, &dialect.stable), (Track::Candidate, &dialect.candidate)];
        for (track, destination) in destinations {
            // A host that is no Service is somebody's own business.
            let (name, namespace) = dialect.full(&destination.host);
            if !namespace.is_empty() {
                findings.behind(namespace, name, track);
            }
        }
        let remedy = "install the definitions of Istio, or correct the API version that it was asked for in";
        if !findings.serves(self.router.object.kind(), remedy).await {
            return;
        }
        let fields = match dialect.protocol {
            Protocol::Http => "/spec/http",
            Protocol::Tls => "/spec/tls",
            Protocol::Tcp => "/spec/tcp",
        };
        if let Some(there) = self.router.inspect(findings, &[fields]).await
            && let Ok(routing) = self.router.routing(&there)
        {
            let by_hand = format!("set the weight of its destination {} to 0", dialect.candidate.host);
            findings.routed(self.router.object.place(), &routing, by_hand);
        }
        if destinations.iter().any(|(_, destination)| destination.subset.is_some()) {
            self.inspect_subsets(findings, destinations.map(|(_, destination)| destination)).await;
        }
    }
}

impl VirtualService {
    /// Requests of a subset that nobody names fail.
    async fn inspect_subsets(&self, findings: &mut Findings, destinations: [&Destination; 2]) {
        let dialect = &self.router.shape.dialect;
        let version = &self.router.object.kind().api_version;
        let what = "whether the subsets are named";
        let Some(rules) = findings.list(version, "DestinationRule", &self.namespace, what).await else {
            return;
        };
        for Destination { host, subset } in destinations {
            let Some(subset) = subset else { continue };
            let of_host = |rule: &&Value| {
                rule["spec"]["host"].as_str().is_some_and(|of| dialect.full(of) == dialect.full(host))
            };
            let subsets =
                rules.iter().filter(of_host).filter_map(|rule| rule["spec"]["subsets"].as_array()).flatten();
            if !subsets.into_iter().any(|one| one["name"] == **subset) {
                findings.error(
                    self.router.object.place(),
                    format!("no DestinationRule of the host {host} names the subset {subset}: its requests fail"),
                    "name it in one, with the labels of its pods; the candidate's say `shepherd.rs/track: candidate`" ,
                );
            }
        }
    }
}

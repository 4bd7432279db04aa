use std::collections::BTreeSet;

use async_trait::async_trait;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use shepherd_core::model::{Track, Verdict};
use shepherd_core::ports::{CheckContext, HealthGate, PortError};

use super::Tracks;
use super::side::Side;
use crate::watch::Version;
use crate::workload::endpoints::{endpoints, pod, slices_of};
use crate::workload::pods;

/// Passes when the Service of a track leads to that track, and to nothing else: every ready pod of the track is among
/// the endpoints, and every ready endpoint is a pod of the track's present revision.
///
/// It fails with the address that leads elsewhere, or with the pod that nobody is sent to. Without any slice it is
/// inconclusive: there may be no such Service.
///
/// # Cancel safety
/// It only reads.
///
/// ```no_run
/// # fn example(tracks: shepherd_kube::gate::Tracks) {
/// let gate = shepherd_kube::gate::Endpoints::of(tracks, "web", "web-candidate");
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Endpoints {
    pub(super) tracks: Tracks,
    stable: String,
    candidate: String,
}

impl Endpoints {
    /// Asks about these, behind the Services of these names.
    pub fn of(tracks: Tracks, stable: impl Into<String>, candidate: impl Into<String>) -> Self {
        Self { tracks, stable: stable.into(), candidate: candidate.into() }
    }

    async fn slices(&self, service: &str, at: Version) -> Result<Vec<EndpointSlice>, PortError> {
        self.tracks.list(&format!("Service {service}"), &slices_of(service), at).await
    }

    pub(super) fn service(&self, track: Track) -> &str {
        match track {
            Track::Stable => &self.stable,
            Track::Candidate => &self.candidate,
        }
    }
}

#[async_trait]
impl HealthGate for Endpoints {
    async fn check(&self, context: &CheckContext) -> Result<Verdict, PortError> {
        let service = self.service(context.track);
        let side = match self.tracks.look(context).await? {
            Ok(side) => side,
            Err(reason) => return Ok(Verdict::Inconclusive(reason)),
        };
        let judged = judge(service, &side, self.slices(service, side.since).await?);
        if !matches!(judged, Verdict::Fail(_)) {
            return Ok(judged);
        }
        // Endpoints from before the Service was led to these pods are as new as the Deployment, and no reason to fail.
        Ok(judge(service, &side, self.slices(service, Version::UNKNOWN).await?))
    }
}

fn judge(service: &str, side: &Side, slices: Vec<EndpointSlice>) -> Verdict {
    if slices.is_empty() {
        return Verdict::Inconclusive(
            format!("Service {service} has no EndpointSlices; is there one?").into(),
        );
    }
    let all = endpoints(slices);
    let ready: Vec<_> = all.iter().filter(|endpoint| is_ready(endpoint)).collect();
    if ready.is_empty() {
        let count = all.len();
        return Verdict::Fail(format!("none of the {count} endpoints of Service {service} is ready").into());
    }
    let ours: BTreeSet<_> = side.pods.iter().map(pods::name).collect();
    let place = &side.place;
    if let Some(stray) = ready.iter().find(|endpoint| pod(endpoint).is_none_or(|pod| !ours.contains(pod))) {
        let said = format!("Service {service} leads to {}, which is no pod of {place}", told(stray));
        return Verdict::Fail(said.into());
    }
    let behind: BTreeSet<_> = ready.iter().filter_map(|endpoint| pod(endpoint)).collect();
    let missing = side.pods.iter().filter(|pod| pods::unready(pod).is_none()).map(pods::name);
    if let Some(missing) = missing.into_iter().find(|pod| !behind.contains(pod)) {
        let said = format!("pod {missing} is ready, and not among the endpoints of Service {service}");
        return Verdict::Fail(said.into());
    }
    Verdict::Pass(
        format!("Service {service} leads to {} pods of {place}, and to no others", behind.len()).into(),
    )
}

/// What is not said is taken for ready, as those who route do.
fn is_ready(endpoint: &Endpoint) -> bool {
    endpoint.conditions.as_ref().and_then(|conditions| conditions.ready) != Some(false)
}

fn told(endpoint: &Endpoint) -> String {
    let address = endpoint.addresses.join(", ");
    match pod(endpoint) {
        Some(pod) => format!("{address} (pod {pod})"),
        None => address,
    }
}

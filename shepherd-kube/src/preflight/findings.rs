use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use kube::Client;
use shepherd_core::model::{Revision, RolloutId, Routing, Track};

use super::pulled::Asked;
use super::{Finding, Report, Severity};
use crate::object::failure;

/// What was found so far. Told to it, too, is what Shepherd will write.
pub struct Findings {
    pub(super) client: Client,
    found: Vec<Finding>,
    writes: BTreeMap<String, BTreeSet<String>>,
    /// The verbs that this client was found not to have.
    pub(super) forbidden: BTreeSet<String>,
    /// The objects of which the server refuses a write already.
    pub(super) refused: BTreeSet<String>,
    /// The Services that the tracks are behind, as routers said.
    pub(super) services: Vec<Behind>,
    /// Who sends users to a candidate already, as routers said.
    met: Vec<Met>,
    /// The revision that is to come, where it was said.
    pub(crate) candidate: Option<Revision>,
    /// Who is asked for its images.
    pub(super) images: Option<Asked>,
    /// How many replicas the candidate has at most; as many as stable where nothing was said.
    pub(super) replicas: Option<u32>,
}

/// An object that sends users to a candidate before a rollout begins.
#[derive(Debug, Clone)]
pub(crate) struct Met {
    pub(crate) place: String,
    pub(crate) rollout: RolloutId,
    /// What takes them off where no rollout does.
    pub(crate) by_hand: String,
}

/// A Service that sends to the pods of one track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Behind {
    pub(super) namespace: String,
    pub(super) service: String,
    pub(super) track: Track,
    /// Which track that is, changes with every rollout: it is not what the selector says before one.
    pub(super) switched: bool,
}

impl Findings {
    /// Something because of which a rollout would fail or harm users.
    pub fn error(&mut self, object: impl Into<String>, what: impl Into<String>, remedy: impl Into<String>) {
        self.push(finding(Severity::Error, object, what, remedy));
    }

    /// Something that somebody should know before.
    pub fn warning(&mut self, object: impl Into<String>, what: impl Into<String>, remedy: impl Into<String>) {
        self.push(finding(Severity::Warning, object, what, remedy));
    }

    /// Something because of which a rollout would fail now, and that passes by itself.
    pub fn passing(&mut self, object: impl Into<String>, what: impl Into<String>, remedy: impl Into<String>) {
        self.push(Finding { passing: true, ..finding(Severity::Error, object, what, remedy) });
    }

    /// Something because of which this revision cannot be rolled out at all.
    pub(crate) fn error_of_candidate(
        &mut self,
        object: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.push(Finding { of_candidate: true, ..finding(Severity::Error, object, what, remedy) });
    }

    /// Something that somebody should know of this revision before.
    pub(super) fn warning_of_candidate(
        &mut self,
        object: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.push(Finding { of_candidate: true, ..finding(Severity::Warning, object, what, remedy) });
    }

    /// What will be written in this object during a rollout.
    pub fn writes<F: Into<String>>(
        &mut self,
        object: impl Into<String>,
        fields: impl IntoIterator<Item = F>,
    ) {
        self.writes.entry(object.into()).or_default().extend(fields.into_iter().map(Into::into));
    }

    /// Something that the server did not answer: nobody knows whether it is right.
    pub(crate) fn unchecked(&mut self, object: &str, what: &str, error: kube::Error) {
        let denied = matches!(&error, kube::Error::Api(status) if status.code == 403);
        let remedy = if denied {
            "look at it yourself, or let this client's role read it".to_owned()
        } else {
            "look at it yourself, or check again".to_owned()
        };
        let why = failure(object, error).failure().message.clone();
        self.warning(object, format!("{what} cannot be checked: {why}"), remedy);
    }

    /// What runs nothing has nothing to be replaced, and no share of it can be had.
    pub(super) fn empty(&mut self, place: &str, remedy: &str) {
        self.error(place, "it shall have 0 replicas, of which none can be rolled out", remedy);
    }

    /// Users of a track come through this Service.
    pub(crate) fn behind(&mut self, namespace: &str, service: &str, track: Track) {
        self.know(namespace, service, track, false);
    }

    /// Users of the candidate come through this Service once a rollout has begun.
    pub(crate) fn behind_later(&mut self, namespace: &str, service: &str) {
        self.know(namespace, service, Track::Candidate, true);
    }

    /// What an object says of traffic. By hand users are taken off the candidate so.
    pub(crate) fn routed(&mut self, place: &str, routing: &Routing, by_hand: String) {
        let Some(mark) = routing.mark.as_ref().filter(|_| !routing.exposure.is_off()) else { return };
        let chosen = !routing.exposure.matches.is_empty() || !routing.exposure.mirror.is_zero();
        let by_hand = if chosen {
            format!("{by_hand}, and take away what chooses or copies requests for it")
        } else {
            by_hand
        };
        self.met.push(Met { place: place.to_owned(), rollout: mark.fence.rollout.clone(), by_hand });
    }

    /// Who sends users to a candidate already.
    pub(crate) fn met(&self) -> Vec<Met> {
        self.met.clone()
    }

    fn know(&mut self, namespace: &str, service: &str, track: Track, switched: bool) {
        let behind = Behind { namespace: namespace.to_owned(), service: service.to_owned(), track, switched };
        if !self.services.contains(&behind) {
            self.services.push(behind);
        }
    }

    pub(super) fn new(
        client: Client,
        candidate: Option<Revision>,
        images: Option<Asked>,
        replicas: Option<u32>,
    ) -> Self {
        Self {
            client,
            found: Vec::new(),
            writes: BTreeMap::new(),
            forbidden: BTreeSet::new(),
            refused: BTreeSet::new(),
            services: Vec::new(),
            met: Vec::new(),
            candidate,
            images,
            replicas,
        }
    }

    pub(super) fn into_report(self, server: Option<String>) -> Report {
        Report::new(server, self.found, self.writes)
    }

    /// Two adapters may find the same.
    fn push(&mut self, finding: Finding) {
        if !self.found.contains(&finding) {
            self.found.push(finding);
        }
    }
}

fn finding(
    severity: Severity,
    object: impl Into<String>,
    what: impl Into<String>,
    remedy: impl Into<String>,
) -> Finding {
    let (object, what, remedy) = (object.into(), what.into(), remedy.into());
    Finding { severity, object, what, remedy, passing: false, of_candidate: false }
}

impl fmt::Debug for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Findings").field("found", &self.found).finish_non_exhaustive()
    }
}

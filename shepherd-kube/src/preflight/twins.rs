//! A Deployment, and another one that is made after it.

use serde_json::{Map, Value};
use shepherd_core::model::Track;

use super::Findings;
use super::findings::Behind;
use super::selectors::{catches, sends_to, text};
use crate::workload::twin::TRACK;

/// Stable's Deployment, and the template of the candidate's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Twins<'a> {
    /// Stable's kind and name.
    pub(crate) place: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) stable: &'a Value,
    pub(crate) template: &'a Value,
    /// The container of it that is rolled out, where it was found.
    pub(crate) container: Option<usize>,
    /// Whether what selects stable's pods is meant to select the candidate's too.
    pub(crate) shared: bool,
}

/// What selects pods beside Services: its API version and kind, and the field with its selector.
const SELECTING: [(&str, &str, &str); 2] = [
    ("policy/v1", "PodDisruptionBudget", "selector"),
    ("networking.k8s.io/v1", "NetworkPolicy", "podSelector"),
];

impl Findings {
    /// Whether the candidate can stand beside stable, and each is reached by whom it should be.
    pub(crate) async fn twins(&mut self, twins: &Twins<'_>) {
        self.settled(twins.place, twins.stable);
        self.own_selector(twins);
        self.template(twins.place, twins.namespace, twins.template, twins.container, true).await;
        self.pulled(twins.place, &twins.stable["spec"]["template"], twins.template).await;
        self.reached(twins).await;
        for (version, kind, field) in SELECTING {
            let what = "whether it is for the pods of both tracks";
            for one in self.list(version, kind, twins.namespace, what).await.unwrap_or_default() {
                self.meant_for_both(twins, kind, &one, &one["spec"][field]);
            }
        }
        let replicas = twins.stable["spec"]["replicas"].as_u64().unwrap_or(1);
        let pods = self.replicas.unwrap_or(u32::try_from(replicas).unwrap_or(u32::MAX));
        self.quotas(twins.namespace, twins.template, pods).await;
    }

    /// Nothing of an earlier rollout is under way.
    fn settled(&mut self, place: &str, deployment: &Value) {
        let (spec, status) = (&deployment["spec"], &deployment["status"]);
        if spec["paused"] == true {
            let remedy = format!("`kubectl rollout resume` it: {place} starts no new pods until then");
            return self.error(place, "it is paused", remedy);
        }
        let desired = spec["replicas"].as_u64().unwrap_or(1);
        if desired == 0 {
            return self.empty(place, "scale it up first, such as by `kubectl scale --replicas`");
        }
        let count = |field: &str| status[field].as_u64().unwrap_or(0);
        let [all, updated, available] = ["replicas", "updatedReplicas", "availableReplicas"].map(count);
        let seen = status["observedGeneration"].as_u64() >= deployment["metadata"]["generation"].as_u64();
        if seen && [all, updated, available] == [desired; 3] {
            return;
        }
        self.passing(
            place,
            format!(
                "its previous rollout has not finished: of {desired} replicas {updated} are updated and {available} \
                 available, and {all} are there"
            ),
            "wait until it has (`kubectl rollout status`), or undo it",
        );
    }

    /// Stable's Deployment would take the candidate's pods for its own.
    fn own_selector(&mut self, twins: &Twins<'_>) {
        if !twins.shared && catches(&twins.stable["spec"]["selector"], twins.labels()) {
            self.error(
                twins.place,
                "its selector catches both tracks: it would catch the candidate's pods as well",
                "give its selector a label under `matchLabels`, which means making the Deployment anew",
            );
        }
    }

    async fn reached(&mut self, twins: &Twins<'_>) {
        let named: Vec<_> =
            self.services.iter().filter(|one| one.namespace == twins.namespace).cloned().collect();
        for behind in named.iter().filter(|one| !one.switched) {
            self.named_service(twins, behind, &named).await;
        }
        let what = "whether one that nobody named sends to the candidate's pods too";
        let all = self.list("v1", "Service", twins.namespace, what).await.unwrap_or_default();
        let is_named = |one: &Value| named.iter().any(|named| one["metadata"]["name"] == *named.service);
        for other in all.iter().filter(|one| !is_named(one)) {
            self.other_service(twins, other);
        }
    }

    /// One that a router sends to, or whose endpoints are waited for. It is asked for by its name, which a smaller role
    /// grants than a list of all.
    async fn named_service(&mut self, twins: &Twins<'_>, behind: &Behind, named: &[Behind]) {
        let Behind { service, track, .. } = behind;
        let both = named.iter().filter(|one| one.service == *service).count() > 1;
        match self.get("v1", "Service", Some(twins.namespace), service).await {
            Ok(found) => self.sends_to_its_track(twins, &found, *track, both),
            Err(kube::Error::Api(status)) if status.code == 404 => self.error(
                twins.service(service),
                "it does not exist",
                twins.selector(*track, both).map_or_else(
                    || "create it, or correct its name".to_owned(),
                    |selector| format!("create it with the selector {selector}, or correct its name"),
                ),
            ),
            Err(error) => {
                self.unchecked(
                    &twins.service(service),
                    &format!("whether it sends to {track}'s pods"),
                    error,
                );
            }
        }
    }

    /// `both` when the tracks share it on purpose.
    fn sends_to_its_track(&mut self, twins: &Twins<'_>, service: &Value, track: Track, both: bool) {
        let name = service["metadata"]["name"].as_str().unwrap_or_default();
        let selector = &service["spec"]["selector"];
        let [own, other] = [track, track.other()].map(|one| sends_to(selector, twins.labels_of(one)));
        let remedy = twins.narrowed(track, both);
        if !own {
            let what = format!("its selector {} catches no pod of {track}'s", text(selector));
            // It may well be the right one for the other track's users.
            let named = if other && !both { ", or name another Service for it" } else { "" };
            self.error(twins.service(name), what, remedy + named);
        } else if other && !twins.shared && !both {
            let what = format!("its selector {} catches both tracks", text(selector));
            self.error(twins.service(name), what, remedy);
        }
    }

    /// One that nobody named, and that has to do with stable.
    fn other_service(&mut self, twins: &Twins<'_>, service: &Value) {
        let name = service["metadata"]["name"].as_str().unwrap_or_default();
        let selector = &service["spec"]["selector"];
        let [stable, candidate] =
            [twins.stable_labels(), twins.labels()].map(|labels| sends_to(selector, labels));
        if stable && candidate && !twins.shared {
            self.warning(
                twins.service(name),
                format!("its selector {} catches both tracks: whoever uses it meets the candidate whatever its weight", text(selector)),
                "narrow its selector, if users come through it",
            );
        } else if stable && !candidate && !self.services.is_empty() {
            self.warning(
                twins.service(name),
                "it sends to stable's pods and to none of the candidate's",
                "nothing, if it shall be so; else make another one like it for the candidate's pods",
            );
        }
    }

    fn meant_for_both(&mut self, twins: &Twins<'_>, kind: &str, one: &Value, selector: &Value) {
        let name = one["metadata"]["name"].as_str().unwrap_or_default();
        let place = format!("{kind} {}/{name}", twins.namespace);
        let [stable, candidate] =
            [twins.stable_labels(), twins.labels()].map(|labels| catches(selector, labels));
        if stable && !candidate {
            let labels = twins.selector(Track::Candidate, false).filter(|_| !twins.shared);
            let pods =
                labels.map_or("the candidate's pods".to_owned(), |labels| format!("pods with {labels}"));
            let remedy = format!("make another one like it for {pods}");
            self.warning(place, "it is for stable's pods and for none of the candidate's", remedy);
        } else if stable && kind == "PodDisruptionBudget" {
            self.warning(
                place,
                "it counts the candidate's pods with stable's: while both run, more of stable's may be evicted",
                "let it select stable's pods only, and make another one for the candidate's",
            );
        }
    }
}

impl Twins<'_> {
    fn stable_labels(&self) -> &Value {
        &self.stable["spec"]["template"]["metadata"]["labels"]
    }

    fn labels(&self) -> &Value {
        &self.template["metadata"]["labels"]
    }

    fn labels_of(&self, track: Track) -> &Value {
        match track {
            Track::Stable => self.stable_labels(),
            Track::Candidate => self.labels(),
        }
    }

    /// What makes a Service one of its track, or of `both`.
    fn narrowed(&self, track: Track, both: bool) -> String {
        match self.selector(track, both) {
            Some(selector) => format!("make its selector {selector}"),
            None if both => "name a Service for each of the two tracks".to_owned(),
            None => format!("make it select a label that only {track}'s pods have"),
        }
    }

    /// What selects the pods of one track, or of `both`: of the labels by which stable's are selected, those of that
    /// track. None where that would catch others, or nobody. The label of Shepherd's own is only on one side, and goes
    /// with a change of roles.
    fn selector(&self, track: Track, both: bool) -> Option<String> {
        let [own, other] = [track, track.other()].map(|one| self.labels_of(one));
        let keys = self.stable["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten();
        let usable = keys.filter(|(key, _)| *key != TRACK && (!both || own.get(*key) == other.get(*key)));
        let terms = usable.filter_map(|(key, _)| Some((key.clone(), own.get(key)?.clone())));
        let selector = Value::Object(terms.collect::<Map<_, _>>());
        let fits = sends_to(&selector, own) && sends_to(&selector, other) == (self.shared || both);
        fits.then(|| text(&selector))
    }

    fn service(&self, name: &str) -> String {
        format!("Service {}/{name}", self.namespace)
    }
}

//! What the selectors of two Services say about which Deployment is which.

use serde_json::{Map, Value};
use shepherd_core::model::Track;
use shepherd_core::ports::PortError;

use super::side::{Cast, Side};
use crate::object::{Edit, STABLE, annotation, refused};
use crate::preflight::{selector_text, sends_to};
use crate::watch::Seen;

/// The two Deployments and the two Services, in one look.
pub(super) struct Scene {
    /// Kind, namespace and name of stable's Service, as errors give it.
    pub(super) place: String,
    pub(super) names: [String; 2],
    /// The Deployments, the owned one first; the other one may not be there yet.
    pub(super) deployments: [Option<Seen>; 2],
    /// The Services, stable's first.
    pub(super) services: [Seen; 2],
    /// What the pods of each Deployment carry, or will carry.
    pub(super) labels: [Value; 2],
}

/// Who is who: in the rollout that has the Services now, and for users at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Roles {
    /// Stable when the rollout began. The way back leads to it, and a promotion away from it.
    pub(super) old: Side,
    /// What stable's Service sends to; none when it is the pods of neither or of both.
    pub(super) serves: Option<Side>,
    /// What the candidate's Service sends to.
    pub(super) shows: Option<Side>,
}

impl Roles {
    /// Whether the promotion has moved stable's Service.
    pub(super) fn switched(self) -> bool {
        self.serves == Some(self.old.other())
    }

    /// Between the switch and the end of the old pods both tracks are the new Deployment: users of both Services meet it.
    pub(super) fn cast(self) -> Cast {
        let retired = self.switched() && self.shows == Some(self.old);
        let candidate = if retired { self.old } else { self.old.other() };
        Cast { stable: self.serves.unwrap_or(self.old), candidate }
    }
}

impl Scene {
    /// # Errors
    /// Permanent when nothing says which Deployment is stable.
    pub(super) fn roles(&self) -> Result<Roles, PortError> {
        let [stable, candidate] = Track::BOTH.map(|track| self.service(track));
        let old = self.began(stable)?;
        Ok(Roles { old, serves: self.selected(stable), shows: self.selected(candidate) })
    }

    /// The Deployment that was stable when the present rollout began.
    pub(super) fn began(&self, service: &Value) -> Result<Side, PortError> {
        let Some(said) = annotation(service, STABLE) else { return self.serving(service) };
        Side::BOTH.into_iter().find(|side| self.name(*side) == said).ok_or_else(|| {
            let why =
                format!("its annotation {STABLE} says {said:?}, which is neither Deployment; remove it");
            refused(&self.place, why)
        })
    }

    /// The Deployment to whose pods stable's Service sends.
    pub(super) fn serving(&self, service: &Value) -> Result<Side, PortError> {
        self.selected(service).ok_or_else(|| refused(&self.place, self.astray(service)))
    }

    /// The Deployment to whose pods, and no others of the two, a Service sends.
    pub(super) fn selected(&self, service: &Value) -> Option<Side> {
        let caught = Side::BOTH.map(|side| sends_to(&service["spec"]["selector"], self.labels_of(side)));
        match caught {
            [true, false] => Some(Side::Owned),
            [false, true] => Some(Side::Made),
            _ => None,
        }
    }

    /// Why a Service is of no use, and what would be.
    pub(super) fn astray(&self, service: &Value) -> String {
        let selector = selector_text(&service["spec"]["selector"]);
        let [owned, made] = &self.names;
        format!(
            "its selector {selector:?} must catch the pods of Deployment {owned} or {made}, and not of both"
        )
    }

    /// The selector of a Service, led to the pods of a side: the same labels, with the values that those have.
    pub(super) fn selector(&self, service: &Value, side: Side) -> Result<Map<String, Value>, String> {
        let labels = self.labels_of(side);
        let keys = service["spec"]["selector"].as_object().into_iter().flatten();
        keys.map(|(key, _)| match labels.get(key) {
            Some(value) => Ok((key.clone(), value.clone())),
            None => Err(format!(
                "its selector names the label {key}, which the pods of Deployment {} do not have; take it out",
                self.name(side)
            )),
        })
        .collect()
    }

    /// Leads a Service to the pods of a side.
    pub(super) fn lead(&self, edit: &mut Edit<'_>, service: &Value, side: Side) -> Result<(), String> {
        edit.relies_on(&["spec", "selector"]);
        for (key, value) in self.selector(service, side)? {
            edit.set(&["spec", "selector", &key], value);
        }
        Ok(())
    }

    /// Whether it tells which Deployment serves, and that one is there.
    pub(super) fn is_plain(&self) -> bool {
        let serves = self.roles().ok().and_then(|roles| roles.serves);
        serves.is_some_and(|side| self.deployment(side).is_some())
    }

    pub(super) fn deployment(&self, side: Side) -> Option<&Value> {
        self.deployments[side as usize].as_ref().map(|seen| &*seen.object)
    }

    pub(super) fn service(&self, track: Track) -> &Value {
        &self.service_seen(track).object
    }

    /// A Deployment as that of a track, whose endpoints belong to the Service of the track as well: those from before it
    /// was led there count no more than those from before the Deployment changed.
    pub(super) fn seen_as(&self, track: Track, side: Side) -> Option<Seen> {
        let deployment = self.deployments[side as usize].as_ref()?;
        let since = deployment.since.max(self.service_seen(track).since);
        Some(Seen { object: deployment.object.clone(), since })
    }

    pub(super) fn name(&self, side: Side) -> &str {
        &self.names[side as usize]
    }

    fn service_seen(&self, track: Track) -> &Seen {
        &self.services[usize::from(track == Track::Candidate)]
    }

    fn labels_of(&self, side: Side) -> &Value {
        &self.labels[side as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scene(stable: &Value, candidate: &Value, began: Option<&str>) -> Scene {
        let service = |selector: &Value, began: Option<&str>| {
            let annotations = json!({STABLE: began});
            let service = json!({"metadata": {"annotations": annotations}, "spec": {"selector": selector}});
            Seen::directly(service.into())
        };
        Scene {
            place: "Service shop/web".to_owned(),
            names: ["web", "web-candidate"].map(str::to_owned),
            deployments: [None, None],
            services: [service(stable, began), service(candidate, None)],
            labels: [json!({"app": "web", "tier": "front"}), json!({"app": "next", "tier": "front"})],
        }
    }

    fn cast(stable: &str, candidate: &str, began: Option<&str>) -> (Side, Side, bool) {
        let roles = scene(&json!({"app": stable}), &json!({"app": candidate}), began).roles().unwrap();
        (roles.cast().stable, roles.cast().candidate, roles.switched())
    }

    #[test]
    fn two_selectors_tell_how_far_a_rollout_is() {
        use Side::{Made, Owned};
        for began in [None, Some("web")] {
            assert_eq!(cast("web", "next", began), (Owned, Made, false));
        }
        assert_eq!(cast("next", "next", Some("web")), (Made, Made, true));
        assert_eq!(cast("next", "web", Some("web")), (Made, Owned, true));
        // And the rollout after it, the other way round.
        assert_eq!(cast("next", "web", Some("web-candidate")), (Made, Owned, false));
        assert_eq!(cast("web", "web", Some("web-candidate")), (Owned, Owned, true));
        assert_eq!(cast("web", "next", Some("web-candidate")), (Owned, Made, true));
    }

    #[test]
    fn whoever_edits_a_selector_exchanges_no_roles() {
        let astray = scene(&json!({"app": "api"}), &json!({"app": "next"}), Some("web")).roles().unwrap();
        assert_eq!((astray.cast(), astray.serves), (Cast::FIXED, None));
        let both = scene(&json!({"tier": "front"}), &json!({"app": "next"}), None);
        let error = both.roles().unwrap_err().to_string();
        assert!(
            error.contains("\"tier=front\" must catch the pods of Deployment web or web-candidate"),
            "{error}"
        );
    }

    #[test]
    fn a_selector_keeps_its_labels() {
        let scene =
            scene(&json!({"app": "web", "tier": "front"}), &json!({"app": "next", "zone": "a"}), None);
        let led = scene.selector(scene.service(Track::Stable), Side::Made).unwrap();
        assert_eq!(Value::Object(led), json!({"app": "next", "tier": "front"}));
        let error = scene.selector(scene.service(Track::Candidate), Side::Owned).unwrap_err();
        assert!(error.contains("the label zone, which the pods of Deployment web do not have"), "{error}");
    }
}

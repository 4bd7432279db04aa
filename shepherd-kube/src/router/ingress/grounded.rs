use async_trait::async_trait;
use serde_json::Value;
use shepherd_core::model::Track;

use super::IngressCanary;
use super::made;
use super::pair::rivals;
use super::paths::class;
use crate::object::MARK;
use crate::preflight::{Findings, Grounded, Need, rehearsed_mark};

/// How controllers of this family call themselves, whatever stands behind it where there are several.
const CONTROLLER: &str = "k8s.io/ingress-nginx";

#[async_trait]
impl Grounded for IngressCanary {
    fn namespace(&self) -> &str {
        &self.namespace
    }

    async fn inspect(&self, findings: &mut Findings) {
        let canary = &self.router.object;
        let verbs: &[&str] = if self.makes { &["get", "patch", "create"] } else { &["get", "patch"] };
        findings.needs(&self.namespace, &[Need::on(&self.main, &["get"]), Need::on(canary, verbs)]).await;
        findings.watches(canary.reach(), &self.namespace, &[Need::watched(canary)]).await;
        findings.behind(&self.namespace, &self.stable, Track::Stable);
        findings.behind(&self.namespace, &self.candidate, Track::Candidate);
        let (annotations, mark) = ("annotations of the canary", format!("annotation {MARK}"));
        findings.writes(canary.place(), [annotations, &mark]);
        let main = findings.present(&self.main).await;
        if let Some(main) = &main {
            self.class_of(findings, main).await;
            self.rivals_of(findings, main).await;
        }
        match (findings.find(canary).await, main) {
            (Some(Some(there)), main) => self.inspect_canary(findings, main.as_deref(), &there).await,
            (Some(None), Some(main)) if self.makes => self.inspect_made(findings, &main).await,
            (Some(None), _) if !self.makes => findings.error(
                canary.place(),
                "it does not exist",
                "create it, correct its name, or let Shepherd make it with `.made_from_main()`",
            ),
            _ => {}
        }
    }
}

impl IngressCanary {
    async fn inspect_canary(&self, findings: &mut Findings, main: Option<&Value>, there: &Value) {
        let canary = &self.router.object;
        findings.claims(canary, there).await;
        findings.owned_by_tools(canary.place(), there, &["/metadata/annotations".to_owned()]);
        self.router.inspect_exposure(findings, there);
        if let Ok(routing) = self.router.routing(there) {
            let by_hand = format!("set its annotation {} to 0", self.router.shape.keys.weight());
            findings.routed(canary.place(), &routing, by_hand);
        }
        let Some(main) = main else { return };
        let follows = self.spec_to_follow(main, there);
        if let Err(error) = follows.and_then(|spec| self.compare(main, there, spec.as_ref())) {
            self.mistake(findings, error.failure().message.clone());
        }
    }

    async fn inspect_made(&self, findings: &mut Findings, main: &Value) {
        let Some(mark) = rehearsed_mark() else { return };
        let spec = match self.spec(main) {
            Ok(spec) => spec,
            Err(error) => {
                let remedy = "name stable's Service with `.services(..)`, or send a path to it";
                return findings.error(self.main.place(), error.failure().message.clone(), remedy);
            }
        };
        let made = made::canary(main, &self.name, &self.router.shape.keys, &spec, &mark);
        match self.compare(main, &made, None) {
            Ok(()) => findings.makes(&self.router.object, &made).await,
            Err(error) => self.mistake(findings, error.failure().message.clone()),
        }
    }

    fn mistake(&self, findings: &mut Findings, what: String) {
        findings.error(self.router.object.place(), what, "correct it, or what the router was told of it");
    }

    /// Of several canaries of one path the controller heeds one.
    async fn rivals_of(&self, findings: &mut Findings, main: &Value) {
        let what = "whether another canary has the same paths";
        let all = findings.list("networking.k8s.io/v1", "Ingress", &self.namespace, what).await;
        for rival in rivals(&self.router.shape.keys, main, &self.name, &all.unwrap_or_default()) {
            findings.error(
                format!("Ingress {}/{rival}", self.namespace),
                format!("it is another canary of {}: the controller heeds only one", self.main.name()),
                format!("delete it, or take its annotation {}", self.router.shape.keys.canary()),
            );
        }
    }

    /// To another controller the annotations mean nothing, and the canary is an Ingress like every other.
    async fn class_of(&self, findings: &mut Findings, main: &Value) {
        let Some(name) = class(main) else {
            let remedy = "say `spec.ingressClassName`, unless the controller was told to heed such too";
            return findings.warning(self.main.place(), "it has no class", remedy);
        };
        let place = format!("IngressClass {name}");
        let found = match findings.get("networking.k8s.io/v1", "IngressClass", None, name).await {
            Ok(found) => found,
            Err(kube::Error::Api(status)) if status.code == 404 => {
                // The old annotation names no object.
                if main["spec"]["ingressClassName"].is_string() {
                    let what = format!("{} is of this class, which does not exist", self.main.place());
                    findings.error(place, what, "create it, or correct the class");
                }
                return;
            }
            Err(error) => {
                return findings.unchecked(&place, "whether its controller is ingress-nginx", error);
            }
        };
        let controller = found["spec"]["controller"].as_str().unwrap_or_default();
        if !controller.starts_with(CONTROLLER) && self.router.shape.keys.are_usual() {
            findings.error(
                place,
                format!("its controller is {controller}, to which annotations of ingress-nginx mean nothing"),
                format!("use a class of {CONTROLLER}, say its prefix with `.annotations_prefix(..)`, or another router"),
            );
        }
    }
}

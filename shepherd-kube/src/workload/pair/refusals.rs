//! What a promotion by a switch cannot live with.

use kube::Error;
use shepherd_core::model::Track;
use shepherd_core::ports::PortError;

use super::DeploymentPair;
use super::Labels;
use super::scene::Scene;
use super::side::Side;
use crate::object::{Object, failure, refused};
use crate::preflight::{applied_by, list, scales};

const REMEDY: &str = "promote by copy";

impl DeploymentPair {
    /// Why this pair cannot promote by a switch, whatever the cluster has.
    pub(super) fn cannot_switch(&self) -> Option<String> {
        let why = match &self.services {
            _ if self.labels == Labels::Shared => {
                "with `Labels::Shared` no selector of a Service tells the pods of the two Deployments apart"
            }
            _ if self.autoscaler.is_some() => {
                "its autoscaler would stay with the old Deployment, and the new one would have none"
            }
            None => {
                return Some(
                    "a promotion by a switch moves a Service: name both with `.services(..)`".to_owned(),
                );
            }
            Some([stable, candidate]) if stable.name() == candidate.name() => {
                "a promotion by a switch needs a Service for each of the two Deployments, and one was named twice"
            }
            Some(_) => return None,
        };
        Some(format!("{why}; {REMEDY}"))
    }

    /// Refuses before anything is changed.
    pub(super) async fn check_switch(&self, scene: &Scene) -> Result<(), PortError> {
        if let Some((place, why, remedy)) = self.unswitchable(scene).into_iter().next() {
            return Err(refused(&place, format!("{why}; {remedy}")));
        }
        let autoscalers =
            list(self.client(), "autoscaling/v2", "HorizontalPodAutoscaler", &self.namespace).await;
        let place = format!("HorizontalPodAutoscaler in {}", self.namespace);
        let autoscalers = match autoscalers {
            Err(Error::Api(status)) if status.code == 404 => Vec::new(),
            other => other.map_err(|error| failure(&place, error))?,
        };
        for autoscaler in autoscalers {
            if let Some(side) =
                Side::BOTH.into_iter().find(|side| scales(&autoscaler, "Deployment", scene.name(*side)))
            {
                let name = autoscaler["metadata"]["name"].as_str().unwrap_or_default();
                let place = format!("HorizontalPodAutoscaler {}/{name}", self.namespace);
                let why =
                    format!("it scales Deployment {}, which changes roles in a switch", scene.name(side));
                return Err(refused(&place, format!("{why}; {REMEDY}")));
            }
        }
        Ok(())
    }

    /// What of the four objects does not go with a switch: where, why, and what to do.
    pub(super) fn unswitchable(&self, scene: &Scene) -> Vec<(String, String, String)> {
        let deployments = Side::BOTH.into_iter().filter_map(|side| {
            let there = scene.deployment(side)?;
            Some((self.deployment(side).place().to_owned(), there))
        });
        let services = self.services.iter().flatten().map(Object::place).map(str::to_owned);
        let services: Vec<_> = services.zip(Track::BOTH.map(|track| scene.service(track))).collect();
        let applied = deployments.chain(services.iter().cloned()).filter_map(|(place, there)| {
            let tool = applied_by(there)?;
            let why = format!("{tool} applies it, and would put it back after a switch");
            Some((
                place,
                why,
                format!("promote by copy, or let {tool} ship the revision (`PromoteBy::External`)"),
            ))
        });
        let mut found: Vec<_> = applied.collect();
        if let Some(unfit) = self.unfit_for_switch(scene) {
            // What its labels make of a Service says nothing of the Service.
            found.push(unfit);
            return found;
        }
        for (place, service) in &services {
            let why = if scene.selected(service).is_none() {
                Some(scene.astray(service))
            } else {
                Side::BOTH.into_iter().find_map(|side| scene.selector(service, side).err())
            };
            found.extend(why.map(|why| (place.clone(), why, "correct its selector".to_owned())));
        }
        found
    }

    /// The Deployment that Shepherd made, where no Service could tell its pods from those of the other one.
    fn unfit_for_switch(&self, scene: &Scene) -> Option<(String, String, String)> {
        if scene.selected(scene.service(Track::Stable)).is_some() {
            return None;
        }
        let [owned, made] = Side::BOTH.map(|side| scene.deployment(side));
        self.unfit(owned?, made?)
    }
}

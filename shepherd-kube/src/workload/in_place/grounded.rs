use async_trait::async_trait;
use serde_json::Value;
use shepherd_core::model::Track;

use super::kind::{Batch, Kind};
use super::one_object::InPlace;
use super::originals::Originals;
use super::shape::{Both, Shape};
use super::{InPlaceDaemonSet, InPlaceDeployment, InPlaceStatefulSet};
use crate::object::Edit;
use crate::preflight::{Findings, Grounded, InPlaceGround, Need, WATCHED};
use crate::workload::image;

macro_rules! grounded {
    ($($workload:ident),*) => {
        $(
            #[async_trait]
            impl Grounded for $workload {
                fn namespace(&self) -> &str {
                    self.0.object.namespace()
                }

                async fn inspect(&self, findings: &mut Findings) {
                    self.0.inspect(findings).await;
                }
            }
        )*
    };
}

grounded!(InPlaceDeployment, InPlaceStatefulSet, InPlaceDaemonSet);

impl<K: Kind> InPlace<K> {
    async fn inspect(&self, findings: &mut Findings) {
        let (versions, kept) = K::VERSIONS;
        let needs = [
            Need::on(&self.object, &["get", "patch"]),
            Need::all("apps", versions, kept),
            Need::all("", "pods", K::PODS),
        ];
        findings.needs(self.object.namespace(), &needs).await;
        let watched = [
            Need::watched(&self.object),
            Need::all("apps", versions, WATCHED),
            Need::all("", "pods", WATCHED),
        ];
        findings.watches(self.object.reach(), self.object.namespace(), &watched).await;
        self.intentions(findings);
        let Some(there) = findings.present(&self.object).await else { return };
        let container = match self.container_of(&there) {
            Ok(container) => Some(container),
            Err(error) => {
                let remedy = "name one of its containers with `.container(..)`";
                findings.error(self.place(), error.failure().message.clone(), remedy);
                None
            }
        };
        findings.owned_by_tools(self.place(), &there, &fields::<K>(container));
        let Some(container) = container else { return };
        let mut template = there["spec"]["template"].clone();
        if let Some(revision) = &findings.candidate {
            template = image::with(template, container, revision);
        }
        findings.pulled(self.place(), &there["spec"]["template"], &template).await;
        if !self.under_way(findings, &there).await {
            self.inspect_rest(findings, &there, &template, container).await;
        }
    }

    /// A rollout that has begun is gone on with: the object is as that has made it. Answers whether there is one.
    async fn under_way(&self, findings: &mut Findings, there: &Value) -> bool {
        let shape = match self.shape(there) {
            Ok((_, shape)) => shape,
            Err(error) => {
                findings.error(self.place(), error.failure().message.clone(), "remove the annotation");
                return true;
            }
        };
        if !matches!(shape, Shape::Both(_)) {
            return false;
        }
        findings.claims(&self.object, there).await;
        findings.warning(
            self.place(),
            "it runs two revisions already, by a rollout that has not ended",
            "start that rollout again and let it end",
        );
        true
    }

    async fn inspect_rest(&self, findings: &mut Findings, there: &Value, template: &Value, container: usize) {
        if let Some((obstacle, remedy)) = K::obstacle(there) {
            findings.error(self.place(), obstacle, remedy);
        }
        findings.claims_with(&self.object, there, |edit| first_batch::<K>(edit, there)).await;
        findings.renews(&self.object, there, template).await;
        let [all, updated, available] = K::counts(there);
        findings
            .in_place(&InPlaceGround {
                place: self.place(),
                kind: K::NAME,
                name: self.object.name(),
                namespace: self.object.namespace(),
                object: there,
                container,
                surges: K::SURGES,
                counts: [K::size(there).into(), all, updated, available],
            })
            .await;
    }

    fn intentions(&self, findings: &mut Findings) {
        let changed = K::FIELDS.iter().map(|field| format!("spec.{field} until the rollout ends"));
        let own = ["the image of one container", "four annotations of shepherd.rs"].map(str::to_owned);
        findings.writes(self.place(), changed.chain(own));
        let place = self.place();
        if K::TURNS {
            findings.writes(format!("ReplicaSets of {place}"), ["spec.minReadySeconds, on the way back"]);
        } else {
            findings.writes(format!("Pods of {place}"), ["some are deleted, to be made anew"]);
        }
    }
}

/// What holds the object to a batch of one, as the first write of a rollout does.
fn first_batch<K: Kind>(edit: &mut Edit<'_>, object: &Value) {
    let all = K::size(object);
    if all == 0 {
        return;
    }
    let left = if K::SURGES { all } else { all - 1 };
    Originals::keep(edit, object, K::FIELDS);
    let both = Both { coming: Track::Candidate, come: 1, left };
    K::hold(edit, &Batch { object, originals: None, both, all, never_touched: left });
}

/// What is written, as pointers.
fn fields<K: Kind>(container: Option<usize>) -> Vec<String> {
    let image = format!("/spec/template/spec/containers/{}/image", container.unwrap_or_default());
    K::FIELDS.iter().map(|field| format!("/spec/{field}")).chain([image]).collect()
}

//! Going back to a template whose replicas were there all the time.
//!
//! The set of that template becomes the new one of its Deployment, and takes its `minReadySeconds`. But what of it is
//! available by then only the next look at the pods finds out: in between the controller still takes all of them for
//! available, and lets as many others end. So the set is told first, while it is still the old one, where it changes
//! nothing; and the template follows when the controller itself counts none of it any more.

use k8s_openapi::api::apps::v1::ReplicaSet;
use serde_json::Value;
use shepherd_core::model::{Mark, Revision, Track, TrackSpec, Traffic};
use shepherd_core::ports::PortError;

use super::beside::Beside;
use super::deployment::NEVER_AVAILABLE;
use super::kind::Kind;
use super::one_object::{InPlace, UNSEEN};
use super::shape::{Both, Shape};
use super::tracks::{Tracks, admit};
use super::version::image;
use crate::object::Edit;
use crate::watch::Version;
use crate::workload::replica_sets::count;

impl<K: Kind> InPlace<K> {
    /// Before the template becomes stable's again while both tracks have replicas: waits until its controller counts
    /// stable's as it must then.
    pub(super) async fn turn(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        if !K::TURNS || self.turns_to(&*self.object.known().await?, spec, mark.traffic).is_none() {
            return Ok(());
        }
        let (times, wait) = UNSEEN;
        for _ in 0..times {
            let object = self.object.read().await?;
            admit(self.place(), &object, spec.track, mark)?;
            let Some(revision) = self.turns_to(&object, spec, mark.traffic) else { return Ok(()) };
            if K::may_turn(&self.beside(&object, Version::UNKNOWN)?, &object, &revision).await? {
                return Ok(());
            }
            self.clock.sleep(wait).await;
        }
        Err(PortError::transient(self.place(), "its controller still counts replicas of stable as available"))
    }

    /// Stable's revision, where this makes the template stable's again and leaves both tracks replicas. What cannot be
    /// asked for at all is none of that.
    fn turns_to(&self, object: &Value, spec: &TrackSpec, traffic: Traffic) -> Option<Revision> {
        let (present, all) = (self.present(object).ok()?, K::size(object));
        let mut tracks = Tracks::of(self.place(), object, &present).ok()?;
        tracks.ask(self.place(), spec, traffic, all, K::SURGES).ok()?;
        let Shape::Both(Both { coming: Track::Stable, .. }) = tracks.shape(all) else { return None };
        tracks.revision(Track::Stable).filter(|stable| **stable != present).cloned()
    }
}

/// Whether the template may become this revision's again. Sets that have not been told yet are told.
pub(super) async fn may_turn(
    beside: &Beside<'_>,
    object: &Value,
    revision: &Revision,
) -> Result<bool, PortError> {
    let sets = beside.controlled::<ReplicaSet>(object).await?;
    let is_of_it = |set: &&Value| image(&set["spec"]["template"], beside.container) == revision.as_str();
    let (its, others): (Vec<_>, Vec<_>) = sets.iter().partition(is_of_it);
    let mut told = true;
    for set in its.iter().filter(|set| set["spec"]["replicas"] != 0 && !is_told(set)) {
        told = false;
        let mut edit = Edit::of(set);
        edit.set(&["spec", "minReadySeconds"], NEVER_AVAILABLE.into());
        beside.patch::<ReplicaSet>(set, edit).await?;
    }
    let elsewhere: u32 = others.into_iter().map(available).sum();
    // The status of the Deployment is the sum of what its controller knows of the sets.
    Ok(told && its.into_iter().all(counts_none) && available(object) <= elsewhere)
}

fn is_told(set: &Value) -> bool {
    set["spec"]["minReadySeconds"] == NEVER_AVAILABLE
}

fn counts_none(set: &Value) -> bool {
    let seen = set["status"]["observedGeneration"].as_i64() >= set["metadata"]["generation"].as_i64();
    seen && available(set) == 0
}

fn available(object: &Value) -> u32 {
    count(object, "availableReplicas")
}

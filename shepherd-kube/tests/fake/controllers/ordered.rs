//! The rolling update of a `StatefulSet`: one pod after the other, from the highest ordinal down to the partition, and
//! none while another one is not ready.

use serde_json::{Value, json};

use super::made::{PODS, controlled, count, is_ready, owner, pod, record, recorded, text};
use crate::api::Objects;

pub(super) fn stateful_set(objects: &mut Objects, set: &mut Value) {
    let (update, _) = record(objects, set, "StatefulSet");
    let current = set["status"]["currentRevision"].as_str().unwrap_or(&update).to_owned();
    let mut state = State { objects, set, update, current };
    while state.step() {}
    let pods = controlled(state.objects, PODS, state.set);
    let done = pods.iter().all(|pod| is_ready(pod) && state.is_updated(pod));
    let current = if done { state.update.clone() } else { state.current.clone() };
    let generation = set["metadata"]["generation"].clone();
    set["status"] = json!({"observedGeneration": generation, "currentRevision": current});
}

struct State<'s> {
    objects: &'s mut Objects,
    set: &'s Value,
    update: String,
    current: String,
}

impl State<'_> {
    fn step(&mut self) -> bool {
        let strategy = &self.set["spec"]["updateStrategy"];
        let (all, partition) =
            (count(&self.set["spec"]["replicas"]), count(&strategy["rollingUpdate"]["partition"]));
        for ordinal in 0..all {
            match self.pod(ordinal) {
                None => {
                    let current = strategy["type"] != "OnDelete" && ordinal < partition;
                    let revision = if current { self.current.clone() } else { self.update.clone() };
                    self.make(ordinal, &revision);
                    return true;
                }
                Some(pod) if !is_ready(&pod) => return false,
                Some(_) => {}
            }
        }
        if strategy["type"] == "OnDelete" {
            return false;
        }
        let outdated = (partition..all).rev().find(|ordinal| !self.is_updated(&self.pod(*ordinal).unwrap()));
        if let Some(ordinal) = outdated {
            self.objects.delete(PODS, &self.name(ordinal)).unwrap();
        }
        outdated.is_some()
    }

    fn name(&self, ordinal: usize) -> String {
        format!("{}-{ordinal}", text(&self.set["metadata"]["name"]))
    }

    fn pod(&self, ordinal: usize) -> Option<Value> {
        let name = self.name(ordinal);
        controlled(self.objects, PODS, self.set).into_iter().find(|pod| pod["metadata"]["name"] == *name)
    }

    fn is_updated(&self, pod: &Value) -> bool {
        pod["metadata"]["labels"]["controller-revision-hash"] == *self.update
    }

    fn make(&mut self, ordinal: usize, revision: &str) {
        let template = recorded(self.objects, revision);
        let label = ("controller-revision-hash", revision);
        let owner = &owner(self.set, "StatefulSet");
        self.objects.create(PODS, pod(&self.name(ordinal), &template, owner, "n0", label)).unwrap();
    }
}

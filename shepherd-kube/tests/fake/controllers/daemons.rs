//! One pod on each node. How many nodes there are stands in an annotation.

use serde_json::{Value, json};

use super::made::{PODS, controlled, is_ready, owner, pod, record, text};
use crate::api::Objects;

/// How many nodes the cluster has for a `DaemonSet`.
pub(crate) const NODES: &str = "fake/nodes";

pub(super) fn daemon_set(objects: &mut Objects, set: &mut Value) {
    let nodes: usize = text(&set["metadata"]["annotations"][NODES]).parse().unwrap();
    let (_, hash) = record(objects, set, "DaemonSet");
    fill(objects, set, &hash, nodes);
    if set["spec"]["updateStrategy"]["type"] != "OnDelete" {
        // One at a time: the next only when all are ready but those that could not start.
        while let Some(pod) = outdated(&controlled(objects, PODS, set), &hash) {
            objects.delete(PODS, &pod).unwrap();
            fill(objects, set, &hash, nodes);
        }
    }
    let ready = controlled(objects, PODS, set).iter().filter(|pod| is_ready(pod)).count();
    let generation = set["metadata"]["generation"].clone();
    set["status"] =
        json!({"observedGeneration": generation, "desiredNumberScheduled": nodes, "numberReady": ready});
}

fn outdated(pods: &[Value], hash: &str) -> Option<String> {
    let old = |pod: &&Value| pod["metadata"]["labels"]["controller-revision-hash"] != *hash;
    let new_is_well = pods.iter().filter(|pod| !old(pod)).all(is_ready);
    let next = pods.iter().filter(old).find(|pod| !is_ready(pod) || new_is_well);
    next.map(|pod| text(&pod["metadata"]["name"]).to_owned())
}

fn fill(objects: &mut Objects, set: &Value, hash: &str, nodes: usize) {
    let pods = controlled(objects, PODS, set);
    for node in (0..nodes).map(|number| format!("n{number}")) {
        if !pods.iter().any(|pod| pod["spec"]["nodeName"] == *node) {
            let name = format!("{}-{node}-{hash}", text(&set["metadata"]["name"]));
            let made = pod(
                &name,
                &set["spec"]["template"],
                &owner(set, "DaemonSet"),
                &node,
                ("controller-revision-hash", hash),
            );
            objects.create(PODS, made).unwrap();
        }
    }
}

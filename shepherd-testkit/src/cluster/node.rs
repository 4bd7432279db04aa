use k8s_openapi::api::core::v1::Node;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::json;

use super::error::ClusterError;
use super::wait::until;

/// The name of the n-th node.
pub(super) fn name(number: usize) -> String {
    format!("node-{number}")
}

/// Makes nodes that kwok plays, and waits until they are ready.
pub(super) async fn make(client: &Client, nodes: usize) -> Result<(), ClusterError> {
    let api: Api<Node> = Api::all(client.clone());
    for number in 0..nodes {
        let node = json!({
            "metadata": {
                "name": name(number),
                "annotations": { "kwok.x-k8s.io/node": "fake" },
                "labels": {
                    "kubernetes.io/hostname": name(number), "kubernetes.io/os": "linux",
                    "topology.kubernetes.io/zone": format!("zone-{number}"),
                },
            },
            "spec": {}
        });
        let node: Node =
            serde_json::from_value(node).map_err(|error| ClusterError::Malformed(error.to_string()))?;
        api.create(&PostParams::default(), &node)
            .await
            .map_err(ClusterError::api(format!("creating {}", name(number))))?;
    }
    until("the nodes being ready", super::wait::PATIENCE, async || {
        let list =
            api.list(&kube::api::ListParams::default()).await.map_err(ClusterError::api("listing nodes"))?;
        let ready = list.items.iter().filter(|node| is_ready(node)).count();
        Ok((ready == nodes).then_some(()).ok_or_else(|| format!("{ready} of {nodes} are")))
    })
    .await
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|one| one.type_ == "Ready" && one.status == "True"))
}

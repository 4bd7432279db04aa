use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use super::error::ClusterError;
use super::wait::until;

/// The name of the n-th node.
pub(super) fn name(number: usize) -> String {
    format!("node-{number}")
}

/// Makes nodes that kwok plays, and waits until they are ready and their pods get addresses.
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
    .await?;
    if nodes == 0 { Ok(()) } else { give_first_address(client).await }
}

/// kwok makes its pool of addresses when a pod first asks for one, and two that ask at once make two of them: both get the
/// same address. So one pod asks before all others.
async fn give_first_address(client: &Client) -> Result<(), ClusterError> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    let pod = json!({
        "metadata": { "name": "first" },
        "spec": { "nodeName": name(0), "containers": [{ "name": "app", "image": "first:v1" }] },
    });
    let pod: Pod = serde_json::from_value(pod).map_err(|error| ClusterError::Malformed(error.to_string()))?;
    until("the first pod having an address", super::wait::PATIENCE, async || {
        match pods.create(&PostParams::default(), &pod).await {
            Err(kube::Error::Api(status)) if status.code == 403 => {
                return Ok(Err("its account is not there yet".to_owned()));
            }
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            made => drop(made.map_err(ClusterError::api("creating the first pod"))?),
        }
        let pod = pods.get("first").await.map_err(ClusterError::api("looking at the first pod"))?;
        let address = pod.status.and_then(|status| status.pod_ip);
        Ok(address.map(drop).ok_or_else(|| "it has none".to_owned()))
    })
    .await?;
    let at_once = DeleteParams::default().grace_period(0);
    pods.delete("first", &at_once).await.map(drop).map_err(ClusterError::api("ending the first pod"))
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|one| one.type_ == "Ready" && one.status == "True"))
}

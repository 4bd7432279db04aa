//! What a pod says of itself.

use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::{Container, Pod};

/// Where a container that names no port listens.
const PORT: u16 = 8080;

pub(super) fn address(pod: &Pod) -> Option<Ipv4Addr> {
    pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()
}

pub(super) fn image(pod: &Pod) -> String {
    containers(pod).first().and_then(|container| container.image.clone()).unwrap_or_default()
}

pub(super) fn ports(pod: &Pod) -> Vec<u16> {
    let named = containers(pod).iter().flat_map(|container| container.ports.iter().flatten());
    let mut ports: Vec<_> = named.filter_map(|port| port.container_port.try_into().ok()).collect();
    ports.sort_unstable();
    ports.dedup();
    if ports.is_empty() { vec![PORT] } else { ports }
}

pub(super) fn restarts_after(pod: &Pod, code: i32) -> bool {
    match pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref()) {
        Some("Never") => false,
        Some("OnFailure") => code != 0,
        _ => true,
    }
}

/// Whether the status shows that the process has ended.
pub(super) fn has_terminated(pod: &Pod) -> bool {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    let state = statuses.and_then(|all| all.first()?.state.as_ref());
    state.is_some_and(|state| state.terminated.is_some())
}

/// Whether all that others have a say in is said.
pub(super) fn gates_are_open(pod: &Pod) -> bool {
    let gates = pod.spec.as_ref().and_then(|spec| spec.readiness_gates.as_deref()).unwrap_or_default();
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let open = |gate: &str| conditions.iter().any(|one| one.type_ == gate && one.status == "True");
    gates.iter().all(|gate| open(&gate.condition_type))
}

fn containers(pod: &Pod) -> &[Container] {
    pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(spec: &serde_json::Value) -> Pod {
        serde_json::from_value(json!({ "spec": spec })).unwrap()
    }

    #[test]
    fn it_listens_on_the_ports_it_names_or_on_the_usual_one() {
        let named = json!({ "containers": [{ "name": "app", "ports": [{ "containerPort": 9000 }, { "containerPort": 80 }] }] });
        assert_eq!(ports(&pod(&named)), [80, 9000]);
        assert_eq!(ports(&pod(&json!({ "containers": [{ "name": "app" }] }))), [8080]);
    }

    #[test]
    fn the_restart_policy_decides() {
        let with = |policy: &str| pod(&json!({ "containers": [], "restartPolicy": policy }));
        assert!(restarts_after(&with("Always"), 0) && restarts_after(&with("OnFailure"), 1));
        assert!(!restarts_after(&with("OnFailure"), 0) && !restarts_after(&with("Never"), 1));
    }

    #[test]
    fn a_gate_that_nobody_opened_is_shut() {
        let mut gated =
            pod(&json!({ "containers": [], "readinessGates": [{ "conditionType": "shop/warm" }] }));
        assert!(!gates_are_open(&gated));
        gated.status =
            serde_json::from_value(json!({ "conditions": [{ "type": "shop/warm", "status": "True" }] }))
                .unwrap();
        assert!(gates_are_open(&gated));
    }
}

//! Why pods do not become ready, in their own words.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod};

/// What the pods of one revision say that keeps them from becoming ready by themselves: the words that a person would
/// have dug for in their status. None when all of them may yet become ready.
pub(crate) fn trouble<'p>(pods: impl IntoIterator<Item = &'p Pod>) -> Option<String> {
    pods.into_iter().find_map(of_pod)
}

fn of_pod(pod: &Pod) -> Option<String> {
    let name = name(pod);
    let status = pod.status.as_ref()?;
    if status.phase.as_deref() == Some("Failed") {
        let why = status.message.as_deref().or(status.reason.as_deref()).unwrap_or("it failed");
        return Some(format!("pod {name}: {why}"));
    }
    containers(pod).find_map(|container| {
        of_container(container).map(|why| format!("pod {name}, container {}: {why}", container.name))
    })
}

pub(crate) fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}

/// What a pod says of its containers, those that run before the others first.
pub(crate) fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let of_init = pod.status.iter().flat_map(|status| status.init_container_statuses.iter().flatten());
    of_init.chain(pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten()))
}

/// The reason and message for which a container waits.
pub(crate) fn waiting(container: &ContainerStatus) -> Option<(&str, &str)> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    Some((waiting.reason.as_deref()?, waiting.message.as_deref().unwrap_or_default()))
}

/// Why a pod is not ready; none when it is.
pub(crate) fn unready(pod: &Pod) -> Option<String> {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let Some(ready) = conditions.into_iter().flatten().find(|one| one.type_ == "Ready") else {
        return Some("it has not said that it is ready".to_owned());
    };
    if ready.status == "True" {
        return None;
    }
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    Some(format!("{}: {}", text(&ready.reason), text(&ready.message)))
}

/// The reasons after which the kubelet tries the same again and again.
const HOPELESS: &[&str] = &[
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];

fn of_container(container: &ContainerStatus) -> Option<String> {
    let (reason, message) = waiting(container).filter(|(reason, _)| HOPELESS.contains(reason))?;
    let why = if message.is_empty() { reason.to_owned() } else { format!("{reason}: {message}") };
    match container.last_state.as_ref().and_then(ended) {
        Some(ended) => Some(format!("{why} (it {ended}, {} restarts)", container.restart_count)),
        None => Some(why),
    }
}

/// How a container ended: `exited with 3`, `was ended: OOMKilled, code 137`.
pub(crate) fn ended(state: &ContainerState) -> Option<String> {
    let ended = state.terminated.as_ref()?;
    match ended.reason.as_deref() {
        Some(reason) if reason != "Error" && reason != "Completed" => {
            Some(format!("was ended: {reason}, code {}", ended.exit_code))
        }
        _ => Some(format!("exited with {}", ended.exit_code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(status: &serde_json::Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "web-1"}, "status": status})).unwrap()
    }

    #[test]
    fn says_what_a_person_would_have_dug_for() {
        let oom = pod(&json!({"containerStatuses": [{
            "name": "app", "image": "i", "imageID": "", "ready": false, "restartCount": 4,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
            "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}},
        }]}));
        assert_eq!(
            trouble([&oom]).unwrap(),
            "pod web-1, container app: CrashLoopBackOff: back-off 40s (it was ended: OOMKilled, code 137, 4 restarts)"
        );
        let pull = pod(&json!({"initContainerStatuses": [{
            "name": "init", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}},
        }]}));
        assert_eq!(trouble([&pull]).unwrap(), "pod web-1, container init: ImagePullBackOff: no such image");
    }

    #[test]
    fn what_may_yet_become_ready_is_no_trouble() {
        let starting = pod(&json!({"phase": "Pending", "containerStatuses": [{
            "name": "app", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": "ContainerCreating"}},
        }]}));
        assert_eq!(trouble([&starting, &pod(&json!({}))]), None);
    }
}

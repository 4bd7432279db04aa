//! Why pods do not become ready, in their own words.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod};

/// What the pods of one revision say that keeps them from becoming ready by themselves: the words that a person would
/// have dug for in their status. None when all of them may yet become ready.
pub(crate) fn trouble<'p>(pods: impl IntoIterator<Item = &'p Pod>) -> Option<String> {
    pods.into_iter().find_map(of_pod)
}

fn of_pod(pod: &Pod) -> Option<String> {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let status = pod.status.as_ref()?;
    if status.phase.as_deref() == Some("Failed") {
        let why = status.message.as_deref().or(status.reason.as_deref()).unwrap_or("it failed");
        return Some(format!("pod {name}: {why}"));
    }
    let of_init = status.init_container_statuses.iter().flatten();
    of_init.chain(status.container_statuses.iter().flatten()).find_map(|container| {
        of_container(container).map(|why| format!("pod {name}, container {}: {why}", container.name))
    })
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
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref().filter(|reason| HOPELESS.contains(reason))?;
    let mut why = reason.to_owned();
    if let Some(message) = waiting.message.as_deref().filter(|message| !message.is_empty()) {
        why = format!("{why}: {message}");
    }
    match container.last_state.as_ref().and_then(ended) {
        Some(ended) => Some(format!("{why} (it {ended}, {} restarts)", container.restart_count)),
        None => Some(why),
    }
}

/// How a container ended: `exited with 3`, `was killed: OOMKilled`.
fn ended(state: &ContainerState) -> Option<String> {
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

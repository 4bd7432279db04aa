use k8s_openapi::api::core::v1::Pod;

/// What `kubectl get pods` shows as a pod's status: `Running`, `CrashLoopBackOff`, `OOMKilled`, `Terminating`.
///
/// ```
/// # use k8s_openapi::api::core::v1::Pod;
/// use shepherd_testkit::cluster::summary;
/// let pod: Pod = serde_json::from_value(serde_json::json!({ "status": {
///     "phase": "Running", "containerStatuses": [{
///         "name": "app", "image": "shop:v2", "imageID": "", "ready": false, "restartCount": 3,
///         "state": { "waiting": { "reason": "CrashLoopBackOff" } },
///     }],
/// }}))?;
/// assert_eq!(summary(&pod), "CrashLoopBackOff");
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn summary(pod: &Pod) -> String {
    if pod.metadata.deletion_timestamp.is_some() {
        return "Terminating".to_owned();
    }
    let Some(status) = &pod.status else { return "Pending".to_owned() };
    let all = status.container_statuses.iter().flatten().filter_map(|container| container.state.as_ref());
    let reasons = all.filter_map(|state| {
        let waiting = state.waiting.as_ref().and_then(|waiting| waiting.reason.clone());
        waiting.or_else(|| state.terminated.as_ref().and_then(|terminated| terminated.reason.clone()))
    });
    reasons.reduce(|_, last| last).or_else(|| status.phase.clone()).unwrap_or_else(|| "Pending".to_owned())
}

use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;
use shepherd_testkit::cluster::{Behaviour, Cluster, ClusterError, Load, Namespace, PodScript, summary};

async fn namespace() -> Namespace {
    Cluster::shared().await.unwrap().namespace("behaviour").await.unwrap()
}

/// The one pod of a Deployment of that image, when it looks as wanted.
async fn pod_that_is(shop: &Namespace, behaviour: Behaviour, wanted: &str) -> Pod {
    shop.deployment("web", &behaviour.image("shop:v2"), 1).await.unwrap();
    pod_when(shop, wanted, |pod| summary(pod) == wanted).await
}

async fn pod_when(shop: &Namespace, what: &str, is: impl Fn(&Pod) -> bool) -> Pod {
    let look = async || -> Result<Result<Pod, String>, ClusterError> {
        let pods = shop.api::<Pod>().list(&ListParams::default()).await.unwrap().items;
        let seen = serde_json::to_string(&pods.iter().map(|pod| &pod.status).collect::<Vec<_>>()).unwrap();
        Ok(pods.into_iter().find(&is).ok_or(seen))
    };
    shop.eventually(what, look).await.unwrap()
}

fn container(pod: &Pod) -> &ContainerStatus {
    &pod.status.as_ref().unwrap().container_statuses.as_ref().unwrap()[0]
}

fn condition(pod: &Pod, kind: &str) -> String {
    let conditions = pod.status.as_ref().unwrap().conditions.as_ref().unwrap();
    conditions.iter().find(|one| one.type_ == kind).unwrap().status.clone()
}

fn address(pod: &Pod) -> std::net::SocketAddr {
    format!("{}:8080", pod.status.as_ref().unwrap().pod_ip.as_ref().unwrap()).parse().unwrap()
}

#[tokio::test]
async fn a_crashing_one_is_in_a_crash_loop_with_its_exit_code() {
    let shop = namespace().await;
    let pod = pod_that_is(&shop, Behaviour::Crashing, "CrashLoopBackOff").await;
    let state = container(&pod).state.as_ref().unwrap();
    assert!(
        state.waiting.as_ref().unwrap().message.as_ref().unwrap().contains("back-off 1s restarting"),
        "{state:?}"
    );
    assert!(state.running.is_none() && state.terminated.is_none(), "{state:?}");
    let last = container(&pod).last_state.as_ref().unwrap().terminated.as_ref().unwrap();
    assert_eq!((last.exit_code, last.reason.as_deref()), (1, Some("Error")));
    assert_eq!((container(&pod).restart_count, condition(&pod, "Ready").as_str()), (1, "False"));
    pod_when(&shop, "more restarts", |pod| container(pod).restart_count >= 3).await;
}

#[tokio::test]
async fn one_out_of_memory_is_killed_for_it() {
    let shop = namespace().await;
    let pod = pod_that_is(&shop, Behaviour::OutOfMemory, "OOMKilled").await;
    assert_eq!(container(&pod).state.as_ref().unwrap().terminated.as_ref().unwrap().exit_code, 137);
    let pod = pod_when(&shop, "a crash loop", |pod| summary(pod) == "CrashLoopBackOff").await;
    let last = container(&pod).last_state.as_ref().unwrap().terminated.as_ref().unwrap();
    assert_eq!(last.reason.as_deref(), Some("OOMKilled"));
}

#[tokio::test]
async fn one_that_cannot_be_pulled_backs_off_and_is_well_once_its_image_is() {
    let shop = namespace().await;
    let pod = pod_that_is(&shop, Behaviour::Unpullable, "ImagePullBackOff").await;
    assert_eq!(pod.status.as_ref().unwrap().phase.as_deref(), Some("Pending"));
    let waiting = container(&pod).state.as_ref().unwrap().waiting.as_ref().unwrap();
    assert_eq!(waiting.message.as_deref(), Some("Back-off pulling image \"shop:v2-unpullable\""));

    let image = json!({ "spec": { "template": { "spec": { "containers": [{ "name": "app", "image": "shop:v3" }] } } } });
    let deployments = shop.api::<Deployment>();
    deployments.patch("web", &PatchParams::default(), &Patch::Strategic(image)).await.unwrap();
    shop.ready_pods("app=web", 1).await.unwrap();
}

#[tokio::test]
async fn an_unready_one_runs_and_answers_and_gets_no_traffic() {
    let shop = namespace().await;
    let pod = pod_that_is(&shop, Behaviour::Unready, "Running").await;
    assert_eq!((condition(&pod, "Ready").as_str(), container(&pod).ready), ("False", false));
    let service = shop.service("web", "web").await.unwrap();
    shop.eventually("the Service refusing", async || {
        let tally = Load::to(service).patience(Duration::from_millis(300)).send(1).await;
        let refused = tally.failures().first().is_some_and(|failure| failure.what.contains("refused"));
        Ok(refused.then_some(()).ok_or(tally.to_string()))
    })
    .await
    .unwrap();
    assert_eq!(Load::to(address(&pod)).send(10).await.failed(), 0);
}

#[tokio::test]
async fn a_slow_start_takes_its_time_and_is_running_meanwhile() {
    let shop = namespace().await;
    let begun = Instant::now();
    let pod = pod_that_is(&shop, Behaviour::SlowStart, "Running").await;
    assert!(condition(&pod, "Ready") == "False" && begun.elapsed() < Duration::from_secs(5));
    shop.ready_pods("app=web", 1).await.unwrap();
    assert!(begun.elapsed() > Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_hanging_one_stays_until_its_grace_period_is_over() {
    let shop = namespace().await;
    let pod = pod_that_is(&shop, Behaviour::Hanging, "Running").await;
    shop.ready_pods("app=web", 1).await.unwrap();
    let address = address(&pod);
    let name = pod.metadata.name.unwrap();
    let begun = Instant::now();
    shop.api::<Pod>().delete(&name, &DeleteParams::default().grace_period(3)).await.unwrap();
    let pod = pod_when(&shop, "its end", |pod| summary(pod) == "Terminating").await;
    assert_eq!(pod.metadata.name.as_ref(), Some(&name));
    assert_eq!(Load::to(address).send(5).await.failed(), 0, "it goes on answering");
    gone(&shop, &name).await;
    assert!(begun.elapsed() >= Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn one_that_never_ends_outlives_its_grace_period_and_yields_to_force() {
    let shop = namespace().await;
    shop.create_object::<Pod>(json!({
        "metadata": { "name": "stuck", "annotations": { PodScript::ANNOTATION: PodScript::new().never_terminates().to_string() } },
        "spec": { "containers": [{ "name": "app", "image": "shop:v1" }] }
    }))
    .await
    .unwrap();
    pod_when(&shop, "readiness", |pod| {
        pod.status.as_ref().is_some_and(|status| status.pod_ip.is_some()) && condition(pod, "Ready") == "True"
    })
    .await;
    let pods = shop.api::<Pod>();
    pods.delete("stuck", &DeleteParams::default().grace_period(1)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(summary(&pods.get("stuck").await.unwrap()), "Terminating");
    pods.delete("stuck", &DeleteParams::default().grace_period(0)).await.unwrap();
    gone(&shop, "stuck").await;
}

#[tokio::test]
async fn erring_and_slow_ones_answer_so_and_follow_their_annotation_while_they_run() {
    let shop = namespace().await;
    let pod = pod_that_is(&shop, Behaviour::Erroring, "Running").await;
    shop.ready_pods("app=web", 1).await.unwrap();
    let tally = Load::to(address(&pod)).send(100).await;
    assert_eq!((tally.failed(), tally.with_status(500)), (30, 30), "{tally}");

    let script = PodScript::new().answers_in(Duration::from_millis(300)).never_ready();
    let patch = json!({ "metadata": { "annotations": { PodScript::ANNOTATION: script.to_string() } } });
    let name = pod.metadata.name.as_ref().unwrap();
    shop.api::<Pod>().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    let pod = pod_when(&shop, "unreadiness", |pod| condition(pod, "Ready") == "False").await;
    let tally = Load::to(address(&pod)).send(16).await;
    assert!(tally.failed() == 0 && tally.slowest() >= Duration::from_millis(300), "{tally}");
}

#[tokio::test]
async fn a_job_ends_as_its_script_says() {
    let shop = namespace().await;
    for (name, code) in [("well", 0), ("failing", 4)] {
        let script = PodScript::new().exits(code, Duration::from_millis(100)).to_string();
        shop.create_object::<Job>(json!({
            "metadata": { "name": name },
            "spec": { "backoffLimit": 0, "template": {
                "metadata": { "annotations": { PodScript::ANNOTATION: script } },
                "spec": { "restartPolicy": "Never", "containers": [{ "name": "app", "image": "shop:v1" }] }
            }}
        }))
        .await
        .unwrap();
    }
    shop.eventually("both jobs ending", async || {
        let jobs = shop.api::<Job>();
        let (well, failing) =
            (jobs.get_status("well").await.unwrap(), jobs.get_status("failing").await.unwrap());
        let (well, failing) = (well.status.unwrap(), failing.status.unwrap());
        let ended = well.succeeded == Some(1) && failing.failed == Some(1);
        Ok(ended.then_some(()).ok_or(format!("{well:?}, {failing:?}")))
    })
    .await
    .unwrap();
}

async fn gone(shop: &Namespace, name: &str) {
    shop.eventually("the pod being gone", async || {
        let pod = shop.api::<Pod>().get_opt(name).await.unwrap();
        Ok(pod.map_or(Ok(()), |pod| Err(summary(&pod))))
    })
    .await
    .unwrap();
}

use async_trait::async_trait;
use serde_json::{Value, json};
use shepherd_core::machine::{Cause, EffectId, Ending, Event, Happening};
use shepherd_core::model::{FailureKind, RolloutId, Timestamp};
use shepherd_core::ports::{Notice, Notifier};
use shepherd_kube::KubeEvents;
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::notifier::NotifierFixture;

use crate::api::Api;
use crate::deployment_pair::{DEPLOYMENTS, stable};

const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/shop/events";

struct Fixture(Api);

impl Fixture {
    fn new() -> Self {
        Self(Api::default().with(DEPLOYMENTS, stable()))
    }

    fn events(&self) -> KubeEvents {
        KubeEvents::of(self.0.client(), "shop", "web")
    }

    fn told(&self) -> Vec<Value> {
        self.0.list(EVENTS)
    }
}

#[async_trait]
impl NotifierFixture for Fixture {
    type Notifier = KubeEvents;

    async fn open(&self) -> Opened<KubeEvents> {
        Ok(self.events().telling(|_| true))
    }

    async fn heard(&self, notice: &Notice) -> Opened<bool> {
        let is = |event: &Value| {
            event["metadata"]["name"].as_str().unwrap().ends_with(&format!(".{}", notice.id))
                && event["note"] == notice.event.what.to_string()
        };
        Ok(self.told().iter().filter(|event| is(event)).count() == 1)
    }

    async fn reachable(&self, reachable: bool) -> Opened<()> {
        self.0.is_down((!reachable).then_some(503));
        Ok(())
    }
}

shepherd_testkit::notifier_conformance!(Fixture::new);

fn notice(id: u64, what: Happening) -> Notice {
    let rollout = RolloutId::new("shop/web#3").unwrap();
    let event = Event { at: Timestamp::from_millis(1_767_225_600_000), what };
    Notice::new("shop/web".parse().unwrap(), rollout, EffectId::new(id), event)
}

#[tokio::test]
async fn an_event_is_what_kubectl_describe_shows() {
    let fixture = Fixture::new();
    let cause = Cause::Failing("pod web-1, container app: OOMKilled".into());
    fixture.events().notify(&notice(7, Happening::Triggered(cause))).await.unwrap();
    let mut event = fixture.told().remove(0);
    for added in ["uid", "generation", "resourceVersion"] {
        event["metadata"].as_object_mut().unwrap().remove(added);
    }
    let uid = fixture.0.get(DEPLOYMENTS, "web")["metadata"]["uid"].clone();
    assert_eq!(
        event,
        json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": {"name": "shepherd-shop.web--233.7"},
            "eventTime": "2026-01-01T00:00:00.000000Z",
            "type": "Warning", "reason": "RolloutTriggered", "action": "Rollout",
            "note": "taken back: candidate replicas fail: pod web-1, container app: OOMKilled",
            "regarding": {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "web", "uid": uid},
            "reportingController": "shepherd.rs/rollout", "reportingInstance": "shop/web#3",
        })
    );
}

#[tokio::test]
async fn the_same_notice_is_one_event() {
    let fixture = Fixture::new();
    let promoted = notice(9, Happening::Finished(Ending::Promoted));
    fixture.0.loses_the_answer(504);
    assert_eq!(fixture.events().notify(&promoted).await.unwrap_err().kind(), FailureKind::Transient);
    fixture.events().notify(&promoted).await.unwrap();
    fixture.events().notify(&promoted).await.unwrap();
    assert_eq!(fixture.told().len(), 1);
}

#[tokio::test]
async fn what_is_not_wanted_costs_nothing() {
    let fixture = Fixture::new();
    let completed = Happening::Completed("bake".parse().unwrap());
    fixture.events().notify(&notice(1, completed)).await.unwrap();
    let paused = Happening::Paused("a person".into());
    fixture.events().silent().notify(&notice(2, paused)).await.unwrap();
    assert!(fixture.0.seen().is_empty());
}

#[tokio::test]
async fn a_long_message_is_cut_and_a_deployment_that_is_gone_is_told_of() {
    let fixture = Fixture::new();
    fixture.0.delete(DEPLOYMENTS, "web");
    let long = Happening::Paused("\u{1F411}".repeat(500).into());
    fixture.events().notify(&notice(1, long)).await.unwrap();
    let event = fixture.told().remove(0);
    assert!(event["note"].as_str().unwrap().len() <= 1024);
    assert_eq!(event["regarding"]["uid"], Value::Null);
}

#[tokio::test]
async fn trouble_of_the_server_is_told_by_who_must_act() {
    let fixture = Fixture::new();
    for (code, kind) in
        [(403, FailureKind::Denied), (429, FailureKind::Transient), (500, FailureKind::Transient)]
    {
        fixture.0.refuses(code);
        let paused = notice(1, Happening::Paused("a person".into()));
        let error = fixture.events().notify(&paused).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
}

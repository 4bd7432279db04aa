use k8s_openapi::api::core::v1::Event as CoreEvent;
use kube::api::ListParams;
use shepherd_core::machine::{Cause, EffectId, Event, Happening};
use shepherd_core::model::{RolloutId, Timestamp};
use shepherd_core::ports::{Notice, Notifier};
use shepherd_kube::KubeEvents;

use crate::ground::Ground;

/// By the fields that `kubectl describe` selects by, through the older API that it asks.
#[tokio::test]
async fn kubectl_describe_finds_them_once() {
    let ground =
        Ground::prepared(|shop| Box::pin(async { shop.deployment("web", "shop:v1", 0).await.map(drop) }));
    let shop = ground.namespace().await.unwrap();
    let events = KubeEvents::of(shop.client(), shop.name(), "web");
    let what = Happening::Triggered(Cause::Failing("\u{1F411}".repeat(500).into()));
    let event = Event { at: Timestamp::from_millis(1_767_225_600_123), what };
    let rollout = RolloutId::new("shop/web#3").unwrap();
    let notice = Notice::new("shop/web".parse().unwrap(), rollout, EffectId::new(7), event);
    events.notify(&notice).await.unwrap();
    events.notify(&notice).await.unwrap();

    let deployment = shop.api::<k8s_openapi::api::apps::v1::Deployment>().get("web").await.unwrap();
    let uid = deployment.metadata.uid.unwrap();
    let fields = format!("involvedObject.kind=Deployment,involvedObject.name=web,involvedObject.uid={uid}");
    let found = shop.api::<CoreEvent>().list(&ListParams::default().fields(&fields)).await.unwrap().items;
    let told: Vec<_> =
        found.iter().filter(|event| event.reason.as_deref() == Some("RolloutTriggered")).collect();
    assert_eq!(told.len(), 1, "{found:?}");
    assert_eq!(told[0].type_.as_deref(), Some("Warning"));
}

//! Back to the version before, when that was ended after the promotion.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use shepherd_core::machine::Ending;
use shepherd_core::model::{Fence, Route, RouterCapabilities, Routing};
use shepherd_core::ports::{PortError, TrafficRouter};
use shepherd_testkit::cluster::Write;

use crate::ground::ready_images;
use crate::shop::{REPLICAS, Shop, Way};

/// Looks at the side that users are sent to, each time just before they are.
struct Witness {
    shop: Arc<Shop>,
    router: Arc<dyn TrafficRouter>,
    ready: Mutex<Vec<u32>>,
}

#[async_trait]
impl TrafficRouter for Witness {
    fn capabilities(&self) -> RouterCapabilities {
        self.router.capabilities()
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        self.router.claim(fence).await
    }

    async fn apply(&self, route: &Route) -> Result<(), PortError> {
        let ready = ready_images(&self.shop.namespace, "color=blue").await.unwrap();
        self.ready.lock().unwrap().push(ready.values().map(|count| count.get()).sum());
        self.router.apply(route).await
    }

    async fn observe(&self) -> Result<Routing, PortError> {
        self.router.observe().await
    }
}

#[tokio::test]
async fn the_side_that_was_ended_is_ready_before_users_return_to_it() {
    let shop = Arc::new(Shop::open(Way::Selector).await);
    let watched = Duration::from_millis(100);
    let outcome = shop.start("shop:v2", watched).await.done().await.unwrap();
    assert_eq!(outcome.ending(), Ending::Promoted, "{}", outcome.why());
    shop.namespace.ready_pods("color=blue", 0).await.unwrap();

    let users = shop.users();
    shop.eventually("users of shop:v2", async || match users.by("shop:v2") {
        0 => Err("none".to_owned()),
        _ => Ok(()),
    })
    .await;
    let witness = Arc::new(Witness { shop: shop.clone(), router: shop.router(), ready: Mutex::default() });
    let rollout = shop.rollout(watched).through(witness.clone()).build().unwrap();
    let (from, begun) = (shop.namespace.cluster().audit().mark().unwrap(), now());
    let outcome = rollout.start("shop:v1".parse().unwrap()).await.unwrap().done().await.unwrap();
    assert_eq!(outcome.ending(), Ending::Promoted, "{}", outcome.why());
    assert_eq!(*witness.ready.lock().unwrap(), [u32::try_from(REPLICAS).unwrap()]);
    shop.only("shop:v1").await;
    users.none_failed().await;

    let writes = shop.namespace.cluster().audit().since(from).unwrap().within(shop.namespace.name());
    let ours: Vec<_> = writes.by_user("admin").iter().cloned().collect();
    let switched = last(&ours, |write| write.resource == "services");
    let before = |write: &Write| write.received < switched && write.name.starts_with("web-blue");
    let scaled = last(&ours, |write| write.resource == "deployments" && before(write));
    let all: Vec<_> = writes.iter().cloned().collect();
    let ready = last(&all, |write| write.resource == "pods/status" && before(write));
    let after = |moment: SystemTime| moment.duration_since(begun).unwrap();
    println!(
        "back on the version before: pods asked for after {:.0?}, ready after {:.0?}, switched after {:.0?}, \
         which is {:.0?} and what pods took to start",
        after(scaled),
        after(ready),
        after(switched),
        after(switched).saturating_sub(ready.duration_since(scaled).unwrap()),
    );
}

/// When the last of such writes came in.
fn last(writes: &[Write], which: impl Fn(&Write) -> bool) -> SystemTime {
    writes.iter().rfind(|write| which(write)).unwrap().received
}

#[allow(clippy::disallowed_methods, reason = "the audit log tells the hour on the wall")]
fn now() -> SystemTime {
    SystemTime::now()
}

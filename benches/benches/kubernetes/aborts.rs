//! How soon an abort reaches the API server, by each router, and what is still written when it has settled.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use shepherd_benches::{Spread, is_test};
use shepherd_core::driver::Handle;
use shepherd_core::model::Actor;
use shepherd_kube::router::GatewayRoute;
use shepherd_kube::workload::PromoteBy;
use shepherd_testkit::cluster::{Cluster, Namespace, Write};

use super::{Tried, begin, blue_green, canary, ingress, logged, shop};

const ABORTS: usize = 50;

/// Nothing that is awaited ends by itself meanwhile.
const LONG: Duration = Duration::from_mins(10);

pub(super) async fn measure(cluster: &Arc<Cluster>) -> Tried<()> {
    println!(
        "\nabort at 10%, or in the grace period: from the lever to the write's arrival at the API server"
    );
    aborts("IngressCanary", "ingresses", async || {
        let shop = shop(cluster).await?;
        let handle = begin(canary(&shop, Box::new(ingress(&shop)), LONG, PromoteBy::Copy)?).await?;
        Ok((shop, handle))
    })
    .await?;
    aborts("GatewayRoute", "httproutes", async || {
        let shop = shop(cluster).await?;
        let host = format!("{}.example", shop.name());
        shop.http_route("web", &host, &[("web", 100), ("web-candidate", 0)]).await?;
        let router = GatewayRoute::http(shop.client(), shop.name(), "web");
        let handle = begin(canary(&shop, Box::new(router), LONG, PromoteBy::Copy)?).await?;
        Ok((shop, handle))
    })
    .await?;
    aborts("ServiceSelector", "services", async || {
        let shop = blue_green::shop(cluster).await?;
        let handle = blue_green::begin(&shop, LONG).await?;
        Ok((shop, handle))
    })
    .await
}

/// `begin` opens a shop and begins a rollout in it, and `route` is the resource that says where its traffic goes.
async fn aborts(name: &str, route: &str, begin: impl AsyncFn() -> Tried<(Namespace, Handle)>) -> Tried<()> {
    let (mut taken, mut after) = (Vec::new(), 0);
    for _ in 0..if is_test() { 2 } else { ABORTS } {
        let (shop, handle) = begin().await?;
        let audit = shop.cluster().audit();
        let mut watch = handle.watch();
        while !handle.status().in_effect || handle.status().exposure.is_off() {
            watch.next().await;
        }
        let (from, pulled) = (audit.mark()?, SystemTime::now());
        handle.abort(Actor::new("bench")?, "measured").await?;
        handle.done().await?;
        logged().await;
        let writes = audit.since(from)?.within(shop.name()).by_user("admin");
        // The raise may come into the log only now.
        let is_off = |write: &&Write| write.resource == route && write.received >= pulled;
        let off = writes.iter().find(is_off).ok_or("no write took it off")?;
        taken.push(off.received.duration_since(pulled)?);
        let settled = audit.mark()?;
        logged().await;
        after += audit.since(settled)?.within(shop.name()).by_user("admin").count();
    }
    println!("  {name}: {}; {after} writes after it has settled", Spread::of(taken));
    Ok(())
}

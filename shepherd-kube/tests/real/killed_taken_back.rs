//! A rollout that is aborted, whose process is killed on the way back, and that another process of the same name goes on
//! with. It ends as without the kill, and from the abort on users never meet more of the candidate than the moment before.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use kube::api::{DynamicObject, WatchEvent, WatchParams};
use serde_json::Value;
use shepherd_core::driver::Handle;
use shepherd_core::machine::{Ending, Happening, Outcome};
use shepherd_core::model::Revision;
use shepherd_kube::workload::PromoteBy;
use shepherd_testkit::cluster::{AuditMark, Behaviour};
use tokio::time::timeout;

use crate::process::{Fate, Process, Trap};
use crate::promotion::{STEP, ada, image, pair, rollout};
use crate::shop::{REPLICAS, Shop, Users, Way};

const OFF: &str = "/httproutes/web";
const CANDIDATE: &str = "/deployments/web-candidate";
const STABLE: &str = "/deployments/web";

/// Far beyond what a way back takes here.
const DEADLINE: Duration = Duration::from_mins(1);

/// Longer than any test takes.
const FOREVER: Duration = Duration::from_mins(10);

/// A rollout whose process is about to die.
struct Doomed {
    shop: Shop,
    users: Users,
    /// What stable's pods were made of when it began.
    template: Value,
    candidate: Revision,
    process: Process,
    trap: Trap,
    handle: Handle,
}

/// The moment before the abort.
struct Moment {
    route: String,
    audit: AuditMark,
}

impl Doomed {
    /// Half of the users are with the candidate, for good.
    async fn half_way(trap: Trap) -> Self {
        let doomed = Self::begin(image("shop:v2"), FOREVER, trap).await;
        doomed.shop.reached(50).await;
        doomed
    }

    /// All users are with the candidate while stable is made a copy of it, which takes its pods some seconds.
    async fn promoting(trap: Trap) -> Self {
        let doomed = Self::begin(image(&Behaviour::SlowStart.image("shop:v2")), STEP, trap).await;
        doomed
            .shop
            .eventually("stable being overwritten", async || {
                let template = template(&doomed.shop).await;
                if template == doomed.template { Err(template.to_string()) } else { Ok(()) }
            })
            .await;
        doomed
    }

    async fn begin(candidate: Revision, step: Duration, trap: Trap) -> Self {
        let shop = Shop::open(Way::Envoy).await;
        let (users, template, process) = (shop.users(), template(&shop).await, Process::new());
        let handle = begun(&shop, &process, &trap, &candidate, step).await;
        Self { shop, users, template, candidate, process, trap, handle }
    }

    async fn moment(&self) -> Moment {
        let route = self.shop.namespace.http_routes().get("web").await.unwrap();
        let audit = self.shop.namespace.cluster().audit().mark().unwrap();
        Moment { route: route.resource_version().unwrap(), audit }
    }

    /// Aborted, and that is acknowledged.
    async fn abort(&self) -> Moment {
        let moment = self.moment().await;
        self.trap.set();
        self.handle.abort(ada(), "no reason").await.unwrap();
        moment
    }

    /// Aborted, and a request is caught. No save acknowledges it; a look that finds the off mark may.
    async fn abort_unsaved(&self) -> Moment {
        let moment = self.moment().await;
        self.trap.set();
        tokio::select! {
            () = self.trap.snaps() => {}
            answer = self.handle.abort(ada(), "no reason") => {
                answer.unwrap();
                self.trap.snaps().await;
            }
        }
        moment
    }

    /// Killed, and gone on with by a process of the same name.
    async fn killed(self) -> GoneOn {
        let Self { shop, users, template, candidate, process, trap: _, handle: _ } = self;
        process.kill();
        let process = Process::new();
        let handle = begun(&shop, &process, &Trap::none(), &candidate, FOREVER).await;
        GoneOn { shop, users, template, handle, _process: process }
    }
}

/// The same rollout in the next process.
struct GoneOn {
    shop: Shop,
    users: Users,
    template: Value,
    handle: Handle,
    _process: Process,
}

impl GoneOn {
    /// It is back where it was, and has been on its way there since that moment.
    async fn ended(self, since: Moment) -> (Outcome, Shop) {
        let outcome = timeout(DEADLINE, self.handle.done()).await.unwrap().unwrap();
        let Self { shop, users, .. } = self;
        assert_eq!(template(&shop).await, self.template);
        for (name, replicas) in [("web", REPLICAS), ("web-candidate", 0)] {
            let pods = format!("app={name}");
            shop.namespace.ready_pods(&pods, replicas).await.unwrap();
            let deployment = shop.namespace.api::<Deployment>().get(name).await.unwrap();
            let left = ["shepherd.rs/originals", "shepherd.rs/wanted", "shepherd.rs/until-then"];
            assert!(left.iter().all(|key| !deployment.annotations().contains_key(*key)), "{deployment:?}");
        }
        shop.only("shop:v1").await;
        users.none_failed().await;

        let shares = shares_since(&shop, &since.route).await;
        assert!(shares.is_sorted_by(|before, after| before >= after), "raised after the abort: {shares:?}");
        assert_eq!(shares.last(), Some(&0), "{shares:?}");
        let writes = shop.namespace.cluster().audit().since(since.audit).unwrap();
        let writes = writes.within(shop.namespace.name()).by_user("admin");
        println!("{}: {shares:?}, {:?}", outcome.why(), writes.per_resource());
        // The next process says once that the route is its own, and writes once more what the one before had not heard of.
        // The off does not wait for the claim: where both come at once, one is refused and decided anew.
        let routed = writes.to("httproutes");
        let accepted = routed.count() - routed.refused().count();
        assert!(accepted <= shares.len() + 2, "{shares:?}: {writes:?}");
        (outcome, shop)
    }
}

/// A process of its own that rolls the candidate out, by a copy of it.
async fn begun(shop: &Shop, process: &Process, trap: &Trap, candidate: &Revision, step: Duration) -> Handle {
    let (cluster, namespace) = (Arc::clone(shop.namespace.cluster()), shop.namespace.name().to_owned());
    let (trap, candidate) = (trap.clone(), candidate.clone());
    let work = async move {
        let client = trap.client(&cluster, &namespace);
        let pair = pair(client.clone(), &namespace, PromoteBy::Copy);
        rollout(client, &namespace, pair, step).start(candidate).await.unwrap()
    };
    process.run(work).await
}

async fn template(shop: &Shop) -> Value {
    let stable = shop.namespace.api::<Deployment>().get("web").await.unwrap();
    serde_json::to_value(stable.spec.unwrap().template).unwrap()
}

/// Which part of the users, in percent, each version of the route has sent to the candidate since that one.
async fn shares_since(shop: &Shop, version: &str) -> Vec<u64> {
    let all = WatchParams::default().fields("metadata.name=web").timeout(1);
    let routes = shop.namespace.http_routes();
    let events: Vec<_> = routes.watch(&all, version).await.unwrap().try_collect().await.unwrap();
    let share = |event: WatchEvent<DynamicObject>| match event {
        WatchEvent::Modified(route) => share(&route),
        other => panic!("{other:?}"),
    };
    let mut shares: Vec<_> = events.into_iter().map(share).collect();
    // Others write the status.
    shares.dedup();
    shares
}

fn share(route: &DynamicObject) -> u64 {
    let weight = |name: &str| {
        let backends = route.data["spec"]["rules"][0]["backendRefs"].as_array().unwrap();
        backends.iter().find(|backend| backend["name"] == name).unwrap()["weight"].as_u64().unwrap()
    };
    100 * weight("web-candidate") / (weight("web") + weight("web-candidate"))
}

/// Aborted half-way, and killed when a request is caught.
async fn half_way(trap: Trap) {
    let doomed = Doomed::half_way(trap).await;
    let moment = doomed.abort().await;
    doomed.trap.snaps().await;
    let (outcome, _) = doomed.killed().await.ended(moment).await;
    assert_eq!(outcome.ending(), Ending::Aborted, "{}", outcome.why());
}

#[tokio::test]
async fn before_the_off_is_written() {
    half_way(Trap::once_set(OFF, Fate::Held)).await;
}

#[tokio::test]
async fn after_the_off_is_written() {
    half_way(Trap::once_set(OFF, Fate::Lost)).await;
}

#[tokio::test]
async fn after_the_off_is_written_and_before_it_is_saved() {
    let doomed = Doomed::half_way(Trap::once_set(OFF, Fate::Lost).unsaved()).await;
    let moment = doomed.abort_unsaved().await;
    let (outcome, _) = doomed.killed().await.ended(moment).await;
    // Only the mark has told the next process of it.
    assert_eq!(outcome.ending(), Ending::RolledBack);
    assert!(outcome.why().contains("it had been taken off before: aborted by ada"), "{}", outcome.why());
}

#[tokio::test]
async fn before_anything_is_written_an_abort_is_as_good_the_second_time() {
    let doomed = Doomed::half_way(Trap::once_set(OFF, Fate::Held).unsaved()).await;
    let moment = doomed.abort_unsaved().await;
    let next = doomed.killed().await;
    next.handle.abort(ada(), "no reason").await.unwrap();
    let (outcome, _) = next.ended(moment).await;
    assert_eq!(outcome.ending(), Ending::Aborted, "{}", outcome.why());
}

#[tokio::test]
async fn while_the_candidate_drains() {
    let doomed = Doomed::half_way(Trap::once_set(CANDIDATE, Fate::Held)).await;
    let mut events = doomed.handle.events();
    let moment = doomed.abort().await;
    while events.next().await.unwrap().what != Happening::TakenOff {}
    let (outcome, _) = doomed.killed().await.ended(moment).await;
    assert_eq!(outcome.ending(), Ending::Aborted, "{}", outcome.why());
}

#[tokio::test]
async fn before_the_candidate_is_ended() {
    half_way(Trap::once_set(CANDIDATE, Fate::Held)).await;
}

#[tokio::test]
async fn after_the_candidate_is_ended() {
    half_way(Trap::once_set(CANDIDATE, Fate::Lost)).await;
}

/// Aborted while it is promoted, and killed when a request is caught. The next rollout finds nothing in its way.
async fn promoting(trap: Trap) {
    let doomed = Doomed::promoting(trap).await;
    let moment = doomed.abort().await;
    doomed.trap.snaps().await;
    let (outcome, shop) = doomed.killed().await.ended(moment).await;
    assert_eq!(outcome.ending(), Ending::Aborted, "{}", outcome.why());
    let process = Process::new();
    let next = begun(&shop, &process, &Trap::none(), &image("shop:v3"), STEP).await.done().await.unwrap();
    assert_eq!(next.ending(), Ending::Promoted, "{}", next.why());
}

#[tokio::test]
async fn before_the_template_of_stable_is_restored() {
    promoting(Trap::once_set(STABLE, Fate::Held)).await;
}

#[tokio::test]
async fn after_the_template_of_stable_is_restored() {
    promoting(Trap::once_set(STABLE, Fate::Lost)).await;
}

#[tokio::test]
async fn before_users_return_to_the_restored_stable() {
    promoting(Trap::once_set(OFF, Fate::Held)).await;
}

#[tokio::test]
async fn after_users_returned_to_the_restored_stable() {
    promoting(Trap::once_set(OFF, Fate::Lost)).await;
}

#[tokio::test]
async fn before_the_candidate_of_an_undone_promotion_is_ended() {
    promoting(Trap::once_set(CANDIDATE, Fate::Held)).await;
}

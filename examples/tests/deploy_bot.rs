//! A deploy bot that embeds Shepherd, and the test of its rollouts: a real Kubernetes, pods that serve, and users who ask
//! all the time.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use kube::Client;
use shepherd_core::driver::Rollout;
use shepherd_core::machine::Outcome;
use shepherd_core::model::{Exposure, GateName, Track, Verdict, Weight};
use shepherd_core::plan::{Change, GateCheck, Plan, PlanError, Recovery};
use shepherd_core::ports::{CheckContext, HealthGate, PortError};
use shepherd_core::strategy::Strategy;
use shepherd_kube::router::GatewayRoute;
use shepherd_kube::store::KubeStore;
use shepherd_kube::workload::DeploymentPair;
use shepherd_testkit::cluster::{Behaviour, Cluster, Load, Namespace};

type Tried<T = ()> = Result<T, Box<dyn Error>>;

// The bot, as it runs in production.

/// Rolls out the service `web` of a namespace, which users reach by the `HTTPRoute` of that name.
struct Bot {
    client: Client,
    namespace: String,
    /// Where the candidate is asked before users are.
    smoke: String,
    /// How long each step is watched.
    step: Duration,
}

impl Bot {
    async fn roll_out(&self, image: &str) -> Tried<Outcome> {
        let (client, namespace) = (&self.client, &self.namespace);
        let smoke = GateName::new("smoke")?;
        let strategy = SmokeFirst { smoke: smoke.clone(), share: Weight::percent(20)?, step: self.step };
        let rollout = Rollout::of(format!("{namespace}/web").parse()?)
            .strategy(strategy)
            .gate(smoke, Smoke { url: self.smoke.clone() })
            .through(GatewayRoute::http(client.clone(), namespace, "web"))
            .on(DeploymentPair::new(client.clone(), namespace, "web").services("web", "web-candidate"))
            .stored_in(KubeStore::new(client.clone(), namespace, "deploy-bot"))
            .build()?;
        Ok(rollout.start(image.parse()?).await?.done().await?)
    }
}

/// A strategy of its own: nobody meets the candidate before it has passed the smoke test, then some users do, then all.
struct SmokeFirst {
    smoke: GateName,
    share: Weight,
    step: Duration,
}

impl Strategy for SmokeFirst {
    fn plan(&self, change: &Change) -> Result<Plan, PlanError> {
        Plan::builder(change, "smoke-first")
            .scale(Track::Candidate, change.replicas)
            .check(GateCheck::new(self.smoke.clone()).failures(0))
            .weight(self.share)
            .bake(self.step)
            .weight(Weight::FULL)
            .bake(self.step)
            .promote()
            .expose(Exposure::OFF)
            .retire(Track::Candidate, self.step)
            .recovery(Recovery::default().drain(self.step))
            .build()
    }
}

/// A gate of its own.
struct Smoke {
    url: String,
}

#[async_trait]
impl HealthGate for Smoke {
    async fn check(&self, _: &CheckContext) -> Result<Verdict, PortError> {
        let (asked, mut failed) = (50, 0);
        for _ in 0..asked {
            let answer = reqwest::get(&self.url).await;
            let answer = answer.map_err(|error| PortError::transient("smoke", error.to_string()))?;
            failed += u32::from(!answer.status().is_success());
        }
        let found = format!("{failed} of {asked} requests failed");
        Ok(if failed == 0 { Verdict::Pass(found.into()) } else { Verdict::Fail(found.into()) })
    }
}

// Its test.

/// What the bot finds: three pods of `shop:v1`, and the Services and the route that they are reached by.
struct Shop {
    namespace: Namespace,
    users: Load,
    bot: Bot,
}

impl Shop {
    async fn open() -> Tried<Self> {
        let cluster = Cluster::shared().await?;
        let gateway = cluster.gateway().await?;
        let namespace = cluster.namespace("shop").await?;
        namespace.deployment("web", "shop:v1", 3).await?;
        namespace.ready_pods("app=web", 3).await?;
        namespace.service("web", "web").await?;
        let candidate = namespace.service("web-candidate", "web-candidate").await?;
        let host = format!("{}.example", namespace.name());
        namespace.http_route("web", &host, &[("web", 1), ("web-candidate", 0)]).await?;

        let bot = Bot {
            client: namespace.client(),
            namespace: namespace.name().to_owned(),
            smoke: format!("http://{candidate}/"),
            step: Duration::from_secs(1),
        };
        let users = Load::to(gateway.address()).header("host", &host)?.rate(100.0);
        let shop = Self { namespace, users, bot };
        shop.serves_only("shop:v1").await?;
        Ok(shop)
    }

    async fn serves_only(&self, image: &str) -> Tried {
        let look = async || {
            let tally = self.users.clone().send(30).await;
            Ok(if tally.by(image) == 30 { Ok(()) } else { Err(tally.to_string()) })
        };
        Ok(self.namespace.eventually(&format!("all users being with {image}"), look).await?)
    }

    /// Rolls it out while users ask. No request fails, and this image has answered the last ones.
    async fn roll_out(&self, image: &str, then_serves: &str) -> Tried<Outcome> {
        let users = self.users.clone().start();
        let outcome = self.bot.roll_out(image).await?;
        let tally = users.stop().await;
        println!("{}: {tally}", outcome.why());
        assert_eq!(tally.failed(), 0, "{tally}");
        self.serves_only(then_serves).await?;
        Ok(outcome)
    }
}

#[tokio::test]
async fn a_healthy_version_is_promoted() -> Tried {
    let outcome = Shop::open().await?.roll_out("shop:v2", "shop:v2").await?;
    assert!(matches!(outcome, Outcome::Promoted(_)), "{}", outcome.why());
    Ok(())
}

#[tokio::test]
async fn a_version_that_crashes_is_taken_back_and_says_why() -> Tried {
    let crashing = Behaviour::Crashing.image("shop:v2");
    let outcome = Shop::open().await?.roll_out(&crashing, "shop:v1").await?;
    assert!(matches!(outcome, Outcome::RolledBack(_)), "{}", outcome.why());
    // In the words of its pods.
    assert!(outcome.why().contains("CrashLoopBackOff"), "{}", outcome.why());
    Ok(())
}

#[tokio::test]
async fn a_version_that_fails_requests_is_taken_back_before_users_meet_it() -> Tried {
    let erroring = Behaviour::Erroring.image("shop:v2");
    let outcome = Shop::open().await?.roll_out(&erroring, "shop:v1").await?;
    assert!(matches!(outcome, Outcome::RolledBack(_)), "{}", outcome.why());
    // In the words of the bot's gate.
    assert!(outcome.why().contains("of 50 requests failed"), "{}", outcome.why());
    Ok(())
}

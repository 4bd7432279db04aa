use async_trait::async_trait;
use serde_json::json;
use shepherd_core::ports::{CheckContext, HealthGate};
use shepherd_kube::gate::{
    AutoscalerHeadroom, Endpoints, ImagesPulled, NoCrashLoops, PodsReady, ReplicaCount, Restarts, Tracks,
};
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::gate::{GateFixture, Health};

use super::shop::{Shop, endpoint, question};

struct Fixture<G> {
    shop: Shop,
    gate: fn(Tracks) -> G,
    ill: fn(&Shop),
}

impl<G> Fixture<G> {
    fn new(gate: fn(Tracks) -> G, ill: fn(&Shop)) -> Self {
        Self { shop: Shop::new(), gate, ill }
    }
}

#[async_trait]
impl<G: HealthGate> GateFixture for Fixture<G> {
    type Gate = G;

    async fn open(&self) -> Opened<G> {
        Ok((self.gate)(self.shop.tracks()))
    }

    async fn make(&self, health: Health) -> Opened<()> {
        self.shop.is_well();
        match health {
            Health::Ill => (self.ill)(&self.shop),
            Health::Unreachable => self.shop.0.is_down(Some(403)),
            _ => {}
        }
        Ok(())
    }

    fn question(&self) -> CheckContext {
        question()
    }

    async fn seen_by_users(&self) -> Opened<String> {
        Ok(self.shop.0.everything())
    }
}

fn crashes(shop: &Shop) {
    shop.container(
        &json!({"restartCount": 5, "state": {"running": null, "waiting": {"reason": "CrashLoopBackOff"}}}),
    );
}

shepherd_testkit::gate_conformance!(pods_ready => || Fixture::new(PodsReady::of, crashes));
shepherd_testkit::gate_conformance!(no_crash_loops => || Fixture::new(NoCrashLoops::of, crashes));
shepherd_testkit::gate_conformance!(restarts => || Fixture::new(|tracks| Restarts::of(tracks, 2), crashes));
shepherd_testkit::gate_conformance!(images_pulled => || Fixture::new(ImagesPulled::of, |shop| {
    shop.container(&json!({"imageID": "", "state": {"running": null, "waiting": {"reason": "ErrImagePull"}}}));
}));
shepherd_testkit::gate_conformance!(replica_count => || Fixture::new(ReplicaCount::of, |shop| {
    shop.set(&json!({"readyReplicas": 1, "availableReplicas": 1}));
}));
shepherd_testkit::gate_conformance!(endpoints => || Fixture::new(
    |tracks| Endpoints::of(tracks, "web", "web-candidate"),
    |shop| shop.endpoints(&[endpoint("web", 1)]),
));
shepherd_testkit::gate_conformance!(autoscaler_headroom => || Fixture::new(AutoscalerHeadroom::of, |shop| {
    shop.autoscaler(&json!({"status": {"currentReplicas": 4}}));
}));

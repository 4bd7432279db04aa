//! What registries may answer, over real HTTP.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod broken;
mod credentials;
mod elsewhere;
mod honest;
mod peer;

use std::time::Duration;

use shepherd_core::model::Verdict;
use shepherd_kube::preflight::Images;
use shepherd_kube::registry::{Credentials, Registries};

use peer::Peer;

/// What must be in no text.
const PASSWORD: &str = "hunter2-of-the-robot";
/// `robot` with that password.
const PROOF: &str = "Basic cm9ib3Q6aHVudGVyMi1vZi10aGUtcm9ib3Q=";

/// How long is waited for what never comes.
const SOON: Duration = Duration::from_millis(300);

fn as_robot() -> Registries {
    Registries::new().credentials(|_| Ok(Some(Credentials::new("robot", PASSWORD))))
}

async fn looked(registries: &Registries, peer: &Peer) -> Verdict {
    let verdict = registries.look(&format!("{}/acme/shop:v2", peer.host())).await;
    let text = format!("{verdict} {verdict:?} {registries:?}");
    // Nor whose it is: that may be the token itself.
    assert!(!text.contains(PASSWORD) && !text.contains(PROOF) && !text.contains("robot"), "{text}");
    verdict
}

fn assert_inconclusive(verdict: &Verdict, why: &str) {
    assert!(
        matches!(verdict, Verdict::Inconclusive(_)) && verdict.reason().as_str().contains(why),
        "{verdict}"
    );
}

fn assert_error(verdict: &Verdict, why: &str) {
    assert!(matches!(verdict, Verdict::Error(_)) && verdict.reason().as_str().contains(why), "{verdict}");
}

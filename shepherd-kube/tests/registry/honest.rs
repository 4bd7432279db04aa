//! Registries that say how it is.

use shepherd_core::model::Verdict;
use shepherd_kube::preflight::Images;
use shepherd_kube::registry::Registries;

use crate::peer::{Peer, answer, manifest, unknown};
use crate::{as_robot, looked};

#[tokio::test]
async fn an_image_that_is_there_is_asked_for_once_and_as_nobody() {
    let hub = Peer::answering(|_| manifest()).await;
    assert_eq!(looked(&as_robot(), &hub).await, Verdict::Pass(format!("{} has it", hub.host()).into()));
    let [seen] = &hub.seen()[..] else { panic!("{:?}", hub.seen()) };
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("HEAD", "/v2/acme/shop/manifests/v2"));
    assert_eq!(seen.authorization, None);
}

#[tokio::test]
async fn an_image_that_is_not_there_is_told_in_the_words_of_the_registry() {
    let hub = Peer::answering(|_| unknown()).await;
    let why = format!("{} has none that everybody may see (MANIFEST_UNKNOWN: manifest unknown)", hub.host());
    assert_eq!(looked(&Registries::new(), &hub).await, Verdict::Fail(why.into()));
}

#[tokio::test]
async fn whoever_knows_no_head_is_asked_otherwise() {
    let hub = Peer::answering(|seen| match seen.method.as_str() {
        "GET" => manifest(),
        _ => answer(405, ("allow", "GET"), ""),
    })
    .await;
    assert!(looked(&Registries::new(), &hub).await.is_pass());
}

#[tokio::test]
async fn what_is_no_name_is_asked_of_nobody() {
    let verdict = Registries::new().look("127.0.0.1:1/Shop:v2").await;
    let Verdict::Fail(why) = verdict else { panic!("{verdict}") };
    assert!(why.as_str().starts_with("it is no name of an image: `Shop` is no repository"), "{why}");
}

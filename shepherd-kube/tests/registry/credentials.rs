//! Who is shown credentials, and who says nothing without.

use shepherd_core::model::Verdict;
use shepherd_kube::registry::{Credentials, Registries};
use tokio::sync::oneshot;

use crate::peer::{Peer, Seen, answer, manifest, unknown, wants_token};
use crate::{PASSWORD, PROOF, SOON, as_robot, assert_error, assert_inconclusive, looked};

const TOKEN: &str = "Bearer abc.def-123";

async fn tokens() -> Peer {
    Peer::answering(|_| answer(200, ("content-type", "application/json"), r#"{"token":"abc.def-123"}"#)).await
}

/// One that wants a token of that server, and answers so to whoever has it.
async fn behind(tokens: &Peer, then: fn() -> crate::peer::Answer) -> Peer {
    let realm = format!("http://{}/token", tokens.host());
    Peer::answering(move |seen| match seen.authorization.as_deref() {
        Some(TOKEN) => then(),
        _ => wants_token(&realm),
    })
    .await
}

fn shown(peer: &Peer) -> Vec<Option<String>> {
    peer.seen().into_iter().map(|seen| seen.authorization).collect()
}

#[tokio::test]
async fn a_token_is_had_without_credentials_where_everybody_may_have_one() {
    let tokens = tokens().await;
    let hub = behind(&tokens, manifest).await;
    assert!(looked(&Registries::new(), &hub).await.is_pass());
    let target = "/token?service=hub&scope=repository%3Aacme%2Fshop%3Apull".to_owned();
    assert_eq!(tokens.seen(), [Seen { method: "GET".to_owned(), target, authorization: None }]);
    assert_eq!(shown(&hub), [None, Some(TOKEN.to_owned())]);
}

#[tokio::test]
async fn the_token_server_sees_the_credentials_and_the_registry_the_token() {
    let tokens = tokens().await;
    let hub = behind(&tokens, unknown).await;
    let Verdict::Fail(why) = looked(&as_robot(), &hub).await else { panic!() };
    assert!(why.as_str().contains("has none that robot may see (MANIFEST_UNKNOWN"), "{why}");
    assert_eq!(shown(&tokens), [Some(PROOF.to_owned())]);
    assert_eq!(shown(&hub), [None, Some(TOKEN.to_owned()), Some(TOKEN.to_owned())]);
}

#[tokio::test]
async fn a_registry_without_a_token_server_sees_them_itself() {
    let hub = Peer::answering(|seen| match seen.authorization.as_deref() {
        Some(PROOF) => manifest(),
        _ => answer(401, ("www-authenticate", "Basic realm=\"hub\""), ""),
    })
    .await;
    assert!(looked(&as_robot(), &hub).await.is_pass());
    assert_inconclusive(
        &looked(&Registries::new(), &hub).await,
        "does not say so to whoever asks without credentials",
    );
    let others = Registries::new().credentials(|_| Some(Credentials::new("guest", PASSWORD)));
    assert_inconclusive(&looked(&others, &hub).await, "does not say so to guest");
}

#[tokio::test]
async fn credentials_are_looked_up_by_the_name_of_the_image() {
    let hub = Peer::answering(|_| answer(401, ("www-authenticate", "Basic realm=\"hub\""), "")).await;
    let expected = format!("{}/acme/shop", hub.host());
    let registries = Registries::new()
        .credentials(move |name| (name == expected).then(|| Credentials::new("robot", PASSWORD)));
    assert_inconclusive(&looked(&registries, &hub).await, "does not say so to robot");
}

#[tokio::test]
async fn credentials_that_a_token_server_does_not_take_say_nothing_of_the_image() {
    for status in [401, 403] {
        let tokens = Peer::answering(move |_| answer(status, ("content-type", "text/plain"), PASSWORD)).await;
        let hub = behind(&tokens, manifest).await;
        let why = format!("does not say so to robot (its token server answered {status})");
        assert_inconclusive(&looked(&as_robot(), &hub).await, &why);
        assert_eq!(shown(&hub), [None]);
    }
}

#[tokio::test]
async fn what_a_token_server_may_break() {
    let bodies = [
        "",
        "<html>",
        "{}",
        r#"{"token":7}"#,
        r#"{"token":"a\nb"}"#,
        r#"{"token":null,"access_token":null}"#,
    ];
    for body in bodies {
        let tokens = Peer::answering(move |_| answer(200, ("content-type", "application/json"), body)).await;
        let hub = behind(&tokens, manifest).await;
        assert_error(&looked(&as_robot(), &hub).await, "gave no token for");
    }
    for status in [302, 429, 500] {
        let tokens =
            Peer::answering(move |_| answer(status, ("location", "/elsewhere"), r#"{"token":"abc"}"#)).await;
        let hub = behind(&tokens, manifest).await;
        assert_error(&looked(&as_robot(), &hub).await, &format!("it answered {status}"));
        assert_eq!(tokens.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_challenge_that_nobody_can_meet_says_nothing_of_the_image() {
    for challenge in ["Negotiate", "Bearer service=\"hub\"", "\u{1}"] {
        let hub =
            Peer::answering(move |_| answer(401, ("www-authenticate", challenge.trim_matches('\u{1}')), ""))
                .await;
        assert_inconclusive(&looked(&as_robot(), &hub).await, "does not say so");
    }
    let hub = Peer::answering(|_| wants_token("file:///etc/passwd")).await;
    assert_error(&looked(&as_robot(), &hub).await, "names a token server that cannot be asked");
}

#[tokio::test]
async fn whoever_is_asked_for_credentials_may_panic_or_hang() {
    let hub = Peer::answering(|_| answer(401, ("www-authenticate", "Basic realm=\"hub\""), "")).await;
    let registries = Registries::new().credentials(|name| panic!("nobody knows {name}"));
    assert_error(&looked(&registries, &hub).await, "whoever was asked for its credentials panicked");

    let (release, held) = oneshot::channel::<()>();
    let held = std::sync::Mutex::new(Some(held));
    let registries = Registries::new().within(SOON).credentials(move |_| {
        let held = held.lock().unwrap().take().unwrap();
        drop(held.blocking_recv());
        None
    });
    assert_error(&looked(&registries, &hub).await, "no answer from");
    drop(release);
}

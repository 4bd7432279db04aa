//! Who is shown credentials, and who says nothing without.

use shepherd_core::model::Verdict;
use shepherd_kube::registry::{Credentials, Registries};
use tokio::sync::oneshot;

use crate::peer::{Answer, Peer, Seen, answer, manifest, unknown, wants_token};
use crate::{PASSWORD, PROOF, SOON, as_robot, assert_error, assert_inconclusive, looked};

const TOKEN: &str = "Bearer abc.def-123";

async fn tokens() -> Peer {
    tokens_in("token").await
}

async fn tokens_in(word: &str) -> Peer {
    let token = format!(r#"{{"{word}":"abc.def-123"}}"#);
    Peer::answering(move |_| answer(200, ("content-type", "application/json"), token.clone())).await
}

/// One that wants a token of that server, and answers so to whoever has it.
async fn behind(tokens: &Peer, then: fn() -> Answer) -> Peer {
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
    assert!(why.as_str().contains("has none that this login may see (MANIFEST_UNKNOWN"), "{why}");
    assert_eq!(shown(&tokens), [Some(PROOF.to_owned())]);
    assert_eq!(shown(&hub), [None, Some(TOKEN.to_owned()), Some(TOKEN.to_owned())]);
}

#[tokio::test]
async fn a_token_has_one_of_two_names() {
    let tokens = tokens_in(r#"token":"","access_token"#).await;
    let hub = behind(&tokens, manifest).await;
    assert!(looked(&Registries::new(), &hub).await.is_pass());
}

/// One that has nothing for strangers, and asks for a login where its own paths begin.
async fn hiding() -> Peer {
    Peer::answering(|seen| match (seen.target.as_str(), seen.authorization.as_deref()) {
        ("/v2/", None) => answer(401, ("www-authenticate", "Basic realm=\"hub\""), ""),
        ("/v2/acme/shop/manifests/v2", Some(PROOF)) => manifest(),
        _ => unknown(),
    })
    .await
}

#[tokio::test]
async fn what_is_hidden_from_strangers_is_there_for_whoever_logs_in() {
    assert!(looked(&as_robot(), &hiding().await).await.is_pass());
    let Verdict::Fail(why) = looked(&Registries::new(), &hiding().await).await else { panic!() };
    assert!(why.as_str().contains("has none that everybody may see"), "{why}");
    // Where everybody may ask there is no more to see.
    let hub = Peer::answering(|_| unknown()).await;
    assert!(matches!(looked(&as_robot(), &hub).await, Verdict::Fail(_)));
    assert!(hub.seen().iter().all(|seen| seen.authorization.is_none()), "{:?}", hub.seen());
}

#[tokio::test]
async fn what_was_shown_is_not_passed_on_by_whoever_sends_it_back() {
    for status in [404, 418] {
        let hub = Peer::answering(move |seen| match &seen.authorization {
            Some(proof) => {
                let told = format!("you said {proof}, that is {PASSWORD}");
                let body = serde_json::json!({"errors": [{"code": "MANIFEST_UNKNOWN", "message": told}]});
                answer(status, ("content-type", "application/json"), body.to_string())
            }
            None => answer(401, ("www-authenticate", "Basic realm=\"hub\""), ""),
        })
        .await;
        // `looked` finds it wherever it comes to.
        assert!(!looked(&as_robot(), &hub).await.is_pass());
    }
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
        "tells nobody without a login, and there is none for it here",
    );
    let others = Registries::new().credentials(|_| Ok(Some(Credentials::new("guest", PASSWORD))));
    assert_inconclusive(
        &looked(&others, &hub).await,
        "does not tell whom it was asked as: that may be the wrong login",
    );
}

/// Neither is what they would see refused, nor what everybody sees lost.
#[tokio::test]
async fn credentials_that_cannot_be_had_refuse_nothing() {
    let locked = || Registries::new().credentials(|_| Err("its helper\nis locked".to_owned()));
    let why = "cannot be used: its helper is locked";
    assert_error(&looked(&locked(), &hiding().await).await, why);
    let tokens = tokens().await;
    assert_error(&looked(&locked(), &behind(&tokens, unknown).await).await, why);
    assert!(looked(&locked(), &behind(&tokens, manifest).await).await.is_pass());
    assert!(shown(&tokens).iter().all(Option::is_none));
}

#[tokio::test]
async fn a_login_that_is_wanted_only_for_get_is_shown() {
    let hub = Peer::answering(|seen| match (seen.method.as_str(), seen.authorization.as_deref()) {
        ("GET", Some(PROOF)) => manifest(),
        ("GET", None) => answer(401, ("www-authenticate", "Basic realm=\"hub\""), ""),
        _ => answer(405, ("allow", "GET"), ""),
    })
    .await;
    assert!(looked(&as_robot(), &hub).await.is_pass());
}

#[tokio::test]
async fn credentials_are_looked_up_by_the_name_of_the_image() {
    let hub = Peer::answering(|_| answer(401, ("www-authenticate", "Basic realm=\"hub\""), "")).await;
    let expected = format!("{}/acme/shop", hub.host());
    let registries = Registries::new()
        .credentials(move |name| Ok((name == expected).then(|| Credentials::new("robot", PASSWORD))));
    assert_inconclusive(&looked(&registries, &hub).await, "does not tell whom it was asked as");
}

#[tokio::test]
async fn credentials_that_a_token_server_does_not_take_say_nothing_of_the_image() {
    for status in [401, 403] {
        let tokens = Peer::answering(move |_| answer(status, ("content-type", "text/plain"), PASSWORD)).await;
        let hub = behind(&tokens, manifest).await;
        assert_inconclusive(&looked(&as_robot(), &hub).await, "does not tell whom it was asked as");
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
    for challenge in ["Negotiate", "Bearer service=\"hub\"", ""] {
        let hub = Peer::answering(move |_| answer(401, ("www-authenticate", challenge), "")).await;
        assert_inconclusive(
            &looked(&as_robot(), &hub).await,
            "wants a login of a kind that is not known here",
        );
    }
    let hub = Peer::answering(|_| wants_token("file:///etc/passwd")).await;
    assert_error(&looked(&as_robot(), &hub).await, "names a token server that cannot be asked");
}

#[tokio::test]
async fn whoever_is_asked_for_credentials_may_panic_or_hang() {
    let hub = Peer::answering(|_| answer(401, ("www-authenticate", "Basic realm=\"hub\""), "")).await;
    let registries = Registries::new().credentials(|name| panic!("nobody knows {name}"));
    let why = "cannot be used: whoever was asked for it panicked";
    assert_error(&looked(&registries, &hub).await, why);

    let (release, held) = oneshot::channel::<()>();
    let held = std::sync::Mutex::new(Some(held));
    let registries = Registries::new().within(SOON).credentials(move |_| {
        let held = held.lock().unwrap().take().unwrap();
        drop(held.blocking_recv());
        Ok(None)
    });
    assert_error(&looked(&registries, &hub).await, "no answer from whoever knows the login for");
    drop(release);
}

//! Registries that send on, and TLS.

use kube::Config;
use rcgen::CertifiedKey;
use shepherd_core::model::Verdict;
use shepherd_kube::preflight::Images;
use shepherd_kube::registry::Registries;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::peer::{Answer, Peer, answer, manifest, unknown, wants_token};
use crate::{PROOF, as_robot, assert_error, looked};

fn sends_on(to: &str) -> Answer {
    answer(307, ("location", to), "")
}

#[tokio::test]
async fn where_it_sends_on_to_it_is_looked_for_and_nothing_is_shown_there() {
    let store = Peer::answering(|_| manifest()).await;
    let there = format!("http://{}/v2/copy/manifests/v2", store.host());
    let hub = Peer::answering(move |seen| match seen.authorization.as_deref() {
        Some(PROOF) => sends_on(&there),
        _ => answer(401, ("www-authenticate", "Basic realm=\"hub\""), ""),
    })
    .await;
    assert!(looked(&as_robot(), &hub).await.is_pass());
    let [seen] = &store.seen()[..] else { panic!("{:?}", store.seen()) };
    assert_eq!((seen.target.as_str(), &seen.authorization), ("/v2/copy/manifests/v2", &None));
}

/// One that is sent on to by whoever was shown the password, or before.
async fn sent_on_to(store: &Peer, shown: bool) -> Peer {
    let there = format!("http://{}/v2/copy/manifests/v2", store.host());
    Peer::answering(move |seen| match seen.authorization.as_deref() {
        None if shown => answer(401, ("www-authenticate", "Basic realm=\"hub\""), ""),
        _ => sends_on(&there),
    })
    .await
}

#[tokio::test]
async fn whoever_it_sends_on_to_gets_no_credentials_whatever_he_answers() {
    for shown in [false, true] {
        let wants = || answer(401, ("www-authenticate", "Basic realm=\"store\""), "");
        let answers: [fn() -> Answer; 3] = [wants, unknown, || answer(500, ("x-store", "down"), "")];
        for then in answers {
            let store = Peer::answering(move |_| then()).await;
            let verdict = looked(&as_robot(), &sent_on_to(&store, shown).await).await;
            assert!(!verdict.is_pass(), "{verdict}");
            assert!(store.seen().iter().all(|seen| seen.authorization.is_none()), "{:?}", store.seen());
        }
    }
}

#[tokio::test]
async fn it_may_send_on_within_itself_and_not_for_ever() {
    let hub = Peer::answering(|seen| match seen.target.as_str() {
        "/here" => manifest(),
        _ => sends_on("/here"),
    })
    .await;
    assert!(looked(&Registries::new(), &hub).await.is_pass());
    for relative in ["here", "../v2", "?a=b", "localhost", "127.0.0.1:1", ""] {
        let hub = Peer::answering(move |seen| match seen.target.as_str() {
            "/v2/acme/shop/manifests/v2" if seen.method == "HEAD" => sends_on(relative),
            _ => manifest(),
        })
        .await;
        let verdict = looked(&Registries::new(), &hub).await;
        assert!(verdict.is_pass() || matches!(verdict, Verdict::Error(_)), "{relative}: {verdict}");
    }
    let hub = Peer::answering(|_| sends_on("/again")).await;
    assert_error(&looked(&Registries::new(), &hub).await, "sends on and on");
    assert_eq!(hub.seen().len(), 4);
    for nowhere in ["http://", "file:///etc/passwd", "data:,v2", "http://[::1/"] {
        let hub = Peer::answering(move |_| sends_on(nowhere)).await;
        assert_error(&looked(&Registries::new(), &hub).await, "127.0.0.1 sends on to nowhere");
    }
}

#[tokio::test]
async fn what_another_host_has_not_is_nothing_that_the_registry_says() {
    let store = Peer::answering(|_| unknown()).await;
    let verdict = looked(&Registries::new(), &sent_on_to(&store, false).await).await;
    assert_error(&verdict, "sends on to 127.0.0.1, which answered 404");
}

/// A certificate for `localhost` that nobody knows, and the server's side of it.
fn certificate() -> (Vec<u8>, ServerConfig) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(ring::default_provider().into());
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    (cert.der().to_vec(), config.with_single_cert(vec![cert.der().clone()], key).unwrap())
}

/// By a name that is not asked by plain HTTP: the port is that of the peer whatever host is named.
fn trusting(certificate: &[u8], port: u16) -> Registries {
    let certificate = certificate.to_vec();
    Registries::new().configured_by(move |host, config: &mut Config| {
        assert_eq!(host, "hub.example");
        config.cluster_url = format!("https://localhost:{port}").parse().unwrap();
        config.root_cert = Some(vec![certificate.clone()]);
    })
}

#[tokio::test]
async fn others_are_asked_by_tls() {
    let (certificate, config) = certificate();
    let hub = Peer::by_tls(config, |_| manifest()).await;
    let verdict = trusting(&certificate, hub.port()).look("hub.example/acme/shop:v2").await;
    assert!(verdict.is_pass(), "{verdict}");

    let (other, _) = self::certificate();
    let verdict = trusting(&other, hub.port()).look("hub.example/acme/shop:v2").await;
    assert_error(&verdict, "hub.example cannot be reached: invalid peer certificate");
}

#[tokio::test]
async fn nobody_is_led_from_tls_to_where_there_is_none() {
    let plain = Peer::answering(|_| manifest()).await;
    let there = format!("http://{}/v2/acme/shop/manifests/v2", plain.host());
    let (certificate, config) = certificate();
    let hub = Peer::by_tls(config, move |_| sends_on(&there)).await;
    let verdict = trusting(&certificate, hub.port()).look("hub.example/acme/shop:v2").await;
    assert_error(&verdict, "hub.example sends on to 127.0.0.1 by plain HTTP");

    let realm = format!("http://{}/token", plain.host());
    let (certificate, config) = self::certificate();
    let hub = Peer::by_tls(config, move |_| wants_token(&realm)).await;
    let verdict = trusting(&certificate, hub.port()).look("hub.example/acme/shop:v2").await;
    assert_error(&verdict, "names a token server that cannot be asked");
    assert_eq!(plain.seen(), []);
}

//! Answers that say nothing of the image.

use std::time::Duration;

use shepherd_kube::registry::Registries;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::peer::{Peer, answer};
use crate::{SOON, assert_error, looked};
use shepherd_core::model::Verdict;
use shepherd_kube::preflight::Images;

#[tokio::test]
async fn what_is_in_between_answers_too() {
    let codes = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow\ndown"}]}"#;
    for (status, body, why) in [
        (200, "<html>log in</html>", "answered 200"),
        (404, "<html>no such page</html>", "answered 404"),
        (404, r#"{"errors":[]}"#, "answered 404"),
        (404, r#"{"errors":"#, "answered 404"),
        (429, codes, "answered 429 (TOOMANYREQUESTS: slow down)"),
        (500, "", "answered 500"),
        (503, "\u{0}\u{1}", "answered 503"),
    ] {
        let hub = Peer::answering(move |_| answer(status, ("content-type", "text/html"), body)).await;
        assert_error(&looked(&Registries::new(), &hub).await, why);
    }
}

#[tokio::test]
async fn only_so_much_of_an_answer_is_read() {
    let long = format!(r#"{{"errors":[{{"code":"MANIFEST_UNKNOWN","message":"{}"}}]}}"#, "x".repeat(1 << 20));
    let hub = Peer::answering(move |_| answer(404, ("content-type", "application/json"), long.clone())).await;
    assert_error(&looked(&Registries::new(), &hub).await, "answered 404");
}

/// A listener that reads a request and answers these bytes, which may be none, and then goes or stays.
async fn says(bytes: &'static [u8], stays: bool) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            drop(stream.read(&mut [0; 4096]).await);
            drop(stream.write_all(bytes).await);
            if stays {
                held.push(stream);
            }
        }
    });
    (host, serving)
}

async fn asked(host: &str, within: Duration) -> Verdict {
    Registries::new().within(within).look(&format!("{host}/acme/shop:v2")).await
}

#[tokio::test]
async fn what_is_no_answer() {
    for bytes in [
        &b""[..],
        b"HTTP/1.1 200",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\nab",
    ] {
        let (host, serving) = says(bytes, false).await;
        let verdict = asked(&host, Duration::from_secs(10)).await;
        assert!(matches!(verdict, Verdict::Error(_)), "{bytes:?}: {verdict}");
        serving.abort();
    }
}

#[tokio::test]
async fn nobody_is_waited_for_longer_than_was_said() {
    for bytes in [&b""[..], b"HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\nab"] {
        let (host, serving) = says(bytes, true).await;
        assert_error(&asked(&host, SOON).await, &format!("no answer from {host} within 300ms"));
        serving.abort();
    }
}

#[tokio::test]
async fn nobody_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    assert_error(&asked(&host, Duration::from_secs(10)).await, "127.0.0.1 cannot be reached: ");
}

use std::time::Duration;

use hyper::Request;

use super::in_time;
use crate::ground::behaviour::Behaviour;
use crate::ground::client::{Connection, get};
use crate::ground::error::ClientError;
use crate::ground::server::{Server, ServerSpec};

async fn start(behaviour: Behaviour, start_up: Duration) -> Server {
    Server::start(ServerSpec { revision: "v1".into(), behaviour, start_up }).await.expect("a port")
}

async fn has_taken(server: &Server, requests: u64) {
    while server.taken() < requests {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn it_is_ready_only_after_its_start_up() {
    let server = start(Behaviour::Healthy, Duration::from_millis(100)).await;
    assert_eq!(get(server.addr(), "/healthz").await.expect("an answer").status(), 503);
    in_time(async { while get(server.addr(), "/healthz").await.expect("an answer").status() != 200 {} })
        .await;
}

#[tokio::test]
async fn it_counts_its_requests_and_failures() {
    let server = start(Behaviour::Failing { percent: 50 }, Duration::ZERO).await;
    for _ in 0..10 {
        get(server.addr(), "/").await.expect("an answer");
    }
    let metrics = get(server.addr(), "/metrics").await.expect("an answer").into_body();
    let text = String::from_utf8(metrics.to_vec()).expect("text");
    assert!(text.contains("http_requests_total{code=\"500\"} 5\n"), "{text}");
    assert!(text.contains("http_request_duration_seconds_count 10\n"), "{text}");
}

#[tokio::test]
async fn a_shutdown_finishes_what_is_in_flight_and_closes_what_is_kept_alive() {
    let server = start(Behaviour::SLOW, Duration::ZERO).await;
    let addr = server.addr();
    let mut kept = Connection::open(addr).await.expect("a connection");
    kept.exchange(Request::default()).await.expect("an answer");
    let in_flight = tokio::spawn(async move { kept.exchange(Request::default()).await.map(|_| kept) });
    in_time(has_taken(&server, 2)).await;
    in_time(server.shutdown(Duration::from_secs(5))).await;
    let kept = in_time(in_flight).await.expect("no panic").expect("an answer");
    in_time(async {
        while !kept.is_closed() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(matches!(get(addr, "/").await, Err(ClientError::Connect { .. })));
}

#[tokio::test]
async fn a_shutdown_does_not_wait_beyond_its_deadline() {
    let server = start(Behaviour::Slow { by: Duration::from_mins(1) }, Duration::ZERO).await;
    let hanging = tokio::spawn(get(server.addr(), "/"));
    in_time(has_taken(&server, 1)).await;
    in_time(server.shutdown(Duration::from_millis(50))).await;
    assert!(in_time(hanging).await.expect("no panic").is_err());
}

#[tokio::test]
async fn a_crash_cuts_everything_and_closes_the_port() {
    let mut server = start(Behaviour::Crashing { at_request: 2 }, Duration::ZERO).await;
    let addr = server.addr();
    get(addr, "/").await.expect("an answer");
    assert!(matches!(in_time(get(addr, "/")).await, Err(ClientError::Broken(_))));
    assert_eq!(in_time(server.crashed()).await, "v1 died at request 2");
    assert!(matches!(get(addr, "/").await, Err(ClientError::Connect { .. })));
}

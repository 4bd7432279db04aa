use hyper::StatusCode;

use super::{World, in_time, split};
use crate::ground::client::get;
use crate::ground::error::GroundError;
use crate::ground::proxy::Proxy;
use crate::ground::switchboard::{Match, Policy, Split};
use crate::ground::track::{PerTrack, Track};

async fn world(policy: Policy, stable: usize, candidate: usize) -> World {
    let world = World::new(policy).await;
    world.set(Track::Stable, "v1", stable);
    world.set(Track::Candidate, "v2", candidate);
    world.settled().await;
    world
}

#[tokio::test]
async fn the_candidate_gets_its_share() {
    let world = world(split(1000), 2, 1).await;
    let answers = world.answers(200, None).await;
    assert!(answers.candidate.abs_diff(20) <= 2, "{answers:?}");
    let counts = world.proxy.counts();
    assert_eq!(counts.candidate.requests, answers.candidate as u64);
    assert_eq!(counts.stable.requests, answers.stable as u64);
}

#[tokio::test]
async fn servers_take_turns_whatever_their_track_when_all_are_even() {
    let world = world(Policy::Even, 3, 1).await;
    assert_eq!(world.answers(40, None).await, PerTrack { stable: 30, candidate: 10 });
}

#[tokio::test]
async fn a_header_leads_to_the_candidate() {
    let matches = vec![Match::Header { name: "X-Beta".into(), value: "1".into() }];
    let world = world(Policy::Split(Split { matches, ..Split::default() }), 1, 1).await;
    assert_eq!(world.answers(5, Some(("x-beta", "1"))).await.candidate, 5);
    assert_eq!(world.answers(5, Some(("x-beta", "2"))).await.candidate, 0);
    assert_eq!(world.answers(5, None).await.candidate, 0);
}

#[tokio::test]
async fn a_cookie_leads_to_the_candidate() {
    let matches = vec![Match::Cookie { name: "beta".into(), value: "1".into() }];
    let world = world(Policy::Split(Split { matches, ..Split::default() }), 1, 1).await;
    assert_eq!(world.answers(5, Some(("cookie", "a=b; beta=1"))).await.candidate, 5);
    assert_eq!(world.answers(5, Some(("cookie", "notbeta=1; beta=11"))).await.candidate, 0);
}

#[tokio::test]
async fn copies_go_to_the_candidate_and_count_for_nobody() {
    let world = world(Policy::Split(Split { mirror: 5000, ..Split::default() }), 1, 1).await;
    assert_eq!(world.answers(20, None).await, PerTrack { stable: 20, candidate: 0 });
    let counts = world.proxy.counts();
    assert!(counts.candidate.mirrored.abs_diff(10) <= 1, "{counts:?}");
    assert_eq!((counts.candidate.requests, counts.stable.requests), (0, 20));
    let candidate = world.pool.observe(Track::Candidate).addrs[0];
    in_time(async {
        let served = format!("http_requests_total{{code=\"200\"}} {}\n", counts.candidate.mirrored);
        while !body(&get(candidate, "/metrics").await.expect("an answer")).contains(&served) {}
    })
    .await;
}

fn body(response: &hyper::Response<bytes::Bytes>) -> String {
    String::from_utf8_lossy(response.body()).into_owned()
}

#[tokio::test]
async fn a_track_without_servers_is_unavailable_and_that_is_its_failure() {
    let world = world(split(10_000), 1, 0).await;
    let response = get(world.proxy.addr(), "/").await.expect("an answer");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let PerTrack { stable, candidate } = world.proxy.counts();
    assert_eq!((stable.requests, candidate.requests, candidate.failed), (0, 1, 1));
}

#[tokio::test]
async fn a_port_in_use_is_refused_by_its_name() {
    let world = World::new(Policy::Even).await;
    let error = Proxy::open(world.proxy.addr(), world.switchboard).await.err().expect("refused");
    assert!(matches!(&error, GroundError::Listen { addr, .. } if *addr == world.proxy.addr()), "{error}");
}

//! Endpoints that hang, lie, break off or never end.

use std::time::Duration;

use shepherd_core::model::{FailureKind, Sample};
use shepherd_core::ports::{MetricsSource, PortError};

use super::pod::{Manner, Pod};
use super::setup::{Listed, PATIENCE, candidate, measure, over, request, share, source, stable};

const PAGE: &str = "http_requests_total{code=\"200\"} 10\n";
const LATER: &str = "http_requests_total{code=\"200\"} 15\n";
const METRICS: [&str; 2] = ["error_rate", "health_check_failures"];

/// Next to a pod that is well, the misbehaving one is a failed health check and nothing else.
async fn is_a_failed_scrape(manner: Manner) {
    let (well, bad) = (Pod::with_page(PAGE).await, Pod::with_page(PAGE).await);
    let source = over(&Listed::default().stable([well.url(), bad.url()])).timeout(PATIENCE).build().unwrap();
    let first = measure(&source, &METRICS, None).await;
    assert_eq!(stable(&first, "health_check_failures"), share(0.0, 2.0));

    bad.now(manner);
    well.page(LATER);
    let second = measure(&source, &METRICS, Some(&first.cursor)).await;
    assert_eq!(stable(&second, "error_rate"), share(0.0, 5.0));
    assert_eq!(stable(&second, "health_check_failures"), share(1.0, 2.0));

    // Once it is well again, what it counted meanwhile is counted.
    bad.page(LATER);
    let third = measure(&source, &METRICS, Some(&second.cursor)).await;
    assert_eq!(stable(&third, "error_rate"), share(0.0, 5.0));
    assert_eq!(stable(&third, "health_check_failures"), share(0.0, 2.0));
}

#[tokio::test]
async fn one_that_hangs() {
    is_a_failed_scrape(Manner::Hang).await;
}

#[tokio::test]
async fn one_that_hangs_midway() {
    is_a_failed_scrape(Manner::HangMidway).await;
}

#[tokio::test]
async fn one_that_breaks_off() {
    is_a_failed_scrape(Manner::BreakOff).await;
}

#[tokio::test]
async fn one_whose_page_is_cut_off() {
    is_a_failed_scrape(Manner::Page("http_requests_total{code=\"200\"} 1".to_owned())).await;
}

#[tokio::test]
async fn one_that_sends_garbage() {
    is_a_failed_scrape(Manner::Page("<html>Welcome to nginx!</html>\n".to_owned())).await;
    is_a_failed_scrape(Manner::Raw(vec![0xff, 0xfe, b'\n'])).await;
}

#[tokio::test]
async fn one_that_answers_another_status() {
    is_a_failed_scrape(Manner::Status(500)).await;
    is_a_failed_scrape(Manner::Status(204)).await;
    is_a_failed_scrape(Manner::Header(429, "retry-after", "7".to_owned())).await;
    is_a_failed_scrape(Manner::Header(200, "content-encoding", "gzip".to_owned())).await;
}

#[tokio::test]
async fn one_that_redirects_even_if_it_leads_to_a_page() {
    let elsewhere = Pod::with_page(PAGE).await;
    is_a_failed_scrape(Manner::Header(302, "location", elsewhere.url())).await;
}

#[tokio::test]
async fn one_that_sends_a_gigabyte() {
    const LIMIT: usize = 1024 * 1024;
    let pod = Pod::start(Manner::Gigabyte).await;
    let source = over(&Listed::default().stable([pod.url()])).byte_limit(LIMIT).build().unwrap();
    let error = source.measure(&request(&["error_rate"], None)).await.unwrap_err();
    assert!(error.to_string().contains("more than 1048576 bytes"), "{error}");
    // What the sockets hold in between is a few MiB.
    assert!(pod.bytes_sent() < 64 * LIMIT, "{} bytes were read", pod.bytes_sent());
}

#[tokio::test]
async fn numbers_that_are_none_are_never_passed_on() {
    let pod = Pod::with_page("http_requests_total NaN\nprocess_resident_memory_bytes +Inf\n").await;
    let source = source(&Listed::default().stable([pod.url()]));
    let metrics = ["error_rate", "request_rate", "memory", "p95", "cpu", "restarts"];
    let first = measure(&source, &metrics, None).await;
    let second = measure(&source, &metrics, Some(&first.cursor)).await;
    for reading in second.readings {
        assert_eq!(reading.sample, Sample::NoData, "{}", reading.metric);
    }
}

#[tokio::test]
async fn a_track_without_answers_is_unhealthy_and_has_no_data() {
    let (old, new) = (Pod::with_page(PAGE).await, Pod::with_page(PAGE).await);
    let source = source(&Listed::default().stable([old.url()]).candidate([new.url()]));
    let first = measure(&source, &METRICS, None).await;
    new.now(Manner::Status(500));
    old.page(LATER);
    let second = measure(&source, &METRICS, Some(&first.cursor)).await;
    assert_eq!(stable(&second, "error_rate"), share(0.0, 5.0));
    assert_eq!(candidate(&second, "error_rate"), Sample::NoData);
    assert_eq!(candidate(&second, "health_check_failures"), share(1.0, 1.0));
}

#[tokio::test]
async fn the_very_first_scrape_is_a_health_check_already() {
    let pod = Pod::start(Manner::Status(500)).await;
    let source = source(&Listed::default().stable([pod.url()]));
    let first = measure(&source, &METRICS, None).await;
    assert_eq!(stable(&first, "health_check_failures"), share(1.0, 1.0));
    assert_eq!(candidate(&first, "health_check_failures"), Sample::NoData);
}

async fn refusal(manner: Manner) -> PortError {
    let pod = Pod::start(manner).await;
    let source = source(&Listed::default().stable([pod.url()]));
    source.measure(&request(&["error_rate"], None)).await.unwrap_err()
}

#[tokio::test]
async fn if_nobody_answers_the_error_says_who_must_act() {
    let busy = refusal(Manner::Header(429, "retry-after", "7".to_owned())).await;
    assert_eq!(busy.kind(), FailureKind::Transient);
    assert_eq!(busy.failure().retry_after, Some(Duration::from_secs(7)));
    assert_eq!(refusal(Manner::Status(403)).await.kind(), FailureKind::Denied);
    let lost = refusal(Manner::Status(404)).await;
    assert_eq!(lost.kind(), FailureKind::Permanent);
    assert!(lost.to_string().contains("404 Not Found: check the path of the endpoint"), "{lost}");
    let garbage = refusal(Manner::Page("<html>\n".to_owned())).await;
    assert!(garbage.to_string().contains("line 1, column 1: expected a metric name"), "{garbage}");
}

#[tokio::test]
async fn a_pod_that_is_not_there_is_a_failed_scrape() {
    let gone = Pod::with_page(PAGE).await.url();
    let source = source(&Listed::default().stable([gone, "10.0.0.7:9090".to_owned()]));
    let first = measure(&source, &METRICS, None).await;
    assert_eq!(stable(&first, "health_check_failures"), share(2.0, 2.0));
}

#[tokio::test]
async fn a_metric_that_was_never_defined_is_refused() {
    let source = source(&Listed::default());
    let error = source.measure(&request(&["query(backlog)"], None)).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Unsupported);
    assert!(error.to_string().contains("query(backlog)"), "{error}");
}

#[tokio::test]
async fn no_endpoints_at_all_is_no_data() {
    let source = source(&Listed::default());
    let first = measure(&source, &METRICS, None).await;
    assert!(first.readings.iter().all(|reading| reading.sample == Sample::NoData));
}

//! Answers that get lost, processes that restart, callers that leave midway, and several callers at once.

use std::sync::Arc;

use shepherd_core::model::{Cursor, Sample};
use shepherd_core::ports::MetricsSource;

use super::pod::{Manner, Pod};
use super::setup::{Listed, measure, request, share, source, stable};

fn page(requests: u32) -> String {
    format!("http_requests_total {requests}\n")
}

const METRICS: [&str; 1] = ["error_rate"];

#[tokio::test]
async fn a_lost_answer_is_told_again_from_the_same_base() {
    let pod = Pod::with_page(&page(100)).await;
    let source = source(&Listed::default().stable([pod.url()]));
    let base = measure(&source, &METRICS, None).await.cursor;
    for requests in [110, 120, 130, 140, 150] {
        pod.page(&page(requests));
        let answer = measure(&source, &METRICS, Some(&base)).await;
        assert_eq!(stable(&answer, "error_rate"), share(0.0, f64::from(requests - 100)));
    }
}

#[tokio::test]
async fn an_unknown_cursor_begins_anew() {
    let pod = Pod::with_page(&page(100)).await;
    let source = source(&Listed::default().stable([pod.url()]));
    let first = measure(&source, &METRICS, Some(&Cursor::new("of another process"))).await;
    assert_eq!(stable(&first, "error_rate"), Sample::NoData);
    pod.page(&page(104));
    let second = measure(&source, &METRICS, Some(&first.cursor)).await;
    assert_eq!(stable(&second, "error_rate"), share(0.0, 4.0));
}

#[tokio::test]
async fn an_error_costs_no_increments() {
    let pod = Pod::with_page(&page(100)).await;
    let source = source(&Listed::default().stable([pod.url()]));
    let base = measure(&source, &METRICS, None).await.cursor;
    pod.now(Manner::Status(503));
    source.measure(&request(&METRICS, Some(&base))).await.unwrap_err();
    pod.page(&page(108));
    assert_eq!(stable(&measure(&source, &METRICS, Some(&base)).await, "error_rate"), share(0.0, 8.0));
}

#[tokio::test]
async fn what_a_lost_answer_told_is_told_again_even_by_a_track_that_fell_silent() {
    let pod = Pod::with_page(&page(100)).await;
    let source = source(&Listed::default().stable([pod.url()]));
    let base = measure(&source, &METRICS, None).await.cursor;
    pod.page(&page(107));
    measure(&source, &METRICS, Some(&base)).await;
    pod.now(Manner::Status(503));
    let metrics = ["error_rate", "health_check_failures"];
    let told = measure(&source, &metrics, Some(&base)).await;
    assert_eq!(stable(&told, "error_rate"), share(0.0, 7.0));
    assert_eq!(stable(&told, "health_check_failures"), share(1.0, 2.0));
    let next = measure(&source, &metrics, Some(&told.cursor)).await;
    assert_eq!(stable(&next, "error_rate"), Sample::NoData);
}

#[tokio::test]
async fn a_caller_that_leaves_midway_loses_nothing() {
    let (quick, slow) = (Pod::with_page(&page(100)).await, Pod::with_page(&page(100)).await);
    let source = source(&Listed::default().stable([quick.url(), slow.url()]));
    let base = measure(&source, &METRICS, None).await.cursor;
    slow.asked().await;

    quick.page(&page(103));
    slow.now(Manner::Hang);
    let question = request(&METRICS, Some(&base));
    tokio::select! {
        _ = source.measure(&question) => panic!("the slow pod never answers"),
        () = slow.asked() => {}
    }

    slow.page(&page(104));
    assert_eq!(stable(&measure(&source, &METRICS, Some(&base)).await, "error_rate"), share(0.0, 7.0));
}

/// Their scrapes overtake each other, so that pages come in that are older than what is in the books.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_callers_at_once_count_everything_once() {
    let pod = Pod::start(Manner::Counting).await;
    let source = Arc::new(source(&Listed::default().stable([pod.url()])));
    let base = measure(&source, &METRICS, None).await.cursor;
    let callers = (0..16).map(|_| {
        let source = Arc::clone(&source);
        tokio::spawn(async move {
            let mut cursor = None;
            for _ in 0..25 {
                cursor = Some(measure(&source, &METRICS, cursor.as_ref()).await.cursor);
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    let all = measure(&source, &METRICS, Some(&base)).await;
    assert_eq!(pod.requests(), 402);
    assert_eq!(stable(&all, "error_rate"), share(0.0, 401.0));
}

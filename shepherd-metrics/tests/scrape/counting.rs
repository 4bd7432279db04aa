//! What becomes of counters, histograms and gauges.

use std::sync::Arc;
use std::time::Duration;

use shepherd_core::model::{Metric, Quantile, Sample};
use shepherd_core::ports::MetricsSource;
use shepherd_metrics::scrape::{Query, Selector};

use super::pod::{Manner, Pod};
use super::setup::{Listed, StillClock, candidate, measure, over, share, source, stable};

fn page(ok: u32, failed: u32) -> String {
    format!("http_requests_total{{code=\"200\"}} {ok}\nhttp_requests_total{{code=\"500\"}} {failed}\n")
}

#[tokio::test]
async fn each_track_has_its_own_share_of_errors() {
    let (old, new) = (Pod::with_page(&page(100, 1)).await, Pod::with_page(&page(0, 0)).await);
    let source = source(&Listed::default().stable([old.url()]).candidate([new.url()]));
    let first = measure(&source, &["error_rate", "availability"], None).await;
    assert_eq!(stable(&first, "error_rate"), Sample::NoData);

    old.page(&page(190, 2));
    new.page(&page(8, 2));
    let second = measure(&source, &["error_rate", "availability"], Some(&first.cursor)).await;
    assert_eq!(stable(&second, "error_rate"), share(1.0, 91.0));
    assert_eq!(candidate(&second, "error_rate"), share(2.0, 10.0));
    assert_eq!(candidate(&second, "availability"), share(8.0, 10.0));
}

#[tokio::test]
async fn the_label_may_be_called_status() {
    let pod = Pod::with_page("http_requests_total{status=\"200\"} 1\n").await;
    let source = source(&Listed::default().stable([pod.url()]));
    let first = measure(&source, &["error_rate"], None).await;
    pod.page("http_requests_total{status=\"200\"} 4\nhttp_requests_total{status=\"503\"} 1\n");
    let second = measure(&source, &["error_rate"], Some(&first.cursor)).await;
    assert_eq!(stable(&second, "error_rate"), share(1.0, 4.0));
}

#[tokio::test]
async fn a_late_series_counts_from_zero_and_a_reset_from_its_new_value() {
    let pod = Pod::with_page("http_requests_total{code=\"200\"} 1000\n").await;
    let source = source(&Listed::default().stable([pod.url()]));
    let first = measure(&source, &["error_rate"], None).await;
    pod.page(&page(1010, 3));
    let late = measure(&source, &["error_rate"], Some(&first.cursor)).await;
    assert_eq!(stable(&late, "error_rate"), share(3.0, 13.0));
    pod.page(&page(6, 2));
    let reset = measure(&source, &["error_rate"], Some(&late.cursor)).await;
    assert_eq!(stable(&reset, "error_rate"), share(2.0, 8.0));
}

#[tokio::test]
async fn no_requests_is_no_data() {
    let pod = Pod::with_page(&page(5, 0)).await;
    let source = source(&Listed::default().stable([pod.url()]));
    let first = measure(&source, &["error_rate"], None).await;
    let second = measure(&source, &["error_rate", "p95"], Some(&first.cursor)).await;
    assert_eq!(stable(&second, "error_rate"), Sample::NoData);
    assert_eq!(stable(&second, "p95"), Sample::NoData);
    assert_eq!(candidate(&second, "error_rate"), Sample::NoData);
}

fn latencies(fast: u32, all: u32) -> String {
    format!(
        "# TYPE http_request_duration_seconds histogram\n\
         http_request_duration_seconds_bucket{{le=\"0.1\"}} {fast}\n\
         http_request_duration_seconds_bucket{{le=\"1\"}} {all}\n\
         http_request_duration_seconds_bucket{{le=\"+Inf\"}} {all}\n\
         http_request_duration_seconds_sum 1\nhttp_request_duration_seconds_count {all}\n"
    )
}

#[tokio::test]
async fn histograms_of_all_pods_are_summed() {
    let (a, b) = (Pod::with_page(&latencies(5, 9)).await, Pod::with_page(&latencies(50, 90)).await);
    let source = source(&Listed::default().stable([a.url(), b.url()]));
    let first = measure(&source, &["p95"], None).await;
    a.page(&latencies(10, 19));
    b.page(&latencies(55, 100));
    let second = measure(&source, &["p50", "p95"], Some(&first.cursor)).await;
    let Sample::Histogram(histogram) = stable(&second, "p95") else { panic!("no histogram") };
    assert_eq!(histogram.total(), 20.0);
    assert_eq!(histogram.quantile(Quantile::P50), Some(0.1));
    assert_eq!(stable(&second, "p50"), stable(&second, "p95"));
}

#[tokio::test]
async fn rates_divide_by_the_time_between_two_looks() {
    let pod = Pod::with_page("http_requests_total 10\nprocess_cpu_seconds_total 1\n").await;
    let clock = Arc::new(StillClock::default());
    let source = over(&Listed::default().stable([pod.url()])).clock(clock.clone()).build().unwrap();
    let first = measure(&source, &["request_rate"], None).await;
    assert_eq!(stable(&first, "request_rate"), Sample::NoData);
    pod.page("http_requests_total 60\nprocess_cpu_seconds_total 6\n");
    clock.forward(Duration::from_secs(10));
    let second = measure(&source, &["request_rate", "cpu"], Some(&first.cursor)).await;
    assert_eq!(stable(&second, "request_rate"), Sample::Number(5.0));
    assert_eq!(stable(&second, "cpu"), Sample::Number(0.5));
}

#[tokio::test]
async fn a_rate_after_a_silence_divides_by_all_of_it() {
    let pod = Pod::with_page("http_requests_total 10\n").await;
    let clock = Arc::new(StillClock::default());
    let source = over(&Listed::default().stable([pod.url()])).clock(clock.clone()).build().unwrap();
    let metrics = ["request_rate", "health_check_failures"];
    let first = measure(&source, &metrics, None).await;
    clock.forward(Duration::from_secs(10));
    pod.now(Manner::Status(500));
    let silent = measure(&source, &metrics, Some(&first.cursor)).await;
    assert_eq!(stable(&silent, "request_rate"), Sample::NoData);
    clock.forward(Duration::from_secs(10));
    pod.page("http_requests_total 110\n");
    let heard = measure(&source, &metrics, Some(&silent.cursor)).await;
    assert_eq!(stable(&heard, "request_rate"), Sample::Number(5.0));
}

#[tokio::test]
async fn a_metric_that_is_no_longer_served_is_no_data_and_not_zero() {
    let pod = Pod::with_page("http_requests_total 10\n").await;
    let clock = Arc::new(StillClock::default());
    let source = over(&Listed::default().stable([pod.url()])).clock(clock.clone()).build().unwrap();
    let first = measure(&source, &["request_rate"], None).await;
    clock.forward(Duration::from_secs(10));
    let quiet = measure(&source, &["request_rate"], Some(&first.cursor)).await;
    assert_eq!(stable(&quiet, "request_rate"), Sample::Number(0.0));
    clock.forward(Duration::from_secs(10));
    pod.page("renamed_requests_total 10\n");
    let silent = measure(&source, &["request_rate"], Some(&quiet.cursor)).await;
    assert_eq!(stable(&silent, "request_rate"), Sample::NoData);
}

#[tokio::test]
async fn restarts_are_counted_and_memory_is_the_largest_pod() {
    let process = |start: u32, bytes: u32| {
        format!("process_start_time_seconds {start}\nprocess_resident_memory_bytes {bytes}\n")
    };
    let (a, b) = (Pod::with_page(&process(100, 1000)).await, Pod::with_page(&process(100, 3000)).await);
    let source = source(&Listed::default().stable([a.url(), b.url()]));
    let first = measure(&source, &["restarts", "memory"], None).await;
    assert_eq!(stable(&first, "restarts"), Sample::NoData);
    assert_eq!(stable(&first, "memory"), Sample::Number(3000.0));
    a.page(&process(160, 10));
    let second = measure(&source, &["restarts", "memory"], Some(&first.cursor)).await;
    assert_eq!(stable(&second, "restarts"), Sample::Number(1.0));
}

#[tokio::test]
async fn queries_of_ones_own_are_metrics() {
    let pod = Pod::with_page("calls_total 10\nretries_total 0\nqueue{q=\"a\"} 3\nqueue{q=\"b\"} 4\n").await;
    let queue = Selector::metric("queue");
    let source = over(&Listed::default().stable([pod.url()]))
        .query("retried", Query::ratio(Selector::metric("retries_total"), Selector::metric("calls_total")))
        .query("queued", Query::gauge_sum(queue.clone()))
        .query("longest", Query::gauge_max(queue.equals("q", "a")))
        .build()
        .unwrap();
    assert!(source.supports(&Metric::Query("queued".to_owned())));
    assert!(!source.supports(&Metric::Query("missing".to_owned())));

    let metrics = ["query(retried)", "query(queued)", "query(longest)"];
    let first = measure(&source, &metrics, None).await;
    pod.page("calls_total 30\nretries_total 5\nqueue{q=\"a\"} 3\nqueue{q=\"b\"} 4\n");
    let second = measure(&source, &metrics, Some(&first.cursor)).await;
    assert_eq!(stable(&second, "query(retried)"), share(5.0, 20.0));
    assert_eq!(stable(&second, "query(queued)"), Sample::Number(7.0));
    assert_eq!(stable(&second, "query(longest)"), Sample::Number(3.0));
}

#[tokio::test]
async fn more_errors_than_requests_is_no_data() {
    let pod = Pod::with_page("bad_total 0\ngood_total 0\n").await;
    let source = over(&Listed::default().stable([pod.url()]))
        .errors(Selector::metric("bad_total"))
        .requests(Selector::metric("good_total"))
        .build()
        .unwrap();
    let first = measure(&source, &["error_rate"], None).await;
    pod.page("bad_total 9\ngood_total 1\n");
    let second = measure(&source, &["error_rate", "availability"], Some(&first.cursor)).await;
    assert_eq!(stable(&second, "error_rate"), Sample::NoData);
    assert_eq!(stable(&second, "availability"), Sample::NoData);
}

#[tokio::test]
async fn a_pod_that_comes_later_counts_from_zero_and_one_that_goes_leaves_its_counts() {
    let (a, b) = (Pod::with_page(&page(100, 0)).await, Pod::with_page(&page(7, 3)).await);
    let listed = Listed::default().stable([a.url()]);
    let source = source(&listed);
    let first = measure(&source, &["error_rate", "health_check_failures"], None).await;
    let listed = listed.stable([a.url(), b.url()]);
    // This answer is lost, and the pod is gone before the next one.
    measure(&source, &["error_rate"], Some(&first.cursor)).await;
    drop(b);
    listed.stable([a.url()]);
    a.page(&page(110, 0));
    let second = measure(&source, &["error_rate", "health_check_failures"], Some(&first.cursor)).await;
    assert_eq!(stable(&second, "error_rate"), share(3.0, 20.0));
    assert_eq!(stable(&second, "health_check_failures"), share(0.0, 3.0));
}

#[tokio::test]
async fn an_endpoint_listed_twice_counts_once() {
    let pod = Pod::with_page(&page(1, 0)).await;
    let source = source(&Listed::default().stable([pod.url(), pod.url()]));
    let first = measure(&source, &["error_rate"], None).await;
    pod.page(&page(5, 0));
    let second = measure(&source, &["error_rate", "health_check_failures"], Some(&first.cursor)).await;
    assert_eq!(stable(&second, "error_rate"), share(0.0, 4.0));
    assert_eq!(stable(&second, "health_check_failures"), share(0.0, 1.0));
}

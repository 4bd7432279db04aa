//! Passwords and tokens reach the endpoint and nobody else.

use shepherd_core::ports::MetricsSource;

use super::pod::{Manner, Pod};
use super::setup::{Listed, measure, over, request};

const PAGE: &str = "http_requests_total 1\n";

#[tokio::test]
async fn a_token_is_sent() {
    let pod = Pod::with_page(PAGE).await;
    let source = over(&Listed::default().stable([pod.url()])).bearer_token("hunter2").build().unwrap();
    measure(&source, &["error_rate"], None).await;
    assert_eq!(pod.authorization(), ["Bearer hunter2"]);
}

#[tokio::test]
async fn a_user_in_the_url_is_sent_instead_of_the_token() {
    let pod = Pod::with_page(PAGE).await;
    let listed = Listed::default().stable([pod.url_with("me:hunter2", "")]);
    let source = over(&listed).bearer_token("other").build().unwrap();
    measure(&source, &["error_rate"], None).await;
    // me:hunter2
    assert_eq!(pod.authorization(), ["Basic bWU6aHVudGVyMg=="]);
}

#[tokio::test]
async fn errors_and_debug_show_no_secret() {
    let pod = Pod::start(Manner::Status(401)).await;
    let gone = Pod::start(Manner::Hang).await.url_with("me:hunter2", "token=hunter2");
    for url in [pod.url_with("me:hunter2", "token=hunter2"), gone, "hunter2".to_owned()] {
        let source = over(&Listed::default().stable([url])).bearer_token("hunter2").build().unwrap();
        let error = source.measure(&request(&["error_rate"], None)).await.unwrap_err();
        let shown = format!("{error} {error:?} {source:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

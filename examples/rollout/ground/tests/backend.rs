use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::{Method, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{ANY_PORT, in_time};
use crate::ground::backend::Backend;
use crate::ground::client::with_host;

/// A server that answers the first request on a connection, and hangs up on the second one.
async fn fickle() -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind(ANY_PORT).await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            answer_once(stream).await;
        }
    });
    (addr, task)
}

async fn answer_once(mut stream: TcpStream) {
    let mut buffer = [0; 1024];
    if stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.expect("open");
        let _ = stream.read(&mut buffer).await;
    }
}

fn request(method: Method, addr: SocketAddr) -> Request<Bytes> {
    let mut request = with_host(Request::default(), addr);
    *request.method_mut() = method;
    request
}

#[tokio::test]
async fn a_request_on_a_stale_connection_is_repeated_on_a_fresh_one() {
    let (addr, server) = fickle().await;
    let backend = Backend::new(addr);
    for _ in 0..5 {
        in_time(backend.send(&request(Method::GET, addr))).await.expect("an answer");
    }
    server.abort();
}

#[tokio::test]
async fn a_request_that_may_not_be_repeated_takes_no_kept_connection() {
    let listener = TcpListener::bind(ANY_PORT).await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    let connections = tokio::spawn(async move {
        let (first, _) = listener.accept().await.expect("a connection");
        let first = tokio::spawn(answer_once(first));
        let (second, _) = listener.accept().await.expect("a second connection");
        (first, tokio::spawn(answer_once(second)))
    });
    let backend = Backend::new(addr);
    in_time(backend.send(&request(Method::GET, addr))).await.expect("an answer");
    in_time(backend.send(&request(Method::POST, addr))).await.expect("an answer");
    in_time(connections).await.expect("two connections");
}

#[tokio::test]
async fn it_is_drained_when_the_last_request_is_through_and_lets_none_in_before() {
    let backend = Arc::new(Backend::new(ANY_PORT));
    let request = backend.enter().expect("open");
    let draining = tokio::spawn({
        let backend = Arc::clone(&backend);
        async move { backend.drain().await }
    });
    in_time(async {
        while backend.enter().is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(!draining.is_finished());
    drop(request);
    in_time(draining).await.expect("drained");
    assert_eq!(backend.in_flight(), 0);
}

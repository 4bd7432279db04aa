//! A pod: a real HTTP server that answers, or misbehaves, as the test last told it to.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// What a pod does with the next request.
#[derive(Debug, Clone)]
pub(crate) enum Manner {
    Page(String),
    Raw(Vec<u8>),
    /// How many requests it has been asked so far, this one included.
    Counting,
    Status(u16),
    /// A status and one header.
    Header(u16, &'static str, String),
    Hang,
    /// Sends the beginning of a page, then nothing.
    HangMidway,
    /// Sends pages without end, up to a gigabyte.
    Gigabyte,
    /// Announces more than it sends before it drops the connection.
    BreakOff,
}

type Body = BoxBody<Bytes, io::Error>;

pub(crate) struct Pod {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    manner: Mutex<Manner>,
    asked: Notify,
    chunks_sent: AtomicUsize,
    requests: AtomicUsize,
    authorization: Mutex<Vec<String>>,
}

impl Pod {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            manner: Mutex::new(manner),
            asked: Notify::new(),
            chunks_sent: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            authorization: Mutex::new(Vec::new()),
        });
        let server = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self { address, shared, server }
    }

    pub(crate) async fn with_page(page: &str) -> Self {
        Self::start(Manner::Page(page.to_owned())).await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/metrics", self.address)
    }

    pub(crate) fn url_with(&self, user: &str, query: &str) -> String {
        format!("http://{user}@{}/metrics?{query}", self.address)
    }

    pub(crate) fn now(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap() = manner;
    }

    pub(crate) fn page(&self, page: &str) {
        self.now(Manner::Page(page.to_owned()));
    }

    /// Until a request has arrived.
    pub(crate) async fn asked(&self) {
        self.shared.asked.notified().await;
    }

    pub(crate) fn bytes_sent(&self) -> usize {
        self.shared.chunks_sent.load(Ordering::SeqCst) * CHUNK.len()
    }

    pub(crate) fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn authorization(&self) -> Vec<String> {
        self.shared.authorization.lock().unwrap().clone()
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((connection, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| answer(Arc::clone(&shared), request));
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(connection), service),
        );
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let sent = request.headers().get_all(AUTHORIZATION).iter();
    *shared.authorization.lock().unwrap() = sent.map(|value| value.to_str().unwrap().to_owned()).collect();
    let manner = shared.manner.lock().unwrap().clone();
    let requests = shared.requests.fetch_add(1, Ordering::SeqCst) + 1;
    shared.asked.notify_one();
    Ok(match manner {
        Manner::Page(page) => Response::new(whole(page.into_bytes())),
        Manner::Counting => Response::new(whole(format!("http_requests_total {requests}\n").into())),
        Manner::Raw(bytes) => Response::new(whole(bytes)),
        Manner::Status(status) => Response::builder().status(status).body(whole(Vec::new())).unwrap(),
        Manner::Header(status, name, value) => {
            Response::builder().status(status).header(name, value).body(whole(Vec::new())).unwrap()
        }
        Manner::Hang => std::future::pending().await,
        Manner::HangMidway => Response::new(parts(stream::iter([Ok(first_part())]).chain(stream::pending()))),
        Manner::Gigabyte => Response::new(gigabyte(shared)),
        Manner::BreakOff => {
            let cut = [Ok(first_part()), Err(io::Error::other("the pod dies"))];
            Response::builder().header(CONTENT_LENGTH, 1000).body(parts(stream::iter(cut))).unwrap()
        }
    })
}

const CHUNK: Bytes = Bytes::from_static(&[b'#'; 64 * 1024]);

fn gigabyte(shared: Arc<Shared>) -> Body {
    parts(stream::iter(0..16 * 1024).map(move |_| {
        shared.chunks_sent.fetch_add(1, Ordering::SeqCst);
        Ok(Frame::data(CHUNK))
    }))
}

fn first_part() -> Frame<Bytes> {
    Frame::data(Bytes::from_static(b"http_requests_total 5\n"))
}

fn whole(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed()
}

fn parts(stream: impl futures_util::Stream<Item = io::Result<Frame<Bytes>>> + Send + Sync + 'static) -> Body {
    BodyExt::boxed(StreamBody::new(stream))
}

//! A server on loopback that answers as a test says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) authorization: Option<String>,
}

pub(crate) type Answer = Response<Full<Bytes>>;

pub(crate) struct Peer {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: JoinHandle<()>,
}

impl Peer {
    pub(crate) async fn answering(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(None, answer).await
    }

    pub(crate) async fn by_tls(
        config: ServerConfig,
        answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start(Some(TlsAcceptor::from(Arc::new(config))), answer).await
    }

    async fn start(
        tls: Option<TlsAcceptor>,
        answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, answer) = (Arc::<Mutex<Vec<Seen>>>::default(), Arc::new(answer));
        let kept = seen.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, answer, tls) = (kept.clone(), answer.clone(), tls.clone());
                let reply = move |request: Request<Incoming>| {
                    let one = read(&request);
                    seen.lock().unwrap().push(one.clone());
                    let answer = answer(&one);
                    async move { Ok::<_, std::convert::Infallible>(answer) }
                };
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, reply).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, reply).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, seen, serving }
    }

    /// As a registry is named.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve<S, F, R>(stream: S, reply: F)
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Fn(Request<Incoming>) -> R,
    R: Future<Output = Result<Answer, std::convert::Infallible>>,
{
    // Whoever asked may go in the midst of an answer.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(reply)).await);
}

fn read(request: &Request<Incoming>) -> Seen {
    let authorization = request.headers().get(AUTHORIZATION);
    Seen {
        method: request.method().to_string(),
        target: request.uri().to_string(),
        authorization: authorization.map(|one| one.to_str().unwrap().to_owned()),
    }
}

/// An answer with one header.
pub(crate) fn answer(status: u16, header: (&str, &str), body: impl Into<Bytes>) -> Answer {
    Response::builder().status(status).header(header.0, header.1).body(Full::new(body.into())).unwrap()
}

pub(crate) fn manifest() -> Answer {
    answer(200, ("content-type", "application/vnd.oci.image.manifest.v1+json"), "{}")
}

/// What registries say of what they have not.
pub(crate) fn unknown() -> Answer {
    let body = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
    answer(404, ("content-type", "application/json"), body)
}

/// A token is wanted, which is to be had there.
pub(crate) fn wants_token(realm: &str) -> Answer {
    let challenge = format!(r#"Bearer realm="{realm}",service="hub",scope="repository:acme/shop:pull""#);
    answer(401, ("www-authenticate", &challenge), r#"{"errors":[{"code":"UNAUTHORIZED"}]}"#)
}

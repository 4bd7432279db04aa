use std::fmt::Display;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::{Request, Response, Uri, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::builder::{Connections, Load};

/// What came back: the status, and the image that says it answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) image: Option<String>,
}

/// The connection of one user.
#[derive(Default)]
pub(super) struct Connection {
    kept: Option<SendRequest<Empty<Bytes>>>,
}

impl Connection {
    /// One request to its end.
    pub(super) async fn ask(&mut self, load: &Load) -> Result<Answer, String> {
        let mut sender = match self.take() {
            Some(kept) => kept,
            None => connect(load).await?,
        };
        let response = sender.send_request(request(load)?).await.map_err(broken("no answer"))?;
        let answer = read(response).await?;
        if load.connections == Connections::Kept {
            // Taken up again unless the server ends it.
            let _ = sender.ready().await;
            self.kept = Some(sender);
        }
        Ok(answer)
    }

    /// The kept one, unless the server has ended it in between, which is its right.
    fn take(&mut self) -> Option<SendRequest<Empty<Bytes>>> {
        self.kept.take().filter(SendRequest::is_ready)
    }
}

async fn connect(load: &Load) -> Result<SendRequest<Empty<Bytes>>, String> {
    let stream = TcpStream::connect(load.address).await.map_err(broken("no connection"))?;
    stream.set_nodelay(true).map_err(broken("no connection"))?;
    let (sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(broken("no connection"))?;
    // It ends with its sender; what goes wrong on it the request tells.
    tokio::spawn(connection);
    Ok(sender)
}

fn request(load: &Load) -> Result<Request<Empty<Bytes>>, String> {
    let uri: Uri = load.path.parse().map_err(broken("no path"))?;
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.extend(load.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    if !headers.contains_key(HOST) {
        headers.insert(HOST, load.address.to_string().parse().map_err(broken("no host"))?);
    }
    if load.connections == Connections::Fresh {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(request)
}

async fn read(response: Response<Incoming>) -> Result<Answer, String> {
    let image = response.headers().get("x-image").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let status = response.status().as_u16();
    response.into_body().collect().await.map_err(broken("half an answer"))?;
    Ok(Answer { status, image })
}

fn broken<E: Display>(what: &'static str) -> impl FnOnce(E) -> String {
    move |error| format!("{what}: {error}")
}

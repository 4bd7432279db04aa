use std::fmt::Display;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::{Request, Response, Uri, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::builder::{Connections, Load};

type Sender = SendRequest<Empty<Bytes>>;

/// What came back: the status, and the image that says it answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) image: Option<String>,
    /// The kept connection had just been ended by the server, and the request was sent once more on a fresh one.
    pub(super) again: bool,
}

/// The connection of one user.
#[derive(Default)]
pub(super) struct Connection {
    kept: Option<Sender>,
}

impl Connection {
    /// One request to its end.
    pub(super) async fn ask(&mut self, load: &Load) -> Result<Answer, String> {
        let (answered, again) = self.ask_kept(load).await?;
        let (mut sender, response) = if let Some(both) = answered {
            both
        } else {
            let mut fresh = connect(load).await?;
            let response = fresh.send_request(request(load)?).await.map_err(broken("no answer"))?;
            (fresh, response)
        };
        let answer = read(response, again).await?;
        if load.connections == Connections::Kept {
            // Taken up again unless the server ends it.
            let _ = sender.ready().await;
            self.kept = Some(sender);
        }
        Ok(answer)
    }

    /// On the kept one, unless there is none, or the server has ended it, which is its right. And whether the request was
    /// on its way just then.
    async fn ask_kept(
        &mut self,
        load: &Load,
    ) -> Result<(Option<(Sender, Response<Incoming>)>, bool), String> {
        let Some(mut kept) = self.kept.take().filter(SendRequest::is_ready) else {
            return Ok((None, false));
        };
        match kept.send_request(request(load)?).await {
            Ok(response) => Ok((Some((kept, response)), false)),
            Err(_) => Ok((None, true)),
        }
    }
}

async fn connect(load: &Load) -> Result<Sender, String> {
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

async fn read(response: Response<Incoming>, again: bool) -> Result<Answer, String> {
    let image = response.headers().get("x-image").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let status = response.status().as_u16();
    response.into_body().collect().await.map_err(broken("half an answer"))?;
    Ok(Answer { status, image, again })
}

fn broken<E: Display>(what: &'static str) -> impl FnOnce(E) -> String {
    move |error| format!("{what}: {error}")
}

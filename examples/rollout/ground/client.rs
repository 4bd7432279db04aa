//! One HTTP connection to a loopback port.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::error::ClientError;

/// Bodies are held in memory; nothing on this ground sends large ones.
pub(crate) const BODY_LIMIT: usize = 1 << 20;

pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    pub(crate) async fn open(addr: SocketAddr) -> Result<Self, ClientError> {
        let refused = |source| ClientError::Connect { addr, source };
        let stream = TcpStream::connect(addr).await.map_err(refused)?;
        stream.set_nodelay(true).map_err(refused)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends by itself when the sender is dropped; what breaks it is told to the request at hand.
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Sends a request and reads the whole answer. After an error the connection is of no more use.
    pub(crate) async fn exchange(&mut self, request: Request<Bytes>) -> Result<Response<Bytes>, ClientError> {
        self.sender.ready().await?;
        let (parts, body) = self.sender.send_request(request.map(Full::new)).await?.into_parts();
        let body = Limited::new(body, BODY_LIMIT).collect().await.map_err(ClientError::Body)?.to_bytes();
        Ok(Response::from_parts(parts, body))
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

/// A GET on a connection of its own.
pub(crate) async fn get(addr: SocketAddr, path: &'static str) -> Result<Response<Bytes>, ClientError> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = hyper::Uri::from_static(path);
    Connection::open(addr).await?.exchange(with_host(request, addr)).await
}

/// HTTP/1.1 wants to be told the host.
pub(crate) fn with_host(mut request: Request<Bytes>, addr: SocketAddr) -> Request<Bytes> {
    if let Ok(host) = hyper::header::HeaderValue::from_str(&addr.to_string()) {
        request.headers_mut().insert(hyper::header::HOST, host);
    }
    request
}

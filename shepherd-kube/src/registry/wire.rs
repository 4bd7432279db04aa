//! One request to one host.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, LOCATION, USER_AGENT};
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Collected, Limited};
use kube::client::Body;
use kube::{Client, Config};
use url::Url;

use super::Registries;
use super::answer::MANIFESTS;
use crate::object::root;

/// What a registry answers beside manifests is short.
const LONGEST: usize = 64 * 1024;
const HOPS: usize = 3;
const AGENT: &str = concat!("shepherd-kube/", env!("CARGO_PKG_VERSION"));

/// An answer, and who gave it.
pub(super) struct Answer {
    pub(super) from: Uri,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The whole of it, or nothing where that is longer than any that is read here.
    pub(super) body: Bytes,
}

impl Registries {
    /// Asks, and goes where the answer sends on to. Whoever that is sees no authorization of another host's, and is not
    /// reached by less than the first one was.
    pub(super) async fn follow(
        &self,
        method: &Method,
        at: &Uri,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, String> {
        let (mut at, mut authorization) = (at.clone(), authorization);
        for _ in 0..=HOPS {
            let answer = self.ask(method, &at, authorization).await?;
            let Some(next) = sent_on(&answer)? else { return Ok(answer) };
            if next.authority() != at.authority() {
                authorization = None;
            }
            if at.scheme() == Some(&Scheme::HTTPS) && next.scheme() != Some(&Scheme::HTTPS) {
                return Err(format!("{} sends on to {} by plain HTTP", host(&at), host(&next)));
            }
            at = next;
        }
        Err(format!("{} sends on and on", host(&at)))
    }

    /// One request, which goes nowhere else.
    pub(super) async fn ask(
        &self,
        method: &Method,
        at: &Uri,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, String> {
        let unusable = |error: kube::Error| format!("{} cannot be reached: {}", host(at), root(&error));
        let client = self.client(at).map_err(unusable)?;
        let mut request = Request::builder()
            .method(method)
            .uri(at.path_and_query().map_or("/", PathAndQuery::as_str))
            .header(ACCEPT, accepted())
            .header(USER_AGENT, AGENT);
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Body::empty()).map_err(|error| format!("{}: {error}", host(at)))?;
        let (parts, body) = client.send(request).await.map_err(unusable)?.into_parts();
        let body = Limited::new(body, LONGEST).collect().await;
        let body = body.map(Collected::to_bytes).unwrap_or_default();
        Ok(Answer { from: at.clone(), status: parts.status, headers: parts.headers, body })
    }

    fn client(&self, at: &Uri) -> Result<Client, kube::Error> {
        let mut parts = at.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        // What has a host and a path is one without that path, too.
        let base = Uri::from_parts(parts).unwrap_or_else(|_| at.clone());
        let mut config = Config::new(base);
        config.default_retry = false;
        if at.scheme() != Some(&Scheme::HTTPS) {
            // What the system trusts is not looked for where nobody needs it: it may have nothing.
            config.root_cert = Some(Vec::new());
        }
        (self.configure)(host(at), &mut config);
        Client::try_from(config)
    }
}

/// Of what is not asked for there is none, as some registries say: so whatever else it is, too.
fn accepted() -> String {
    MANIFESTS.into_iter().chain(["*/*"]).collect::<Vec<_>>().join(", ")
}

pub(super) fn host(at: &Uri) -> &str {
    at.host().unwrap_or_default()
}

/// Where an answer sends on to.
fn sent_on(answer: &Answer) -> Result<Option<Uri>, String> {
    let Some(location) = answer.headers.get(LOCATION).filter(|_| answer.status.is_redirection()) else {
        return Ok(None);
    };
    let from = Url::parse(&answer.from.to_string()).ok();
    let next = from.and_then(|from| from.join(location.to_str().ok()?).ok());
    let next = next.filter(|next| matches!(next.scheme(), "http" | "https") && next.has_host());
    let next = next.and_then(|next| next.as_str().parse().ok());
    next.map(Some).ok_or_else(|| format!("{} sends on to nowhere", host(&answer.from)))
}

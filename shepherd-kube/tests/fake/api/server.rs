use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use shepherd_kube::Watches;
use tokio::sync::watch;

use super::store::{Controller, Objects, Refusal};
use super::watching::Watching;

/// An API server in memory. Clones are the same server.
#[derive(Clone, Default)]
pub(crate) struct Api {
    state: Arc<Mutex<State>>,
    /// Wakes the watches after whatever was done.
    pub(super) done: watch::Sender<()>,
    /// What the adapters of a test look by.
    watches: Option<Arc<OnceLock<Watches>>>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) objects: Objects,
    pub(super) watching: Watching,
    faults: VecDeque<Fault>,
    /// What every request is refused with.
    down: Option<u16>,
    seen: Vec<Seen>,
    /// Verbs and resources that nobody is granted.
    denied: Vec<(&'static str, &'static str)>,
    /// What is refused, by how the path ends: everything, or what is no read.
    objections: Vec<(&'static str, bool, Refusal)>,
    /// Groups with their version that are not served.
    unserved: Vec<&'static str>,
    /// Resources that are kept apart, and never come to a version of others.
    apart: Vec<&'static str>,
}

/// What is answered, whole or bit by bit.
pub(super) type Answer = UnsyncBoxBody<Bytes, io::Error>;

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Value,
    /// It asks what would come of it.
    pub(crate) dry: bool,
    /// It asks for no more than that.
    pub(crate) metadata_only: bool,
    /// It goes on being answered.
    pub(crate) watches: bool,
    /// It lists what the server has at hand, if that is so new.
    pub(crate) not_older_than: Option<u64>,
}

impl Seen {
    pub(crate) fn is_write(&self) -> bool {
        self.method != Method::GET
    }
}

/// What happens to the next request that writes.
enum Fault {
    /// It is refused with this code, and nothing is done.
    Refused(u16),
    /// It is done, and this is answered all the same.
    DoneYet(u16),
    /// Somebody else writes in between.
    After(Box<dyn FnOnce(&mut Objects) + Send>),
}

impl Api {
    pub(crate) fn client(&self) -> Client {
        // Watches have clients, and clients are of the server only.
        let api = Self { watches: None, ..self.clone() };
        let service = tower::service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move { Ok::<_, Infallible>(api.answer(request).await) }
        });
        Client::new(service, "default")
    }

    /// From now on adapters look by watches.
    pub(crate) fn watched(self) -> Self {
        Self { watches: Some(Arc::default()), ..self }
    }

    /// What adapters look by, if by anything but requests.
    pub(crate) fn watches(&self) -> Option<&Watches> {
        Some(self.watches.as_ref()?.get_or_init(|| Watches::new(self.client())))
    }

    /// Somebody else's object.
    pub(crate) fn with(self, collection: &str, object: Value) -> Self {
        self.state().objects.create(collection, object).unwrap();
        self
    }

    /// A controller that sees to every object that is written from now on.
    pub(crate) fn controlled(self, controller: Controller) -> Self {
        self.state().objects.control(controller);
        self
    }

    pub(crate) fn list(&self, collection: &str) -> Vec<Value> {
        self.state().objects.list(collection, "")
    }

    pub(crate) fn get(&self, collection: &str, name: &str) -> Value {
        self.state().objects.get(collection, name).unwrap()
    }

    /// A controller writes an object of its own, whose uid is its name.
    pub(crate) fn keep(&self, collection: &str, object: Value) {
        self.state().objects.keep(collection, object);
    }

    /// Everything that is there.
    pub(crate) fn everything(&self) -> String {
        self.state().objects.everything()
    }

    /// Somebody else writes.
    pub(crate) fn merge(&self, collection: &str, name: &str, patch: &Value) {
        self.state().objects.merge(collection, name, patch).unwrap();
    }

    pub(crate) fn delete(&self, collection: &str, name: &str) {
        self.state().objects.delete(collection, name).unwrap();
    }

    /// The next write is refused with this code.
    pub(crate) fn refuses(&self, code: u16) {
        self.state().faults.push_back(Fault::Refused(code));
    }

    /// Nobody is granted this verb on this resource.
    pub(crate) fn denies(&self, verb: &'static str, resource: &'static str) {
        self.state().denied.push((verb, resource));
    }

    /// All requests are refused where the path ends like this.
    pub(crate) fn objects_to(&self, path: &'static str, code: u16, why: &'static str) {
        self.state().objections.push((path, true, (code, why)));
    }

    /// All requests but reads are refused where the path ends like this.
    pub(crate) fn objects_to_writes(&self, path: &'static str, code: u16, why: &'static str) {
        self.state().objections.push((path, false, (code, why)));
    }

    /// A group with its version is not served.
    pub(crate) fn lacks(&self, version: &'static str) {
        self.state().unserved.push(version);
    }

    /// A resource is kept apart from all others: it never comes to a version of theirs.
    pub(crate) fn keeps_apart(&self, resource: &'static str) {
        self.state().apart.push(resource);
    }

    /// Nothing more goes wrong.
    pub(crate) fn forgives(&self) {
        self.state().faults.clear();
    }

    /// The next write is done, and answered with this code.
    pub(crate) fn loses_the_answer(&self, code: u16) {
        self.state().faults.push_back(Fault::DoneYet(code));
    }

    /// From now on everything is refused with this code, or nothing more.
    pub(crate) fn is_down(&self, code: Option<u16>) {
        self.state().down = code;
    }

    /// Just before the next write this happens.
    pub(crate) fn between(&self, happens: impl FnOnce(&mut Objects) + Send + 'static) {
        self.state().faults.push_back(Fault::After(Box::new(happens)));
    }

    /// Just before the next write somebody else merges this into an object.
    pub(crate) fn meddles(&self, collection: &str, name: &str, patch: Value) {
        let (collection, name) = (collection.to_owned(), name.to_owned());
        let write = move |objects: &mut Objects| drop(objects.merge(&collection, &name, &patch).unwrap());
        self.state().faults.push_back(Fault::After(Box::new(write)));
    }

    /// The requests that came since this was asked last.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state().seen)
    }

    pub(super) fn state(&self) -> Held<'_> {
        Held { state: self.looked_at(), done: &self.done }
    }

    /// For who changes nothing.
    pub(super) fn looked_at(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Body>) -> Response<Answer> {
        let (head, body) = request.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let query = head.uri.query().unwrap_or_default().to_owned();
        let kind = head.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let seen = Seen {
            dry: query.contains("dryRun=All"),
            metadata_only: header("accept").contains("PartialObjectMetadata"),
            watches: query.split('&').any(|pair| pair == "watch=true"),
            not_older_than: at_hand(&query),
            method: head.method,
            path: head.uri.path().to_owned(),
            body,
        };
        // What the server itself would have escaped passes none of its tests.
        let unlike = kind.contains("json-patch") && bytes.iter().any(|byte| b"<>&".contains(byte));
        if seen.watches {
            return self.watch(&seen, &query);
        }
        let answer = if unlike { Err((422, "Invalid")) } else { self.state().handle(&seen, &query, kind) };
        match answer {
            Ok(body) => Response::new(whole(&body)),
            Err(refusal) => refused(refusal),
        }
    }
}

/// The state, while something is done to it.
pub(super) struct Held<'a> {
    state: MutexGuard<'a, State>,
    done: &'a watch::Sender<()>,
}

impl Deref for Held<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.done.send_replace(());
    }
}

pub(super) fn refused((code, reason): Refusal) -> Response<Answer> {
    Response::builder().status(code).body(whole(&status(code, reason))).unwrap()
}

fn whole(answer: &Value) -> Answer {
    let bytes = serde_json::to_vec(answer).unwrap();
    Full::from(bytes).map_err(|never| match never {}).boxed_unsync()
}

impl State {
    fn handle(&mut self, seen: &Seen, query: &str, kind: &str) -> Result<Value, Refusal> {
        self.hears(seen)?;
        if let Some(answer) = self.about_itself(seen) {
            return answer;
        }
        if seen.dry {
            let as_is = self.objects.clone();
            let answer = self.perform(seen, query, kind);
            self.objects = as_is;
            return answer;
        }
        let fault = if seen.is_write() { self.faults.pop_front() } else { None };
        match fault {
            Some(Fault::Refused(code)) => Err((code, "Refused")),
            Some(Fault::DoneYet(code)) => self.perform(seen, query, kind).and(Err((code, "Lost"))),
            Some(Fault::After(write)) => {
                write(&mut self.objects);
                self.perform(seen, query, kind)
            }
            None => self.perform(seen, query, kind),
        }
    }

    pub(super) fn hears(&mut self, seen: &Seen) -> Result<(), Refusal> {
        self.seen.push(seen.clone());
        self.down.map_or(Ok(()), |code| Err((code, "Down")))
    }

    /// What is no object: the version, the kinds, and who may do what.
    fn about_itself(&self, seen: &Seen) -> Option<Result<Value, Refusal>> {
        let objected = |(path, reads, _): &&(&str, bool, Refusal)| {
            seen.path.ends_with(path) && (*reads || seen.is_write())
        };
        if let Some((_, _, refusal)) = self.objections.iter().find(objected) {
            return Some(Err(*refusal));
        }
        let parts: Vec<_> = seen.path.trim_matches('/').split('/').collect();
        match parts[..] {
            ["version"] => Some(Ok(version())),
            ["apis"] => Some(Ok(json!({"kind": "APIGroupList", "groups": []}))),
            ["apis", group, version] => Some(self.kinds(&format!("{group}/{version}"))),
            [.., "selfsubjectaccessreviews"] => Some(Ok(self.review(&seen.body))),
            _ => None,
        }
    }

    fn kinds(&self, version: &str) -> Result<Value, Refusal> {
        if self.unserved.contains(&version) {
            return Err((404, "NotFound"));
        }
        let kinds = ["HTTPRoute", "GRPCRoute", "VirtualService"];
        let kinds = kinds.map(
            |kind| json!({"name": "", "singularName": "", "namespaced": true, "kind": kind, "verbs": []}),
        );
        Ok(json!({"kind": "APIResourceList", "groupVersion": version, "resources": kinds}))
    }

    fn review(&self, asked: &Value) -> Value {
        let wanted = &asked["spec"]["resourceAttributes"];
        let denied = self
            .denied
            .iter()
            .any(|(verb, resource)| wanted["verb"] == *verb && wanted["resource"] == *resource);
        let mut answer = asked.clone();
        answer["status"] = json!({"allowed": !denied});
        answer
    }

    fn perform(&mut self, seen: &Seen, query: &str, kind: &str) -> Result<Value, Refusal> {
        let (collection, name) = place(&seen.path);
        let objects = &mut self.objects;
        match (&seen.method, name) {
            (&Method::GET, None) => {
                let apart = self.apart.iter().any(|resource| collection.ends_with(resource));
                if apart && seen.not_older_than.is_some() {
                    return Err((504, "Timeout"));
                }
                let items = objects.list(collection, &selector(query));
                let version = objects.version().max(1).to_string();
                Ok(
                    json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": version}, "items": items}),
                )
            }
            (&Method::GET, Some(name)) => objects.get(collection, name),
            (&Method::POST, None) => objects.create(collection, seen.body.clone()),
            (&Method::PUT, Some(name)) => objects.update(collection, name, seen.body.clone()),
            (&Method::DELETE, Some(name)) => {
                objects.end(collection, name, &seen.body["preconditions"]["uid"])
            }
            (&Method::PATCH, Some(name)) if kind.contains("json-patch") => {
                let patch = serde_json::from_value(seen.body.clone()).map_err(|_| (400, "BadRequest"))?;
                objects.patch(collection, name, &patch)
            }
            (&Method::PATCH, Some(name)) => objects.merge(collection, name, &seen.body),
            _ => Err((405, "MethodNotAllowed")),
        }
    }
}

/// `/api/v1/namespaces/shop/services/web` is `web` in `/api/v1/namespaces/shop/services`.
fn place(path: &str) -> (&str, Option<&str>) {
    let parts = path.trim_matches('/').split('/').count();
    let prefix = if path.starts_with("/api/") { 2 } else { 3 };
    // After the version a namespaced collection has three parts, and one of the whole cluster has one.
    if parts == prefix + 4 || parts == prefix + 2 {
        let (collection, name) = path.rsplit_once('/').unwrap();
        (collection, Some(name))
    } else {
        (path, None)
    }
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "gitVersion": "v1.36.0", "gitCommit": "", "gitTreeState": "", "buildDate": "",
        "goVersion": "", "compiler": "", "platform": "",
    })
}

fn selector(query: &str) -> String {
    let query = parameter(query, "labelSelector=").unwrap_or_default();
    query.replace("%3D", "=").replace("%2C", ",").replace("%2F", "/")
}

fn at_hand(query: &str) -> Option<u64> {
    parameter(query, "resourceVersionMatch=").filter(|how| *how == "NotOlderThan")?;
    parameter(query, "resourceVersion=")?.parse().ok()
}

fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query.split('&').find_map(|pair| pair.strip_prefix(name))
}

pub(super) fn status(code: u16, reason: &str) -> Value {
    let mut status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
        "message": if reason.contains(' ') { reason.to_owned() } else { format!("the server answers {code}") },
    });
    if code == 404 {
        status["details"] = json!({"name": "it"});
    }
    if code == 429 {
        status["details"] = json!({"retryAfterSeconds": 2});
    }
    status
}

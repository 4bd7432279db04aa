use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use kube::api::{ApiResource, DynamicObject, GetParams, ListParams, VersionMatch};
use kube::core::{ObjectList, Request};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::Value;
use shepherd_core::model::Elapsed;

use super::state::{Answer, State};
use super::{Version, Watches};

/// For how long a look waits for a watch that is about to tell of what was written.
const PATIENCE: Duration = Duration::from_millis(100);

/// How an adapter reaches the server: it writes directly, and looks by watches where it was given some.
#[derive(Clone)]
pub(crate) struct Reach {
    client: Client,
    watches: Option<Watches>,
}

/// An object that was looked at.
pub(crate) struct Seen {
    pub(crate) object: Arc<Value>,
    /// What belongs to it counts as it was at this version or after it: since then its spec is so.
    pub(crate) since: Version,
}

impl Reach {
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn is_watching(&self) -> bool {
        self.watches.is_some()
    }

    /// What the server says of an object now.
    pub(crate) async fn get(
        &self,
        kind: &ApiResource,
        namespace: &str,
        name: &str,
    ) -> Result<Arc<Value>, kube::Error> {
        let path = DynamicObject::url_path(kind, Some(namespace));
        let request = Request::new(path).get(name, &GetParams::default());
        let object = self.client.request::<Value>(request.map_err(kube::Error::BuildRequest)?).await?;
        self.answered(kind, namespace, name, Version::of(&object));
        Ok(Arc::new(object))
    }

    /// What is to be seen of an object: by a watch that knows, or else from the server; none when it does not exist.
    pub(crate) async fn look(
        &self,
        kind: &ApiResource,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Seen>, kube::Error> {
        if let Some(seen) = self.watched(kind, namespace, name).await {
            return Ok(seen);
        }
        match self.get(kind, namespace, name).await {
            Ok(object) => Ok(Some(Seen::directly(object))),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a watch knows of an object; none when the server must be asked.
    pub(crate) async fn watched(
        &self,
        kind: &ApiResource,
        namespace: &str,
        name: &str,
    ) -> Option<Option<Seen>> {
        let watches = self.watches.as_ref()?;
        let state = watches.open(kind, namespace);
        let Some((text, since)) = answer(watches, &state, |now| state.find(name, now)).await? else {
            return Some(None);
        };
        let object = Arc::new(serde_json::from_str(&text).ok()?);
        Some(Some(Seen { object, since }))
    }

    /// What a watch that is open already knows of an object.
    pub(crate) fn kept(&self, kind: &ApiResource, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let watches = self.watches.as_ref()?;
        let state = watches.opened(kind, namespace)?;
        match state.find(name, watches.clock().now().elapsed) {
            Answer::Is(Some((text, _))) => serde_json::from_str(&text).ok().map(Arc::new),
            _ => None,
        }
    }

    /// Everything of a kind that a selector selects, as it was at a version or after it.
    pub(crate) async fn list<K>(
        &self,
        namespace: &str,
        selector: &str,
        at: Version,
    ) -> Result<Vec<K>, kube::Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + fmt::Debug + DeserializeOwned,
    {
        if let Some(all) = self.selected::<K>(&ApiResource::erase::<K>(&()), namespace, selector, at).await {
            return Ok(all);
        }
        let path = K::url_path(&(), Some(namespace));
        self.listed::<ObjectList<K>>(&path, selector, at).await.map(|listed| listed.items)
    }

    /// The same, with every field that the server knows.
    pub(crate) async fn list_whole<K>(
        &self,
        namespace: &str,
        selector: &str,
        at: Version,
    ) -> Result<Vec<Value>, kube::Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        let kind = ApiResource::erase::<K>(&());
        if let Some(all) = self.selected(&kind, namespace, selector, at).await {
            return Ok(all);
        }
        let path = DynamicObject::url_path(&kind, Some(namespace));
        let mut listed: Value = self.listed(&path, selector, at).await?;
        Ok(match listed["items"].take() {
            Value::Array(all) => all,
            _ => Vec::new(),
        })
    }

    /// Lists what the server has at hand, if that is so new. A list of what is there at this very moment waits until the
    /// server's cache has heard of everything that was written before, to other kinds too: up to 100 ms each time.
    async fn listed<T: DeserializeOwned>(
        &self,
        path: &str,
        selector: &str,
        at: Version,
    ) -> Result<T, kube::Error> {
        let now = ListParams::default().labels(selector);
        if at.is_known() {
            let at_hand = now.clone().matching(VersionMatch::NotOlderThan).at(&at.number().to_string());
            match self.request(path, &at_hand).await {
                // Kinds that are kept apart count their versions apart: this one does not come so far.
                Err(kube::Error::Api(status)) if status.code == 504 => {}
                listed => return listed,
            }
        }
        self.request(path, &now).await
    }

    async fn request<T: DeserializeOwned>(&self, path: &str, list: &ListParams) -> Result<T, kube::Error> {
        let request = Request::new(path).list(list).map_err(kube::Error::BuildRequest)?;
        self.client.request(request).await
    }

    /// The server has answered with this version of an object.
    pub(crate) fn answered(&self, kind: &ApiResource, namespace: &str, name: &str, version: Version) {
        if let Some(state) = self.watches.as_ref().and_then(|watches| watches.opened(kind, namespace)) {
            state.answered(name, version);
        }
    }

    async fn selected<K: DeserializeOwned>(
        &self,
        kind: &ApiResource,
        namespace: &str,
        selector: &str,
        at: Version,
    ) -> Option<Vec<K>> {
        let watches = self.watches.as_ref().filter(|_| at.is_known())?;
        let state = watches.open(kind, namespace);
        let texts = answer(watches, &state, |now| state.select(selector, at, now)).await?;
        texts.iter().map(|text| serde_json::from_str(text).ok()).collect()
    }
}

/// What a watch answers, if need be a moment later; none when the server must be asked.
async fn answer<T>(watches: &Watches, state: &State, ask: impl Fn(Elapsed) -> Answer<T>) -> Option<T> {
    let (clock, mut words) = (watches.clock(), state.words());
    let answered = async {
        loop {
            match ask(clock.now().elapsed) {
                Answer::Is(answer) => return Some(answer),
                Answer::Unknown => return None,
                Answer::Soon => words.changed().await.ok()?,
            }
        }
    };
    tokio::select! {
        biased;
        answer = answered => answer,
        () = clock.sleep(PATIENCE) => None,
    }
}

impl Seen {
    /// What belongs to it may have changed with it.
    pub(crate) fn directly(object: Arc<Value>) -> Self {
        Self { since: Version::of(&object), object }
    }
}

impl From<Client> for Reach {
    fn from(client: Client) -> Self {
        Self { client, watches: None }
    }
}

impl From<&Watches> for Reach {
    fn from(watches: &Watches) -> Self {
        Self { client: watches.client().clone(), watches: Some(watches.clone()) }
    }
}

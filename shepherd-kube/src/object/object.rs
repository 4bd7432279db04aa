use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::Resource;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{Request, Status};
use serde_json::Value;
use shepherd_core::ports::PortError;

use super::memory::Memory;
use super::{Edit, failure, refused, wire};
use crate::watch::{Reach, Seen, Version, Watches};

/// How often a change is decided anew because somebody else wrote in between.
const TRIES: usize = 5;

/// Under this name the server records who changed a field.
pub(crate) const MANAGER: &str = "shepherd";

/// One object that lives on, of which Shepherd changes a few fields. It remembers what it saw last, so that a change
/// costs one round trip; the tests of the patch find out when that is old.
///
/// Who decides something to be written [reads](Self::read) it from the server; who only wants to know what is there
/// [looks](Self::look), which a watch may answer.
pub(crate) struct Object {
    reach: Reach,
    kind: ApiResource,
    path: String,
    namespace: String,
    name: String,
    place: String,
    memory: Mutex<Memory>,
}

impl Object {
    pub(crate) fn new(reach: impl Into<Reach>, kind: &ApiResource, namespace: &str, name: &str) -> Self {
        let path = DynamicObject::url_path(kind, Some(namespace));
        let place = format!("{} {namespace}/{name}", kind.kind);
        Self {
            reach: reach.into(),
            kind: kind.clone(),
            path,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            place,
            memory: Mutex::default(),
        }
    }

    /// From now on it is looked at by these watches.
    pub(crate) fn watch(&mut self, watches: &Watches) {
        self.reach = watches.into();
    }

    pub(crate) fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Kind, namespace and name, as errors give it.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    pub(crate) fn kind(&self) -> &ApiResource {
        &self.kind
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What it was when it was last seen; what it is now where it never was.
    pub(crate) async fn known(&self) -> Result<Arc<Value>, PortError> {
        match self.seen() {
            Some(seen) => Ok(seen),
            None => self.read().await,
        }
    }

    /// What the server says it is now.
    pub(crate) async fn read(&self) -> Result<Arc<Value>, PortError> {
        self.get().await.map_err(|error| failure(&self.place, error))
    }

    /// What the server says it is now; none when it does not exist.
    pub(crate) async fn find(&self) -> Result<Option<Arc<Value>>, PortError> {
        match self.get().await {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(failure(&self.place, error)),
        }
    }

    /// Whether the server says that it does not exist. That it does not know the kind is no word about the object.
    pub(crate) async fn is_gone(&self) -> bool {
        let named = |status: &Status| status.details.as_ref().is_some_and(|of| !of.name.is_empty());
        matches!(self.get().await, Err(kube::Error::Api(status)) if status.code == 404 && named(&status))
    }

    /// What is to be seen of it.
    pub(crate) async fn look(&self) -> Result<Seen, PortError> {
        match self.watched().await {
            Some(seen) => {
                seen.ok_or_else(|| refused(&self.place, "it does not exist; create it, or correct its name"))
            }
            None => self.read().await.map(|object| self.dated(object)),
        }
    }

    /// What is to be seen of it; none when it does not exist.
    pub(crate) async fn look_for(&self) -> Result<Option<Seen>, PortError> {
        match self.watched().await {
            Some(seen) => Ok(seen),
            None => Ok(self.find().await?.map(|object| self.dated(object))),
        }
    }

    fn dated(&self, object: Arc<Value>) -> Seen {
        Seen { since: self.memory().since(&object), object }
    }

    async fn get(&self) -> Result<Arc<Value>, kube::Error> {
        let asked = self.memory().asks();
        let read = self.reach.get(&self.kind, &self.namespace, &self.name).await;
        match &read {
            Ok(object) => self.memory().reads(asked, Some(object.clone())),
            Err(kube::Error::Api(status)) if status.code == 404 => self.memory().reads(asked, None),
            Err(_) => {}
        }
        read
    }

    async fn watched(&self) -> Option<Option<Seen>> {
        // What became of the last write only the server knows.
        if !self.memory().is_sure() {
            return None;
        }
        let seen = self.reach.watched(&self.kind, &self.namespace, &self.name).await?;
        // The watch remembers it for all.
        self.memory().forgets();
        Some(seen)
    }

    /// Makes the object, when there is none of its name.
    pub(crate) async fn create(&self, object: &Value) -> Result<Created, PortError> {
        let write = self.memory().writes();
        match self.send_new(object, Write::Done).await {
            Ok(object) => {
                self.remember(write, object);
                Ok(Created::Now)
            }
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(Created::ByOthers),
            Err(error) => Err(failure(&self.place, error)),
        }
    }

    /// Makes the object what `decide` says, in one write, or none when it is so already. It is decided anew as often
    /// as somebody else wrote in between. What `decide` refuses is refused only after a fresh look.
    pub(crate) async fn change(
        &self,
        decide: impl Fn(&Value) -> Result<Patched, PortError>,
    ) -> Result<Arc<Value>, PortError> {
        let (mut known, mut fresh) = match self.seen() {
            Some(seen) => (seen, false),
            None => (self.read().await?, true),
        };
        let mut rejected: Option<(json_patch::Patch, Box<Status>)> = None;
        for _ in 0..TRIES {
            let decided = match decide(&known) {
                Ok(Patched::Change(patch)) => patch,
                Ok(Patched::AsItIs) if fresh => return Ok(known),
                Err(error) if fresh => return Err(error),
                Ok(Patched::AsItIs) | Err(_) => {
                    (known, fresh) = (self.read().await?, true);
                    continue;
                }
            };
            // A failed test is a bare 422, as is a value that the server refuses. When a fresh look leads to the same
            // patch again, its tests hold, and it is the value.
            if let Some((_, status)) = rejected.take_if(|(patch, _)| *patch == decided) {
                return Err(failure(&self.place, kube::Error::Api(status)));
            }
            match self.patch(&decided).await {
                Ok(object) => return Ok(object),
                Err(kube::Error::Api(status)) if status.code == 422 => {
                    rejected = Some((decided, status));
                    (known, fresh) = (self.read().await?, true);
                }
                Err(error) => {
                    // It may have been done all the same.
                    self.memory().forgets();
                    return Err(failure(&self.place, error));
                }
            }
        }
        Err(PortError::conflict(&self.place, "others change it faster than it can be written"))
    }

    /// What the server would say of this change. Nothing is changed.
    pub(crate) async fn rehearse(&self, patch: &json_patch::Patch) -> Result<(), kube::Error> {
        self.send(patch, Write::Rehearsed).await.map(drop)
    }

    /// What the server would say of making this object. Nothing is made.
    pub(crate) async fn rehearse_new(&self, object: &Value) -> Result<(), kube::Error> {
        self.send_new(object, Write::Rehearsed).await.map(drop)
    }

    async fn patch(&self, patch: &json_patch::Patch) -> Result<Arc<Value>, kube::Error> {
        let write = self.memory().writes();
        self.send(patch, Write::Done).await.map(|object| self.remember(write, object))
    }

    async fn send_new(&self, object: &Value, write: Write) -> Result<Value, kube::Error> {
        let parameters =
            PostParams { field_manager: Some(MANAGER.to_owned()), dry_run: write == Write::Rehearsed };
        let body = serde_json::to_vec(object).map_err(kube::Error::SerdeError)?;
        let request =
            Request::new(&self.path).create(&parameters, body).map_err(kube::Error::BuildRequest)?;
        self.reach.client().request(request).await
    }

    async fn send(&self, patch: &json_patch::Patch, write: Write) -> Result<Value, kube::Error> {
        let parameters = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            dry_run: write == Write::Rehearsed,
            ..PatchParams::default()
        };
        let mut request = Request::new(&self.path)
            .patch(&self.name, &parameters, &Patch::Json::<()>(patch.clone()))
            .map_err(kube::Error::BuildRequest)?;
        *request.body_mut() = wire::body(patch);
        self.reach.client().request(request).await
    }

    /// What it was when it was last seen, here or by a watch.
    fn seen(&self) -> Option<Arc<Value>> {
        let remembered = self.memory().remembers();
        remembered.or_else(|| self.reach.kept(&self.kind, &self.namespace, &self.name))
    }

    fn remember(&self, write: u64, object: Value) -> Arc<Value> {
        let object = Arc::new(object);
        self.reach.answered(&self.kind, &self.namespace, &self.name, Version::of(&object));
        self.memory().wrote(write, object.clone());
        object
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the server does what it is asked, or only tells what would come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Write {
    Done,
    Rehearsed,
}

/// What became of making an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Created {
    /// It was made.
    Now,
    /// There was one already.
    ByOthers,
}

/// What shall become of an object.
pub(crate) enum Patched {
    /// It is as it shall be.
    AsItIs,
    /// It is changed so.
    Change(json_patch::Patch),
}

impl From<Edit<'_>> for Patched {
    fn from(edit: Edit<'_>) -> Self {
        if edit.is_empty() { Patched::AsItIs } else { Patched::Change(edit.into_patch()) }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its content may hold somebody's secrets.
        f.debug_struct("Object").field("place", &self.place).finish_non_exhaustive()
    }
}

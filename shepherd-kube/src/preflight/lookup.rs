//! Looking at what others own.

use std::sync::Arc;

use kube::api::{ApiResource, DynamicObject, GetParams, GroupVersionKind, ListParams, TypeMeta};
use kube::core::Request;
use kube::{Client, Resource};
use serde_json::Value;
use shepherd_core::model::Track;

use super::Findings;
use super::findings::Behind;
use crate::object::Object;

impl Findings {
    /// An object that an adapter needs. That it is not there is told.
    pub(crate) async fn present(&mut self, object: &Object) -> Option<Arc<Value>> {
        let found = self.find(object).await?;
        if found.is_none() {
            self.error(object.place(), "it does not exist", "create it, or correct its name");
        }
        found
    }

    /// An object that may be there or not; none when that is not known, which is told.
    pub(crate) async fn find(&mut self, object: &Object) -> Option<Option<Arc<Value>>> {
        // That it may not be read was told already.
        if !self.may("get", object) {
            return None;
        }
        match object.find().await {
            Ok(found) => Some(found),
            Err(error) => {
                let why = format!("it cannot be checked: {}", error.failure().message);
                self.warning(object.place(), why, "look at it yourself, or check again");
                None
            }
        }
    }

    /// All objects of a kind in a namespace; none when they cannot be listed, which is told. `what` is what is not
    /// known then.
    pub(crate) async fn list(
        &mut self,
        version: &str,
        kind: &str,
        namespace: &str,
        what: &str,
    ) -> Option<Vec<Value>> {
        match list(&self.client, version, kind, namespace).await {
            Ok(all) => Some(all),
            Err(error) => {
                self.unchecked(&format!("{kind} in {namespace}"), what, error);
                None
            }
        }
    }

    /// One object.
    pub(crate) async fn get(
        &self,
        version: &str,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Value, kube::Error> {
        let path = DynamicObject::url_path(&resource(version, kind), namespace);
        let request = Request::new(path).get(name, &GetParams::default());
        self.client.request(request.map_err(kube::Error::BuildRequest)?).await
    }

    /// The Services that a track is behind. Those that cannot be read are told where each is looked at.
    pub(crate) async fn services_of(&self, namespace: &str, track: Track) -> Vec<Value> {
        let mut found = Vec::new();
        let of_track = |one: &&Behind| one.namespace == namespace && one.track == track;
        for behind in self.services.iter().filter(of_track) {
            found.extend(self.get("v1", "Service", Some(namespace), &behind.service).await.ok());
        }
        found
    }

    /// Whether an object exists. Nothing but its metadata is asked for.
    pub(super) async fn exists(&self, kind: &str, namespace: &str, name: &str) -> Result<bool, kube::Error> {
        let path = DynamicObject::url_path(&resource("v1", kind), Some(namespace));
        let request = Request::new(path).get_metadata(name, &GetParams::default());
        let answer = self.client.request::<Value>(request.map_err(kube::Error::BuildRequest)?).await;
        match answer {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// All objects of a kind in a namespace.
pub(crate) async fn list(
    client: &Client,
    version: &str,
    kind: &str,
    namespace: &str,
) -> Result<Vec<Value>, kube::Error> {
    let path = DynamicObject::url_path(&resource(version, kind), Some(namespace));
    let request = Request::new(path).list(&ListParams::default()).map_err(kube::Error::BuildRequest)?;
    let mut answer: Value = client.request(request).await?;
    Ok(match answer["items"].take() {
        Value::Array(all) => all,
        _ => Vec::new(),
    })
}

fn resource(version: &str, kind: &str) -> ApiResource {
    let kind = TypeMeta { api_version: version.to_owned(), kind: kind.to_owned() };
    // A version without a group is of the core; no other can be written here.
    let kind =
        GroupVersionKind::try_from(&kind).unwrap_or_else(|_| GroupVersionKind::gvk("", version, &kind.kind));
    ApiResource::from_gvk(&kind)
}

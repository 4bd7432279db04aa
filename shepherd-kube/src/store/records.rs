//! Records in `ConfigMaps`: each read and written whole, and written only where nobody wrote in between.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, PostParams};
use kube::core::ObjectMeta;
use kube::{Api, Client};
use shepherd_core::model::Target;
use shepherd_core::ports::{PortError, StoreError};

use super::LABEL;
use super::record::Record;
use crate::object::{MANAGER, failure, name};

pub(super) struct Records {
    api: Api<ConfigMap>,
    namespace: String,
}

/// A record, and the object that holds it; an object without a version is not there yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    pub(super) metadata: ObjectMeta,
    pub(super) record: Record,
}

impl Records {
    pub(super) fn new(client: Client, namespace: &str) -> Self {
        Self { api: Api::namespaced(client, namespace), namespace: namespace.to_owned() }
    }

    /// The record of a target; none when nobody ever claimed it.
    pub(super) async fn find(&self, target: &Target) -> Result<Option<Arc<Entry>>, StoreError> {
        let name = name::encode(&target.to_string())?;
        let place = self.place(&name);
        let found = self.api.get_opt(&name).await.map_err(|error| failure(&place, error))?;
        found.map(|map| entry(&place, target, map)).transpose()
    }

    /// The version of the object that holds the record of a target; none when it is gone.
    pub(super) async fn version(&self, target: &Target) -> Result<Option<String>, StoreError> {
        let name = name::encode(&target.to_string())?;
        let found = self.api.get_metadata_opt(&name).await;
        let found = found.map_err(|error| failure(&self.place(&name), error))?;
        Ok(found.and_then(|object| object.metadata.resource_version))
    }

    /// Puts `record` in the place of what `before` was; none when somebody else wrote in between.
    pub(super) async fn write(
        &self,
        target: &Target,
        before: &Entry,
        record: &Record,
    ) -> Result<Option<Arc<Entry>>, StoreError> {
        let name = name::encode(&target.to_string())?;
        let mut metadata = before.metadata.clone();
        // The server takes none back, and they are most of the object's text.
        metadata.managed_fields = None;
        let parameters = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let written = if metadata.resource_version.is_some() {
            self.api.replace(&name, &parameters, &record.put(target, metadata)).await
        } else {
            metadata.name = Some(name.clone());
            self.api.create(&parameters, &record.put(target, metadata)).await
        };
        let place = self.place(&name);
        match written {
            Ok(map) => entry(&place, target, map).map(Some),
            // Changed, made by others, or deleted meanwhile: a fresh look tells.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) && !is_namespace(&status) => {
                Ok(None)
            }
            Err(error) => Err(failure(&place, error).into()),
        }
    }

    /// All targets that have a record, in order. Their snapshots are not read for that.
    pub(super) async fn list(&self) -> Result<Vec<Target>, StoreError> {
        let wanted = ListParams::default().labels(&format!("{LABEL}=rollout"));
        let listed = self.api.list_metadata(&wanted).await;
        let place = format!("ConfigMaps of {}", self.namespace);
        let listed = listed.map_err(|error| failure(&place, error))?;
        let names = listed.items.into_iter().filter_map(|object| object.metadata.name);
        let mut targets: Vec<_> = names.filter_map(|name| name::decode(&name)).collect();
        targets.sort_unstable();
        Ok(targets)
    }

    /// Others write as fast as this is decided.
    pub(super) fn crowded(&self, target: &Target) -> StoreError {
        let place = format!("the record of {target} in {}", self.namespace);
        PortError::conflict(place, "others change it faster than it can be written").into()
    }

    fn place(&self, name: &str) -> String {
        format!("ConfigMap {}/{name}", self.namespace)
    }
}

/// A namespace that is missing is no record that is missing.
fn is_namespace(status: &kube::core::Status) -> bool {
    status.details.as_ref().is_some_and(|details| details.kind == "namespaces")
}

fn entry(place: &str, target: &Target, map: ConfigMap) -> Result<Arc<Entry>, StoreError> {
    let damaged = |reason| StoreError::Damaged { place: place.to_owned(), reason };
    let record = Record::of(&map, target).map_err(damaged)?;
    Ok(Arc::new(Entry { metadata: map.metadata, record }))
}

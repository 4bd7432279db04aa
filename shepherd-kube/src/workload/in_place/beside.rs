use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Pod;
use kube::Resource;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use serde_json::Value;
use shepherd_core::ports::PortError;

use super::replica::Replica;
use crate::object::{Edit, MANAGER, failure};
use crate::watch::{Reach, Version};
use crate::workload::replica_sets::{is_of, selector};

/// What lives beside an object, in its namespace.
pub(super) struct Beside<'a> {
    pub(super) reach: &'a Reach,
    pub(super) namespace: &'a str,
    /// The kind and name of the object, for errors.
    pub(super) place: &'a str,
    /// The container whose image is the revision.
    pub(super) container: &'a str,
    /// All of it as it was at this version or after it.
    pub(super) at: Version,
}

impl Beside<'_> {
    /// Everything of a kind that this object controls, with every field that the server knows: a template that lost some
    /// could not be put back.
    pub(super) async fn controlled<K>(&self, object: &Value) -> Result<Vec<Value>, PortError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        let listed = self.reach.list_whole::<K>(self.namespace, &selector(object), self.at).await;
        let mut all = listed.map_err(|error| failure(self.place, error))?;
        all.retain(|one| is_of(object, one));
        Ok(all)
    }

    /// All pods that its selector selects.
    pub(super) async fn pods(&self, object: &Value) -> Result<Vec<Pod>, PortError> {
        let listed = self.reach.list(self.namespace, &selector(object), self.at).await;
        listed.map_err(|error| failure(self.place, error))
    }

    /// Ends this replica, and no other one of its name.
    pub(super) async fn end(&self, replica: &Replica) -> Result<(), PortError> {
        let only = Preconditions { uid: Some(replica.uid.clone()), resource_version: None };
        let parameters = DeleteParams { preconditions: Some(only), ..DeleteParams::default() };
        let pods: Api<Pod> = Api::namespaced(self.reach.client().clone(), self.namespace);
        match pods.delete(&replica.name, &parameters).await {
            Ok(ended) => {
                let version = ended.left().and_then(|pod| pod.metadata.resource_version);
                let version = version.as_deref().map_or(Version::UNKNOWN, Version::parse);
                let kind = ApiResource::erase::<Pod>(&());
                self.reach.answered(&kind, self.namespace, &replica.name, version);
                Ok(())
            }
            // It is gone, or another one has its name by now.
            Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => Ok(()),
            Err(error) => Err(failure(self.place, error)),
        }
    }

    /// Changes one of those that it controls. One that is gone, or was changed by others meanwhile, stays as it is.
    pub(super) async fn patch<K>(&self, one: &Value, edit: Edit<'_>) -> Result<(), PortError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        let kind = ApiResource::erase::<K>(&());
        let client = self.reach.client().clone();
        let api: Api<DynamicObject> = Api::namespaced_with(client, self.namespace, &kind);
        let name = one["metadata"]["name"].as_str().unwrap_or_default();
        let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        match api.patch(name, &parameters, &Patch::Json::<()>(edit.into_patch())).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 || status.code == 422 => Ok(()),
            Err(error) => Err(failure(self.place, error)),
        }
    }
}

/// The object that controls another one, by its uid.
pub(super) fn controller<K: Resource>(of: &K) -> Option<&str> {
    let owners = of.meta().owner_references.iter().flatten();
    owners.into_iter().find(|owner| owner.controller == Some(true)).map(|owner| owner.uid.as_str())
}

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, Preconditions,
};
use kube::{Client, Resource};
use serde_json::Value;
use shepherd_core::ports::PortError;

use super::replica::Replica;
use crate::object::{Edit, MANAGER, failure, refused};
use crate::workload::replica_sets::selector;

/// What lives beside an object, in its namespace.
pub(super) struct Beside<'a> {
    pub(super) client: &'a Client,
    pub(super) namespace: &'a str,
    /// The kind and name of the object, for errors.
    pub(super) place: &'a str,
    /// The container whose image is the revision.
    pub(super) container: &'a str,
}

impl Beside<'_> {
    /// Everything of a kind that this object controls, with every field that the server knows: a template that lost some
    /// could not be put back.
    pub(super) async fn controlled<K>(&self, object: &Value) -> Result<Vec<Value>, PortError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        let kind = ApiResource::erase::<K>(&());
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), self.namespace, &kind);
        let listed = api.list(&ListParams::default().labels(&selector(object))).await;
        let all = listed.map_err(|error| failure(self.place, error))?.items;
        let uid = object["metadata"]["uid"].as_str();
        let value = |one| serde_json::to_value(one).map_err(|error| refused(self.place, error.to_string()));
        all.into_iter().filter(|one| controller(one) == uid).map(value).collect()
    }

    /// All pods that its selector selects.
    pub(super) async fn pods(&self, object: &Value) -> Result<Vec<Pod>, PortError> {
        let listed = self.own_pods().list(&ListParams::default().labels(&selector(object))).await;
        listed.map(|list| list.items).map_err(|error| failure(self.place, error))
    }

    /// Ends this replica, and no other one of its name.
    pub(super) async fn end(&self, replica: &Replica) -> Result<(), PortError> {
        let only = Preconditions { uid: Some(replica.uid.clone()), resource_version: None };
        let parameters = DeleteParams { preconditions: Some(only), ..DeleteParams::default() };
        match self.own_pods().delete(&replica.name, &parameters).await {
            Ok(_) => Ok(()),
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
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), self.namespace, &kind);
        let name = one["metadata"]["name"].as_str().unwrap_or_default();
        let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        match api.patch(name, &parameters, &Patch::Json::<()>(edit.into_patch())).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 || status.code == 422 => Ok(()),
            Err(error) => Err(failure(self.place, error)),
        }
    }

    fn own_pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), self.namespace)
    }
}

/// The object that controls another one, by its uid.
pub(super) fn controller<K: Resource>(of: &K) -> Option<&str> {
    let owners = of.meta().owner_references.iter().flatten();
    owners.into_iter().find(|owner| owner.controller == Some(true)).map(|owner| owner.uid.as_str())
}

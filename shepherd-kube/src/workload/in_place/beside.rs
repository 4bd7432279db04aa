use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams, Preconditions};
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shepherd_core::ports::PortError;

use super::replica::Replica;
use crate::object::{failure, refused};
use crate::workload::status::selector;

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
    /// Everything of a kind that this object controls, by its labels.
    pub(super) async fn controlled<K>(&self, object: &Value) -> Result<Vec<Value>, PortError>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Serialize + std::fmt::Debug,
        K::DynamicType: Default,
    {
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        let all = self.selected::<K>(object).await?;
        let controls = |one: &&K| controller(*one) == Some(uid);
        let value = |one| serde_json::to_value(one).map_err(|error| refused(self.place, error.to_string()));
        all.iter().filter(controls).map(value).collect()
    }

    /// All pods that its selector selects.
    pub(super) async fn pods(&self, object: &Value) -> Result<Vec<Pod>, PortError> {
        self.selected(object).await
    }

    /// Ends this replica, and no other one of its name.
    pub(super) async fn end(&self, replica: &Replica) -> Result<(), PortError> {
        let only = Preconditions { uid: Some(replica.uid.clone()), resource_version: None };
        let parameters = DeleteParams { preconditions: Some(only), ..DeleteParams::default() };
        match self.api::<Pod>().delete(&replica.name, &parameters).await {
            Ok(_) => Ok(()),
            // It is gone, or another one has its name by now.
            Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => Ok(()),
            Err(error) => Err(failure(self.place, error)),
        }
    }

    async fn selected<K>(&self, object: &Value) -> Result<Vec<K>, PortError>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + std::fmt::Debug,
        K::DynamicType: Default,
    {
        let listed = self.api::<K>().list(&ListParams::default().labels(&selector(object))).await;
        listed.map(|list| list.items).map_err(|error| failure(self.place, error))
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), self.namespace)
    }
}

/// The object that controls another one, by its uid.
pub(super) fn controller<K: Resource>(of: &K) -> Option<&str> {
    let owners = of.meta().owner_references.iter().flatten();
    owners.into_iter().find(|owner| owner.controller == Some(true)).map(|owner| owner.uid.as_str())
}

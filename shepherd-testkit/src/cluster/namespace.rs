use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::net::SocketAddr;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use k8s_openapi::api::core::v1::{self as core, Pod, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding};
use kube::api::{DeleteParams, DynamicObject, ListParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::cluster::Cluster;
use super::error::ClusterError;
use super::gateway;

/// A namespace of one test. It is deleted, with all that is in it, when it is dropped; nobody waits for that.
pub struct Namespace {
    name: String,
    client: Client,
    cluster: Arc<Cluster>,
}

impl Namespace {
    pub(super) async fn create(cluster: Arc<Cluster>, begins: &str) -> Result<Self, ClusterError> {
        let client = cluster.client()?;
        let wanted =
            parse::<core::Namespace>(json!({ "metadata": { "generateName": format!("{begins}-") } }))?;
        let api = Api::<core::Namespace>::all(client.clone());
        let made = api.create(&PostParams::default(), &wanted).await;
        let made = made.map_err(ClusterError::api(format!("creating the namespace {begins}")))?;
        Ok(Self { name: made.name_any(), client, cluster })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A client that may do everything.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The cluster it is in.
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// Objects of one kind in it.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client(), &self.name)
    }

    /// Creates an object from JSON as a manifest has it.
    ///
    /// # Errors
    /// When it is no such object, or the API server refuses.
    pub async fn create_object<K>(&self, object: serde_json::Value) -> Result<K, ClusterError>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + Debug
            + Serialize
            + DeserializeOwned,
        K::DynamicType: Default,
    {
        let object: K = parse(object)?;
        let kind = K::kind(&K::DynamicType::default()).into_owned();
        let doing = format!("creating the {kind} {}", object.name_any());
        self.api::<K>().create(&PostParams::default(), &object).await.map_err(ClusterError::api(doing))
    }

    /// Creates a Deployment whose pods have the label `app` with its name, and serve on port 8080. What the image's name
    /// ends with is how they [behave](super::Behaviour).
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn deployment(
        &self,
        name: &str,
        image: &str,
        replicas: i32,
    ) -> Result<Deployment, ClusterError> {
        self.deployment_labelled(name, &[("app", name)], image, replicas).await
    }

    /// The same, whose pods have these labels: the two sides of a Service, for example.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn deployment_labelled(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        image: &str,
        replicas: i32,
    ) -> Result<Deployment, ClusterError> {
        let labels: BTreeMap<_, _> = labels.iter().copied().collect();
        self.create_object(json!({
            "metadata": { "name": name, "labels": labels },
            "spec": {
                "replicas": replicas,
                "selector": { "matchLabels": labels },
                "template": {
                    "metadata": { "labels": labels },
                    "spec": { "containers": [
                        { "name": "app", "image": image, "ports": [{ "name": "http", "containerPort": 8080 }] }
                    ]}
                }
            }
        }))
        .await
    }

    /// Creates a Service that sends its port 80 to port 8080 of the pods with the label `app`. Answers where it listens,
    /// to which a kube-proxy gives a meaning.
    ///
    /// # Errors
    /// When the API server refuses, or gives it no address.
    pub async fn service(&self, name: &str, app: &str) -> Result<SocketAddr, ClusterError> {
        self.service_selecting(name, &[("app", app)]).await
    }

    /// The same, to the pods with these labels.
    ///
    /// # Errors
    /// When the API server refuses, or gives it no address.
    pub async fn service_selecting(
        &self,
        name: &str,
        labels: &[(&str, &str)],
    ) -> Result<SocketAddr, ClusterError> {
        let selector: BTreeMap<_, _> = labels.iter().copied().collect();
        let service: Service = self
            .create_object(json!({
                "metadata": { "name": name },
                "spec": { "selector": selector, "ports": [{ "name": "http", "port": 80, "targetPort": 8080 }] }
            }))
            .await?;
        let address = service.spec.and_then(|spec| spec.cluster_ip).unwrap_or_default();
        format!("{address}:80").parse().map_err(|_| {
            ClusterError::Malformed(format!("the Service {name} got the address `{address}`, which is none"))
        })
    }

    /// Creates an Ingress for all paths of a host name, to port 80 of a Service. With annotations of ingress-nginx, as
    /// `("canary-weight", "10")`, of which `canary` is the one that makes it the counterpart of another.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn ingress(
        &self,
        name: &str,
        host: &str,
        service: &str,
        annotations: &[(&str, &str)],
    ) -> Result<Ingress, ClusterError> {
        let annotations: BTreeMap<_, _> = annotations
            .iter()
            .map(|(key, value)| (format!("nginx.ingress.kubernetes.io/{key}"), value))
            .collect();
        self.create_object(json!({
            "metadata": { "name": name, "annotations": annotations },
            "spec": { "ingressClassName": "nginx", "rules": [{ "host": host, "http": { "paths": [{
                "path": "/", "pathType": "Prefix",
                "backend": { "service": { "name": service, "port": { "number": 80 } } },
            }]}}]}
        }))
        .await
    }

    /// Creates an `HTTPRoute` for a host name at the cluster's [`Gateway`](super::Gateway), with weights for Services.
    ///
    /// # Errors
    /// When the API server refuses, as where the Gateway was never asked for.
    pub async fn http_route(
        &self,
        name: &str,
        host: &str,
        weights: &[(&str, u16)],
    ) -> Result<DynamicObject, ClusterError> {
        let backends: Vec<_> = weights
            .iter()
            .map(|(service, weight)| json!({ "name": service, "port": 80, "weight": weight }))
            .collect();
        let route = json!({
            "metadata": { "name": name },
            "spec": {
                "parentRefs": [gateway::parent_ref()], "hostnames": [host],
                "rules": [{ "name": "web", "backendRefs": backends }],
            }
        });
        self.http_routes()
            .create(&PostParams::default(), &gateway::dynamic(&gateway::resource("HTTPRoute"), route)?)
            .await
            .map_err(ClusterError::api(format!("creating the HTTPRoute {name}")))
    }

    /// The `HTTPRoute`s in it.
    pub fn http_routes(&self) -> Api<DynamicObject> {
        Api::namespaced_with(self.client(), &self.name, &gateway::resource("HTTPRoute"))
    }

    /// Waits until that many pods of a label selector are ready, and no others are there but those that end. Answers them.
    ///
    /// # Errors
    /// When that does not come about within a minute; it tells what the pods are like.
    pub async fn ready_pods(&self, selector: &str, count: usize) -> Result<Vec<Pod>, ClusterError> {
        let api = self.api::<Pod>();
        let params = ListParams::default().labels(selector);
        self.eventually(&format!("{count} ready pods of {selector} in {}", self.name), async || {
            let list = api.list(&params).await.map_err(ClusterError::api("listing pods"))?;
            let pods: Vec<_> =
                list.items.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect();
            let as_wished = pods.len() == count && pods.iter().all(is_ready);
            let like: Vec<_> =
                pods.iter().map(|pod| format!("{} {}", pod.name_any(), super::pods::summary(pod))).collect();
            Ok(if as_wished { Ok(pods) } else { Err(like.join(", ")) })
        })
        .await
    }

    /// Looks again and again until a look answers `Ok(Ok(..))`, for a minute. What it answered last is in the error, and
    /// the logs of the servers are, too.
    ///
    /// ```no_run
    /// # use shepherd_testkit::cluster::{ClusterError, Namespace};
    /// # async fn example(shop: &Namespace) -> Result<(), ClusterError> {
    /// use k8s_openapi::api::core::v1::Pod;
    /// shop.eventually("all pods being gone", async || {
    ///     let left = shop.api::<Pod>().list(&Default::default()).await.map_or(0, |list| list.items.len());
    ///     Ok(if left == 0 { Ok(()) } else { Err(format!("{left} are left")) })
    /// }).await
    /// # }
    /// ```
    ///
    /// # Errors
    /// The look's own, or that it took too long.
    pub async fn eventually<T>(
        &self,
        what: &str,
        look: impl AsyncFnMut() -> Result<Result<T, String>, ClusterError>,
    ) -> Result<T, ClusterError> {
        self.cluster.attended(what, look).await
    }

    /// A client of a new service account that may do what the rules say within this namespace, and nothing else: what a
    /// test needs to prove the smallest Role. Its name in the audit log is `system:serviceaccount:<namespace>:<name>`.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn user(&self, name: &str, rules: Vec<PolicyRule>) -> Result<Client, ClusterError> {
        self.create_object::<ServiceAccount>(json!({ "metadata": { "name": name } })).await?;
        self.create_object::<Role>(json!({ "metadata": { "name": name }, "rules": &rules })).await?;
        self.create_object::<RoleBinding>(json!({
            "metadata": { "name": name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
            "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": self.name }],
        }))
        .await?;
        let request = TokenRequest { spec: Some(TokenRequestSpec::default()), ..TokenRequest::default() };
        let accounts = self.api::<ServiceAccount>();
        let answer = accounts.create_token_request(name, &PostParams::default(), &request).await;
        let answer = answer.map_err(ClusterError::api(format!("asking for a token of {name}")))?;
        let token = answer.status.and_then(|status| status.token).unwrap_or_default();
        let client = self.cluster.client_of(name, &token)?;
        self.granted(name, &client, rules.first()).await?;
        Ok(client)
    }

    /// Whoever decides about permissions hears of a Role a moment after it was made. One of its rules stands for all:
    /// they come together.
    async fn granted(
        &self,
        name: &str,
        client: &Client,
        rule: Option<&PolicyRule>,
    ) -> Result<(), ClusterError> {
        let first = |list: Option<&Vec<String>>| list.and_then(|list| list.first()).cloned();
        let Some(rule) = rule else { return Ok(()) };
        let (Some(verb), Some(resource)) = (rule.verbs.first(), first(rule.resources.as_ref())) else {
            return Ok(());
        };
        let group = first(rule.api_groups.as_ref()).unwrap_or_default();
        let object = first(rule.resource_names.as_ref());
        let review =
            parse::<SelfSubjectAccessReview>(json!({"metadata": {}, "spec": {"resourceAttributes": {
                "namespace": self.name, "verb": verb, "group": group, "resource": resource, "name": object,
            }}}))?;
        let reviews = Api::<SelfSubjectAccessReview>::all(client.clone());
        self.eventually(&format!("the role of {name} to be heard of"), async || {
            let answer = reviews.create(&PostParams::default(), &review).await;
            let answer = answer.map_err(ClusterError::api(format!("asking what {name} may do")))?;
            let status = answer.status.unwrap_or_default();
            Ok(if status.allowed { Ok(()) } else { Err(format!("{resource}: {:?}", status.reason)) })
        })
        .await
    }
}

impl Debug for Namespace {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // In the cluster's runtime: that of the test may be at its end.
        let (cluster, name) = (Arc::clone(&self.cluster), self.name.clone());
        let Some(handle) = cluster.handle() else { return };
        handle.spawn(async move {
            if let Ok(client) = cluster.client() {
                let _ = Api::<core::Namespace>::all(client).delete(&name, &DeleteParams::default()).await;
            }
            // The last handle may be this one, and a runtime must not end within itself.
            std::thread::spawn(move || drop(cluster));
        });
    }
}

fn parse<T: DeserializeOwned>(object: serde_json::Value) -> Result<T, ClusterError> {
    serde_json::from_value(object).map_err(|error| ClusterError::Malformed(error.to_string()))
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|one| one.type_ == "Ready" && one.status == "True"))
}

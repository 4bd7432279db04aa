use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::{HTTPIngressPath, Ingress, IngressBackend};
use kube::ResourceExt;

use super::canary::Canary;

/// One path of one host, and where its requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) host: String,
    pub(super) path: String,
    pub(super) exact: bool,
    /// The address of the Service, if there is one.
    pub(super) stable: Option<String>,
    pub(super) canary: Option<(Canary, String)>,
}

type Key = (String, String, bool);

/// What the Ingresses ask for. The oldest main Ingress of a host and path wins, and so does the oldest canary.
pub(super) fn routes(ingresses: &[Arc<Ingress>], services: &[Arc<Service>]) -> Vec<Route> {
    let mut ours: Vec<_> = ingresses.iter().filter(|ingress| is_ours(ingress)).collect();
    ours.sort_by_key(|ingress| (ingress.creation_timestamp(), ingress.namespace(), ingress.name_any()));
    let (canaries, mains): (Vec<_>, Vec<_>) = ours.into_iter().partition(|one| Canary::of(one).is_some());
    let mut routes = BTreeMap::<Key, Route>::new();
    for ingress in mains {
        for (key, backend) in paths(ingress) {
            let stable = address(ingress, backend, services);
            let (host, path, exact) = key.clone();
            routes.entry(key).or_insert(Route { host, path, exact, stable, canary: None });
        }
    }
    for ingress in canaries {
        for (key, backend) in paths(ingress) {
            let canary = Canary::of(ingress).zip(address(ingress, backend, services));
            // A canary without a main Ingress is nothing.
            if let Some(route) = routes.get_mut(&key).filter(|route| route.canary.is_none()) {
                route.canary = canary;
            }
        }
    }
    routes.into_values().collect()
}

fn is_ours(ingress: &Ingress) -> bool {
    let class = ingress.spec.as_ref().and_then(|spec| spec.ingress_class_name.as_deref());
    class.or(ingress.annotations().get("kubernetes.io/ingress.class").map(String::as_str)).unwrap_or("nginx")
        == "nginx"
}

fn paths(ingress: &Ingress) -> impl Iterator<Item = (Key, &IngressBackend)> {
    let rules = ingress.spec.iter().flat_map(|spec| spec.rules.iter().flatten());
    rules.flat_map(|rule| {
        let host = rule.host.clone().unwrap_or_default();
        let paths = rule.http.iter().flat_map(|http| http.paths.iter());
        paths.map(move |path: &HTTPIngressPath| {
            let text = path.path.clone().unwrap_or_else(|| "/".to_owned());
            ((host.clone(), text, path.path_type == "Exact"), &path.backend)
        })
    })
}

/// Where the Service of a backend listens.
fn address(ingress: &Ingress, backend: &IngressBackend, services: &[Arc<Service>]) -> Option<String> {
    let wanted = backend.service.as_ref()?;
    let is_it = |one: &&Arc<Service>| one.name_any() == wanted.name && one.namespace() == ingress.namespace();
    let spec = services.iter().find(is_it)?.spec.as_ref()?;
    let port = wanted.port.as_ref()?;
    let port = match (&port.number, &port.name) {
        (Some(number), _) => *number,
        (None, name) => spec.ports.iter().flatten().find(|one| one.name == *name)?.port,
    };
    Some(format!("{}:{port}", spec.cluster_ip.as_ref()?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn service(name: &str, ip: &str) -> Arc<Service> {
        let service = json!({
            "metadata": { "name": name, "namespace": "shop" },
            "spec": { "clusterIP": ip, "ports": [{ "name": "http", "port": 80 }] }
        });
        Arc::new(serde_json::from_value(service).unwrap())
    }

    fn ingress(name: &str, service: &str, annotations: &Value, age: u32) -> Arc<Ingress> {
        let ingress = json!({
            "metadata": {
                "name": name, "namespace": "shop", "annotations": annotations,
                "creationTimestamp": format!("2026-01-01T00:00:{:02}Z", 59 - age),
            },
            "spec": { "ingressClassName": "nginx", "rules": [{ "host": "shop.example", "http": { "paths": [{
                "path": "/", "pathType": "Prefix",
                "backend": { "service": { "name": service, "port": { "name": "http" } } },
            }]}}]}
        });
        Arc::new(serde_json::from_value(ingress).unwrap())
    }

    #[test]
    fn a_pair_is_one_route_and_its_oldest_canary_counts() {
        let weight = |weight: &str| json!({ "nginx.ingress.kubernetes.io/canary": "true", "nginx.ingress.kubernetes.io/canary-weight": weight });
        let services = [service("stable", "10.0.0.1"), service("canary", "10.0.0.2")];
        let pair = [
            ingress("later", "canary", &weight("50"), 1),
            ingress("web", "stable", &json!({}), 9),
            ingress("first", "canary", &weight("10"), 5),
        ];
        let all = routes(&pair, &services);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].stable.as_deref(), Some("10.0.0.1:80"));
        let (canary, address) = all[0].canary.as_ref().unwrap();
        assert_eq!((canary.weight, canary.total, address.as_str()), (10, 100, "10.0.0.2:80"));
    }

    #[test]
    fn a_canary_alone_is_no_route_and_another_class_is_not_ours() {
        let services = [service("canary", "10.0.0.2")];
        let canary = json!({ "nginx.ingress.kubernetes.io/canary": "true" });
        assert!(routes(&[ingress("web", "canary", &canary, 0)], &services).is_empty());
        let mut other = ingress("web", "canary", &json!({}), 0).as_ref().clone();
        other.spec.as_mut().unwrap().ingress_class_name = Some("haproxy".to_owned());
        assert!(routes(&[Arc::new(other)], &services).is_empty());
        assert_eq!(routes(&[ingress("web", "missing", &json!({}), 0)], &services)[0].stable, None);
    }
}

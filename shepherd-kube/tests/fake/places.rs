//! What adapters say they work on. Plans keep these words: whoever changes one strands every rollout that is under way.

use std::collections::HashSet;

use shepherd_core::ports::{TrafficRouter, Workload};
use shepherd_kube::blue_green::BlueGreenService;
use shepherd_kube::router::{GatewayRoute, IngressCanary, VirtualService};
use shepherd_kube::workload::{
    DeploymentPair, InPlaceDaemonSet, InPlaceDeployment, InPlaceStatefulSet, Labels, PromoteBy,
};

use crate::api::Api;

fn routed(router: &impl TrafficRouter) -> String {
    router.place().unwrap()
}

fn run(workload: &impl Workload) -> String {
    workload.place().unwrap()
}

#[tokio::test]
async fn of_routes() {
    let client = Api::default().client();
    let route = || GatewayRoute::http(client.clone(), "shop", "web");
    assert_eq!(
        routed(&route()),
        "HTTPRoute shop/web (from web to web-candidate, in the rules that send to stable)"
    );
    let named = route().backends("a", "b").rules_named(HashSet::from(["two", "one"]));
    assert_eq!(routed(&named), "HTTPRoute shop/web (from a to b, in the rules named one, two)");
    let twice = route().rules_at([3, 1, 3]);
    assert_eq!(routed(&twice), "HTTPRoute shop/web (from web to web-candidate, in the rules at [1, 3])");
    let service = || VirtualService::http(client.clone(), "shop", "web");
    let written = ["web", "web.shop", "web.shop.svc.cluster.local"];
    for host in written {
        assert_eq!(
            routed(&service().services(host, "next.other")),
            "VirtualService shop/web (from web.shop to next.other, in the http routes that send to stable)"
        );
    }
    assert_eq!(
        routed(&service().subsets("web", "old", "new")),
        "VirtualService shop/web (from web.shop subset old to web.shop subset new, in the http routes that send to stable)"
    );
    assert_eq!(
        routed(&IngressCanary::new(client.clone(), "shop", "web")),
        "Ingress shop/web-candidate beside Ingress shop/web, by annotations of nginx.ingress.kubernetes.io"
    );
}

#[tokio::test]
async fn of_what_runs() {
    let client = Api::default().client();
    let pair = || DeploymentPair::new(client.clone(), "shop", "web");
    assert_eq!(
        run(&pair()),
        "Deployment shop/web beside web-candidate with isolated labels, made by an image, promoted by copy"
    );
    let shared = pair().labels(Labels::Shared).container("app").autoscaled_by("scaler");
    assert_eq!(
        run(&shared),
        "Deployment shop/web beside web-candidate with shared labels, scaled by scaler, made by the image of app, \
         promoted by copy"
    );
    let switched = pair().services("web", "web-next").promote_by(PromoteBy::Switch);
    assert_eq!(
        run(&switched),
        "Deployment shop/web beside web-candidate with isolated labels, behind Services web and web-next, made by an \
         image, promoted by a switch"
    );
    let external = pair().patched_by(|_| Err("none".to_owned())).promote_by(PromoteBy::External);
    assert_eq!(
        run(&external),
        "Deployment shop/web beside web-candidate with isolated labels, made by a patch, promoted by the owner of its \
         manifest"
    );
    assert_eq!(run(&InPlaceDeployment::new(client.clone(), "shop", "web")), "Deployment shop/web, in place");
    let named = InPlaceStatefulSet::new(client.clone(), "shop", "web").container("app");
    assert_eq!(run(&named), "StatefulSet shop/web, in place, the image of app");
    assert_eq!(run(&InPlaceDaemonSet::new(client, "shop", "web")), "DaemonSet shop/web, in place");
}

#[tokio::test]
async fn of_two_colours() {
    let client = Api::default().client();
    let web = BlueGreenService::new(client, "shop", "web");
    assert_eq!(run(&web.workload()), "Deployment shop/web-blue and Deployment shop/web-green");
    assert_eq!(routed(&web.router()), "Service shop/web (its selector's color, blue or green)");
}

use kube::client::Body;
use kube::{Client, Config};
use shepherd_testkit::cluster::{Cluster, Registry};

/// Of another kind there is none, as it says.
const KIND: &str = "application/vnd.oci.image.manifest.v1+json";

/// What it answers to whoever asks for an image without logging in.
async fn status(registry: &Registry, image: &str) -> u16 {
    let client =
        Client::try_from(Config::new(format!("http://{}", registry.address()).parse().unwrap())).unwrap();
    let (name, tag) = image.split_once(':').unwrap();
    let request = hyper::Request::head(format!("/v2/{name}/manifests/{tag}")).header("accept", KIND);
    let request = request.body(Body::empty()).unwrap();
    client.send(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn what_was_pushed_is_there_and_nothing_else() {
    let cluster = Cluster::shared().await.unwrap();
    let registry = cluster.registry().await.unwrap();
    assert_eq!(registry.push("acme/pushed:v1").await.unwrap(), registry.image("acme/pushed:v1"));
    assert_eq!(status(registry, "acme/pushed:v1").await, 200);
    assert_eq!(status(registry, "acme/pushed:v2").await, 404);
    assert_eq!(registry.login(), None);
    let refused = registry.push("Pushed:v1").await.unwrap_err();
    assert!(refused.to_string().contains("pushing an image: it answered 4"), "{refused}");
}

#[tokio::test]
async fn what_is_private_is_seen_by_whoever_logs_in() {
    let cluster = Cluster::shared().await.unwrap();
    let registry = cluster.private_registry().await.unwrap();
    registry.push("acme/private:v1").await.unwrap();
    assert_eq!(status(registry, "acme/private:v1").await, 401);
    assert!(registry.login().is_some());
}

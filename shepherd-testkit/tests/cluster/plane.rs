use std::time::Instant;

use shepherd_testkit::cluster::Cluster;

#[tokio::test]
async fn is_ready_within_seconds_and_its_pods_serve() {
    let begun = Instant::now();
    let cluster = Cluster::shared().await.unwrap();
    println!("ready after {:?}", begun.elapsed());
    let shop = cluster.namespace("shop").await.unwrap();
    shop.deployment("web", "shop:v1", 3).await.unwrap();
    let pods = shop.ready_pods("app=web", 3).await.unwrap();
    println!("pods ready after {:?}", begun.elapsed());
    let addresses: Vec<_> = pods.iter().map(|pod| pod.status.as_ref().unwrap().pod_ip.clone().unwrap()).collect();
    println!("{addresses:?}");
}

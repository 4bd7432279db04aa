//! A canary over real HTTP: servers, a weighted proxy, a load generator.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ground::behaviour::Behaviour;
use ground::error::GroundError;
use ground::load::{Load, LoadSettings};
use ground::pool::{Catalogue, Pool, PoolSettings, Wanted};
use ground::proxy::Proxy;
use ground::switchboard::{Policy, Split, Switchboard};
use ground::time;
use ground::track::Track;

#[allow(dead_code, reason = "the rollout that uses all of it comes next")]
mod ground;

#[tokio::main]
async fn main() -> Result<(), GroundError> {
    let split = Split { weight: 2500, ..Split::default() };
    let switchboard = Arc::new(Switchboard::new(Policy::Split(split)));
    let proxy = Proxy::open(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Arc::clone(&switchboard)).await?;
    let catalogue = Catalogue::from([("v1".into(), Behaviour::Healthy), ("v2".into(), Behaviour::FAILING)]);
    let pool = Pool::start(PoolSettings::default(), catalogue, switchboard);
    pool.set(Track::Stable, Wanted { revision: "v1".into(), replicas: 3 });
    pool.set(Track::Candidate, Wanted { revision: "v2".into(), replicas: 1 });
    pool.until(Pool::is_settled).await;

    let load =
        Load::start(LoadSettings { target: proxy.addr(), rate: 200, connections: 32, beta_percent: 10 });
    time::sleep(Duration::from_secs(1)).await;
    let totals = load.stop().await;
    println!("{totals:#?}\n{:#?}\n{:#?}", proxy.counts(), pool.observe(Track::Candidate));
    proxy.shutdown(Duration::from_secs(1)).await;
    pool.shutdown().await;
    Ok(())
}

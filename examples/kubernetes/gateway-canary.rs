//! A canary by the weights of an `HTTPRoute` or a `GRPCRoute`, whatever gateway serves it.
//!
//! The Deployment `web` is stable. Its Service is `web`, the candidate's `web-candidate`, which selects the label that
//! Shepherd gives the candidate's pods: `app: web-candidate` where stable's is `app: web`. The route sends to `web`, and
//! with weight 0 to `web-candidate`.

mod common;

use clap::Parser;
use common::guarded::Guarded;
use common::paired::Paired;
use common::values::name;
use common::{AFTER, Asked, Trouble};
use shepherd_core::model::Weight;
use shepherd_kube::router::GatewayRoute;

/// A canary of a Deployment, by the weights of a route of the Gateway API
#[derive(Debug, Parser)]
#[command(name = "gateway-canary", version, after_long_help = AFTER)]
struct Args {
    #[command(flatten)]
    asked: Asked,

    /// The route [default: NAME]
    #[arg(long, value_name = "ROUTE", value_parser = name)]
    route: Option<String>,

    /// It is a `GRPCRoute`
    #[arg(long)]
    grpc: bool,

    #[command(flatten)]
    paired: Paired,

    /// The steps in percent, growing and ending at 100
    #[arg(long, value_delimiter = ',', default_value = "10,25,50,75,100", value_name = "PERCENT,...")]
    weights: Vec<Weight>,

    #[command(flatten)]
    guarded: Guarded,
}

#[tokio::main]
async fn main() {
    common::exit(run(Args::parse()).await)
}

async fn run(args: Args) -> Result<u8, Trouble> {
    let Args { asked, route, grpc, paired, weights, guarded } = args;
    let cluster = asked.cluster().await?;
    let (client, namespace, name) = (&cluster.client, &cluster.namespace, &asked.name);
    let route = route.unwrap_or_else(|| name.clone());
    let [stable, candidate] = paired.services(&asked);

    let of_kind = if grpc { GatewayRoute::grpc } else { GatewayRoute::http };
    let router = of_kind(client.clone(), namespace.clone(), route).backends(&stable, &candidate);
    paired.roll_out(&asked, &cluster, weights, guarded, router).await
}

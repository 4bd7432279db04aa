//! A canary by the weights of an Istio `VirtualService`.
//!
//! The Deployment `web` is stable. Its Service is `web`, the candidate's `web-candidate`, which selects the label that
//! Shepherd gives the candidate's pods: `app: web-candidate` where stable's is `app: web`. The `VirtualService` sends to
//! `web`.

mod common;

use clap::Parser;
use common::guarded::Guarded;
use common::paired::Paired;
use common::values::name;
use common::{AFTER, Asked, Trouble};
use shepherd_core::model::Weight;
use shepherd_kube::router::VirtualService;

/// A canary of a Deployment, by the weights of an Istio `VirtualService`
#[derive(Debug, Parser)]
#[command(name = "istio-canary", version, after_long_help = AFTER)]
struct Args {
    #[command(flatten)]
    asked: Asked,

    /// The `VirtualService` [default: NAME]
    #[arg(long, value_name = "NAME", value_parser = name)]
    virtual_service: Option<String>,

    #[command(flatten)]
    paired: Paired,

    /// The version of Istio's API; `v1beta1` for an Istio before 1.22
    #[arg(long, default_value = "v1", value_name = "VERSION", value_parser = name)]
    api_version: String,

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
    let Args { asked, virtual_service, paired, api_version, weights, guarded } = args;
    let cluster = asked.cluster().await?;
    let (client, namespace, name) = (&cluster.client, &cluster.namespace, &asked.name);
    let virtual_service = virtual_service.unwrap_or_else(|| name.clone());
    let [stable, candidate] = paired.services(&asked);

    let router = VirtualService::http(client.clone(), namespace, virtual_service)
        .api_version(&api_version)
        .services(&stable, &candidate);
    paired.roll_out(&asked, &cluster, weights, guarded, router).await
}

//! A canary by the annotations of a second Ingress, as the NGINX Ingress controller and its kin heed them.
//!
//! The Deployment `web` is stable. Its Service is `web`, the candidate's `web-candidate`, which selects the label that
//! Shepherd gives the candidate's pods: `app: web-candidate` where stable's is `app: web`. The Ingress `web` sends to
//! `web`; the canary Ingress `web-candidate` is made after it when there is none.

mod common;

use clap::Parser;
use common::guarded::Guarded;
use common::paired::Paired;
use common::values::name;
use common::{AFTER, Asked, Trouble};
use shepherd_core::model::Weight;
use shepherd_kube::router::IngressCanary;

/// A canary of a Deployment, by the annotations of a canary Ingress
#[derive(Debug, Parser)]
#[command(name = "nginx-canary", version, after_long_help = AFTER)]
struct Args {
    #[command(flatten)]
    asked: Asked,

    /// The Ingress that sends to stable [default: NAME]
    #[arg(long, value_name = "INGRESS", value_parser = name)]
    ingress: Option<String>,

    /// The canary Ingress [default: INGRESS-candidate]
    #[arg(long, value_name = "INGRESS", value_parser = name)]
    canary: Option<String>,

    #[command(flatten)]
    paired: Paired,

    /// The prefix of the annotations that the controller heeds
    #[arg(long, value_name = "PREFIX", default_value = "nginx.ingress.kubernetes.io", value_parser = name)]
    prefix: String,

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
    let Args { asked, ingress, canary, paired, prefix, weights, guarded } = args;
    let cluster = asked.cluster().await?;
    let (client, namespace, name) = (&cluster.client, &cluster.namespace, &asked.name);
    let ingress = ingress.unwrap_or_else(|| name.clone());
    let canary = canary.unwrap_or_else(|| format!("{ingress}-candidate"));
    let [stable, candidate] = paired.services(&asked);

    let router = IngressCanary::new(client.clone(), namespace, ingress)
        .canary(canary)
        .services(&stable, &candidate)
        .annotations_prefix(prefix)
        .made_from_main();
    paired.roll_out(&asked, &cluster, weights, guarded, router).await
}

//! A canary without a router: the candidate's replicas stand beside stable's behind one Service, and their count is
//! its share of the traffic.
//!
//! The Deployment `web` is stable, and the Service `web` selects its labels. The candidate's pods have these too, and
//! `shepherd.rs/track: candidate` besides.

mod common;

use std::sync::Arc;

use clap::Parser;
use common::values::name;
use common::{AFTER, Asked, Trouble};
use shepherd_core::model::Weight;
use shepherd_core::strategy::Canary;
use shepherd_kube::KubeEvents;
use shepherd_kube::preflight::Preflight;
use shepherd_kube::workload::{DeploymentPair, Labels};

/// A canary of a Deployment, by the ratio of replicas behind one Service
#[derive(Debug, Parser)]
#[command(name = "ratio-canary", version, after_long_help = AFTER)]
struct Args {
    #[command(flatten)]
    asked: Asked,

    /// The Service of both tracks [default: NAME]
    #[arg(long, value_name = "SERVICE", value_parser = name)]
    service: Option<String>,

    /// The steps in percent, growing and ending at 100; the nearest ratio of replicas is taken
    #[arg(long, value_delimiter = ',', default_value = "10,25,50,75,100", value_name = "PERCENT,...")]
    weights: Vec<Weight>,
}

#[tokio::main]
async fn main() {
    common::exit(run(Args::parse()).await)
}

async fn run(args: Args) -> Result<u8, Trouble> {
    let Args { asked, service, weights } = args;
    let cluster = asked.cluster().await?;
    let (client, namespace, name) = (&cluster.client, &cluster.namespace, &asked.name);
    let service = service.unwrap_or_else(|| name.clone());

    let workload = DeploymentPair::new(client.clone(), namespace, name)
        .labels(Labels::Shared)
        .services(&service, &service);
    let workload = Arc::new(workload);
    let preflight = Preflight::of(client).workload(&*workload);
    let canary = Canary::weights(weights).map_err(Trouble::input)?.every(asked.interval);
    asked
        .run(&cluster, preflight, |rollout| {
            Ok(rollout
                .strategy(canary.recovery(asked.recovery()))
                .notify(KubeEvents::of(client.clone(), namespace, name))
                .on(workload.clone()))
        })
        .await
}

//! A second set of pods beside the first, and a Service that is switched from one to the other.
//!
//! The Service `web` selects `color: blue` or `color: green`, and the Deployments are `web-blue` and `web-green`. One
//! of them that does not exist is made after the other one.

mod common;

use std::sync::Arc;

use clap::Parser;
use common::values::name;
use common::{AFTER, Asked, Trouble};
use kube::core::GroupVersionKind;
use shepherd_core::strategy::BlueGreen;
use shepherd_kube::KubeEvents;
use shepherd_kube::blue_green::BlueGreenService;
use shepherd_kube::preflight::Preflight;

/// A Service that is switched between two Deployments; NAME is that of the Service
#[derive(Debug, Parser)]
#[command(name = "blue-green", version, after_long_help = AFTER)]
struct Args {
    #[command(flatten)]
    asked: Asked,

    /// The Deployments of the two sides [default: NAME-blue,NAME-green]
    #[arg(long, value_name = "BLUE,GREEN", value_parser = sides)]
    deployments: Option<[String; 2]>,

    /// The label of the selector that is switched between `blue` and `green`
    #[arg(long, default_value = "color", value_name = "LABEL", value_parser = name)]
    label: String,

    /// A Service that always selects the side that has no users, to try it
    #[arg(long, value_name = "SERVICE", value_parser = name)]
    preview: Option<String>,

    /// Leaves the old side running after the promotion
    #[arg(long)]
    keep_old: bool,
}

#[tokio::main]
async fn main() {
    common::exit(run(Args::parse()).await)
}

async fn run(args: Args) -> Result<u8, Trouble> {
    let Args { asked, deployments, label, preview, keep_old } = args;
    let cluster = asked.cluster().await?;
    let (client, namespace, name) = (&cluster.client, &cluster.namespace, &asked.name);

    let mut web = BlueGreenService::new(client.clone(), namespace, name).label(label, "blue", "green");
    if let Some([blue, green]) = deployments {
        web = web.deployments(blue, green);
    }
    if let Some(preview) = preview {
        web = web.preview(preview);
    }
    let strategy = BlueGreen::new().grace(asked.interval).recovery(asked.recovery());
    let strategy = if keep_old { strategy.keep_old() } else { strategy };
    let service = GroupVersionKind::gvk("", "v1", "Service");
    let (router, workload) = (Arc::new(web.router()), Arc::new(web.workload()));
    let preflight = Preflight::of(client).router(&*router).workload(&*workload);
    asked
        .run(&cluster, preflight, |rollout| {
            Ok(rollout
                .strategy(strategy)
                .notify(KubeEvents::of(client.clone(), namespace, name).regarding(&service))
                .through(router.clone())
                .on(workload.clone()))
        })
        .await
}

fn sides(text: &str) -> Result<[String; 2], String> {
    match text.split_once(',') {
        Some((blue, green)) if !green.contains(',') => Ok([name(blue)?, name(green)?]),
        _ => Err("write two names with a comma between them, blue's first".to_owned()),
    }
}

//! One process that rolls out whatever is asked for by annotations: `example.shepherd/image` on a Deployment is the
//! image that is to come. Another image gives the one before up; the present one aborts. Without the annotation, or with
//! an empty one, nothing new is rolled out; what is under way goes on to its end, also with the next run.
//!
//! With `example.shepherd/route` the traffic goes by the weights of that `HTTPRoute`, from the Service of the
//! Deployment's name to `NAME-candidate`; without, by the ratio of replicas. A rollout stays as it was begun, so its route
//! must stay named until it has ended: the next run waits until it is named again.
//!
//! How it ended stands in `example.shepherd/outcome`, and `example.shepherd/tried` says of which image, so that it is not
//! tried again; remove that one, and it is. What is refused while a rollout is under way is told only, and tried again.

mod common {
    mod cluster;
    #[path = "../../rollout/interrupts.rs"]
    mod interrupts;
    pub(crate) mod say;
    mod trouble;
    pub(crate) mod values;

    pub(crate) use cluster::Cluster;
    pub(crate) use interrupts::Interrupts;
    pub(crate) use trouble::{Trouble, exit};
}
mod operator;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use common::say::{complain, say};
use common::values::{name, time};
use common::{Cluster, Interrupts, Trouble};
use futures_util::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::ListParams;
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt, watcher};
use operator::Operator;

const AFTER: &str = "\
Ctrl-C or SIGTERM ends it with the state of every rollout kept: nothing changes for any user until it runs again. It \
ends with 0 then, with 2 when the input was refused or the cluster is not prepared for it, and with 3 when it could not \
go on.";

/// Rolls out what the annotations of Deployments ask for
#[derive(Debug, Parser)]
#[command(name = "fleet-operator", version, after_long_help = AFTER)]
struct Args {
    /// The namespace that it works in [default: that of the context]
    #[arg(long, short, value_parser = name)]
    namespace: Option<String>,

    /// The context of the kubeconfig [default: the current one]
    #[arg(long, value_parser = name)]
    context: Option<String>,

    /// How long each step of a canary is watched
    #[arg(long, default_value = "1m", value_name = "TIME", value_parser = time)]
    interval: Duration,

    /// How long what is ended may finish its last requests
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = time)]
    drain: Duration,

    /// How many calls all rollouts together make at a time
    #[arg(long, default_value = "16", value_name = "COUNT", value_parser = count)]
    calls: NonZeroUsize,

    /// The operator's name: the same after a restart, and no other operator's of the namespace
    #[arg(long, default_value = "fleet-operator", value_name = "NAME", value_parser = name)]
    process: String,
}

#[tokio::main]
async fn main() {
    common::exit(run(Args::parse()).await)
}

async fn run(args: Args) -> Result<u8, Trouble> {
    let cluster = Cluster::connect(args.context.clone(), args.namespace.clone()).await?;
    let mut interrupts = Interrupts::listen();
    let deployments = Api::<Deployment>::namespaced(cluster.client.clone(), &cluster.namespace);
    // A missing permission is told at once; what fails later is tried again by the watch.
    deployments.list(&ListParams::default().limit(1)).await.map_err(|error| match error {
        kube::Error::Api(status) if status.code == 403 => Trouble::Input(format!(
            "{}; give this account the Role of examples/kubernetes/roles/fleet-operator.yaml in {}",
            status.message, cluster.namespace
        )),
        error => Trouble::stuck(error),
    })?;
    let mut watched = watcher(deployments, watcher::Config::default()).default_backoff().boxed();
    say(format_args!("watching the Deployments of {}", cluster.namespace));
    let operator = Arc::new(Operator::new(args, cluster)?);
    loop {
        tokio::select! {
            _ = interrupts.next() => break,
            seen = watched.next() => match seen {
                Some(Ok(Event::Apply(deployment) | Event::InitApply(deployment))) => operator.see(&deployment),
                Some(Ok(Event::Delete(deployment))) => operator.miss(&deployment),
                Some(Ok(Event::Init | Event::InitDone)) => {}
                Some(Err(error)) => complain(format_args!("the watch failed and begins anew: {error}")),
                None => break,
            },
        }
    }
    operator.close().await;
    say("ended; what was under way goes on with the next run");
    Ok(0)
}

fn count(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "write a whole number of at least 1".to_owned())
}

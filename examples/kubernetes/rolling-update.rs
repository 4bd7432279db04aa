//! The pods of one Deployment, `StatefulSet` or `DaemonSet` replaced batch by batch, by its own controller.
//!
//! There is no candidate beside it, and no share of the traffic but the share of the pods.

mod common;

use std::sync::Arc;

use clap::{Parser, ValueEnum};
use common::values::name;
use common::{AFTER, Asked, Trouble};
use kube::core::GroupVersionKind;
use shepherd_core::ports::Workload;
use shepherd_core::strategy::{Count, Rolling};
use shepherd_kube::KubeEvents;
use shepherd_kube::preflight::{Grounded, Preflight};
use shepherd_kube::workload::{InPlaceDaemonSet, InPlaceDeployment, InPlaceStatefulSet};

/// A rolling update of a Deployment, a `StatefulSet` or a `DaemonSet`, each batch of it watched
#[derive(Debug, Parser)]
#[command(name = "rolling-update", version, after_long_help = AFTER)]
struct Args {
    #[command(flatten)]
    asked: Asked,

    /// What NAME is the name of
    #[arg(long, value_enum, default_value = "deployment")]
    kind: Kind,

    /// How many pods more there may be, as a number or in percent; only a Deployment can have more
    /// [default: 25% of a deployment]
    #[arg(long, value_name = "COUNT")]
    max_surge: Option<Count>,

    /// How many pods fewer may be ready [default: 0 of a deployment, 1 of the others]
    #[arg(long, value_name = "COUNT")]
    max_unavailable: Option<Count>,

    /// The container whose image is rolled out [default: the only one]
    #[arg(long, value_parser = name)]
    container: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
enum Kind {
    Deployment,
    StatefulSet,
    DaemonSet,
}

#[tokio::main]
async fn main() {
    common::exit(run(Args::parse()).await)
}

async fn run(args: Args) -> Result<u8, Trouble> {
    let Args { asked, kind, max_surge, max_unavailable, container } = args;
    if kind != Kind::Deployment && max_surge.is_some_and(|surge| surge != Count::number(0)) {
        return Err(Trouble::Input("only a Deployment can have more pods: say no --max-surge".to_owned()));
    }
    let cluster = asked.cluster().await?;
    let (client, namespace, name) = (&cluster.client, &cluster.namespace, &asked.name);

    let (surge, unavailable) = kind.headroom();
    let rolling = Rolling::new()
        .max_surge(max_surge.unwrap_or(surge))
        .max_unavailable(max_unavailable.unwrap_or(unavailable))
        .settle(asked.interval)
        .recovery(asked.recovery());
    let (workload, grounded) = kind.workload(client.clone(), namespace, name, container);
    let preflight = Preflight::of(client).workload(&*grounded);
    asked
        .run(&cluster, preflight, |rollout| {
            Ok(rollout
                .strategy(rolling)
                .notify(KubeEvents::of(client.clone(), namespace, name).regarding(&kind.of_the_api()))
                .on(workload))
        })
        .await
}

impl Kind {
    fn workload(
        self,
        client: kube::Client,
        namespace: &str,
        name: &str,
        container: Option<String>,
    ) -> (Arc<dyn Workload>, Arc<dyn Grounded>) {
        // Without a name it is the only container.
        macro_rules! of {
            ($workload:ident) => {{
                let workload = $workload::new(client, namespace, name);
                let workload = Arc::new(match container {
                    Some(container) => workload.container(container),
                    None => workload,
                });
                (workload.clone(), workload)
            }};
        }
        match self {
            Kind::Deployment => of!(InPlaceDeployment),
            Kind::StatefulSet => of!(InPlaceStatefulSet),
            Kind::DaemonSet => of!(InPlaceDaemonSet),
        }
    }

    /// How many more and how many fewer pods there may be.
    fn headroom(self) -> (Count, Count) {
        match self {
            Kind::Deployment => (Count::percent(25), Count::number(0)),
            Kind::StatefulSet | Kind::DaemonSet => (Count::number(0), Count::number(1)),
        }
    }

    fn of_the_api(self) -> GroupVersionKind {
        let kind = match self {
            Kind::Deployment => "Deployment",
            Kind::StatefulSet => "StatefulSet",
            Kind::DaemonSet => "DaemonSet",
        };
        GroupVersionKind::gvk("apps", "v1", kind)
    }
}

use std::fs;
use std::time::Duration;

use clap::Args;
use shepherd_core::driver::{Rollout, RolloutBuilder};
use shepherd_core::machine::Snapshot;
use shepherd_core::model::{FailureKind, Revision, Target};
use shepherd_core::plan::{Attention, Recovery};
use shepherd_core::ports::{Owner, Store, StoreError};
use shepherd_kube::preflight::Preflight;
use shepherd_kube::store::KubeStore;

use super::interrupts::Interrupts;
use super::logins;
use super::session::Session;
use super::values::{name, revision, time};
use super::{Cluster, Trouble};

pub(crate) const AFTER: &str = "\
Exit codes:
  0  the image was promoted
  1  it was taken back: it failed, or Ctrl-C or SIGTERM asked for it
  2  the input was refused, or the cluster is not prepared for it; nothing was changed
  3  it could not go on; its state was kept, and the same command goes on

Ctrl-C or SIGTERM once aborts: all users are back on stable, and the candidate is ended. Twice leaves at once. Its state \
is kept in a ConfigMap: however the program ended, the same command goes on.";

/// What is asked of every program.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// What is rolled out
    #[arg(value_parser = name)]
    pub(crate) name: String,

    /// The image that is to come
    #[arg(value_parser = revision)]
    pub(crate) image: Revision,

    /// Its namespace [default: that of the context]
    #[arg(long, short, value_parser = name)]
    namespace: Option<String>,

    /// The context of the kubeconfig [default: the current one]
    #[arg(long, value_parser = name)]
    context: Option<String>,

    /// How long each step is watched
    #[arg(long, default_value = "1m", value_name = "TIME", value_parser = time)]
    pub(crate) interval: Duration,

    /// How long the side that is ended may finish its last requests
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = time)]
    drain: Duration,

    /// Who drives it: the same after a restart, and no other that lives at the same time [default: this host's name]
    ///
    /// A later run of the same name takes over at once. One of another name is refused for as long as the one before
    /// lives, which is known 15 seconds after its end.
    #[arg(long, value_name = "NAME", value_parser = name)]
    process: Option<String>,

    /// Takes over from a process that still lives, such as one that hangs: what that one writes from now on is refused
    #[arg(long)]
    steal: bool,

    /// Asks the registries of the images whether they are there, before a rollout is begun
    ///
    /// With what `docker login` has left. One that is not there is refused, and nothing is changed; where its registry does
    /// not say, that is told, and it is begun all the same. Without this only the pods find out, and it is taken back.
    #[arg(long)]
    check_images: bool,

    /// Prints what would happen, and does nothing
    #[arg(long)]
    dry_run: bool,
}

impl Asked {
    pub(crate) async fn cluster(&self) -> Result<Cluster, Trouble> {
        Cluster::connect(self.context.clone(), self.namespace.clone()).await
    }

    /// The way back that suits a program that somebody waits for.
    pub(crate) fn recovery(&self) -> Recovery {
        Recovery::default().drain(self.drain)
    }

    /// From the start to the end, with everything told on the way. The caller has said by which strategy, on which
    /// workload and through which router, and what a rollout needs in the cluster.
    pub(crate) async fn run(
        &self,
        cluster: &Cluster,
        preflight: Preflight<'_>,
        bind: impl FnOnce(RolloutBuilder) -> Result<RolloutBuilder, Trouble>,
    ) -> Result<u8, Trouble> {
        let target = format!("{}/{}", cluster.namespace, self.name).parse().map_err(Trouble::input)?;
        let process = self.process()?;
        let store = KubeStore::new(cluster.client.clone(), &cluster.namespace, process.as_str());
        let rollout = Rollout::of(target)
            .stored_in(store.clone())
            .owned_by(Owner::new(format!("{process} (process {})", std::process::id())))
            .attention(self.attention());
        let session = Session {
            rollout: bind(rollout)?.build()?,
            image: self.image.clone(),
            steal: self.steal,
            preflight: self.looking(preflight).also(&store),
            interrupts: Interrupts::listen(),
        };
        let begun = under_way(&store, session.rollout.target()).await?;
        if self.dry_run { session.foretell(begun).await } else { session.run(begun).await }
    }

    fn looking<'a>(&self, preflight: Preflight<'a>) -> Preflight<'a> {
        let preflight = preflight.candidate(self.image.clone());
        if self.check_images { preflight.images(logins::registries()) } else { preflight }
    }

    /// Each step is looked at several times, and the API server is left alone otherwise.
    fn attention(&self) -> Attention {
        const LEAST: Duration = Duration::from_millis(200);
        const MOST: Duration = Duration::from_secs(5);
        Attention::default().every((self.interval / 4).clamp(LEAST, MOST))
    }

    fn process(&self) -> Result<String, Trouble> {
        let host = || fs::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned());
        // Two processes of no name would take over from one another.
        let unnamed = || Trouble::Input("this host tells no name: say --process".to_owned());
        let process = self.process.clone().or_else(|| host().ok().filter(|name| !name.is_empty()));
        Ok(format!("{}/{}", process.ok_or_else(unnamed)?, self.name))
    }
}

/// The first that is looked at in the namespace: who may not look at it may be in the wrong one.
fn unknown(target: &Target, error: StoreError) -> Trouble {
    match &error {
        StoreError::Port(denied) if denied.kind() == FailureKind::Denied => Trouble::Input(format!(
            "{target} was not found: this account may not look into its namespace, if there is one; correct --namespace, or \
             give the account its role there ({error})"
        )),
        _ => error.into(),
    }
}

/// The rollout that was begun there, and is not done.
async fn under_way(store: &KubeStore, target: &Target) -> Result<Option<Snapshot>, Trouble> {
    let loaded = store.load(target).await.map_err(|error| unknown(target, error))?;
    let Some((_, Some(saved))) = loaded else { return Ok(None) };
    let snapshot = Snapshot::decode(&saved.snapshot).map_err(Trouble::stuck)?;
    Ok((!snapshot.is_done()).then_some(snapshot))
}

//! A namespace of the shared cluster, made when a suite first asks for it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use shepherd_core::model::{Replicas, Revision};
use shepherd_kube::Watches;
use shepherd_testkit::cluster::{Cluster, ClusterError, Namespace};
use shepherd_testkit::conformance::Opened;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

/// What a fixture does to a fresh namespace.
type Prepare = fn(&Namespace) -> std::pin::Pin<Box<dyn Future<Output = Result<(), ClusterError>> + '_>>;

pub(crate) struct Ground {
    namespace: OnceCell<Arc<Namespace>>,
    prepare: Prepare,
}

impl Ground {
    pub(crate) fn prepared(prepare: Prepare) -> Self {
        Self { namespace: OnceCell::new(), prepare }
    }

    pub(crate) async fn namespace(&self) -> Opened<Arc<Namespace>> {
        let prepare = self.prepare;
        let made = self.namespace.get_or_try_init(|| anywhere(move || made(prepare))).await?;
        Ok(made.clone())
    }
}

/// How the adapters of a fixture look.
pub(crate) enum Looks {
    Directly,
    By(OnceLock<Watches>),
}

impl Looks {
    pub(crate) fn watching() -> Self {
        Self::By(OnceLock::new())
    }

    pub(crate) fn watches(&self, shop: &Namespace) -> Option<&Watches> {
        match self {
            Looks::Directly => None,
            Looks::By(watches) => Some(watches.get_or_init(|| Watches::new(shop.client()))),
        }
    }
}

async fn made(prepare: Prepare) -> Result<Arc<Namespace>, ClusterError> {
    let shop = Cluster::shared().await?.namespace("shop").await?;
    prepare(&shop).await?;
    Ok(Arc::new(shop))
}

/// A future that must stay on one thread, as one that may go anywhere.
async fn anywhere<T, F>(make: impl FnOnce() -> F + Send + 'static) -> T
where
    F: Future<Output = T>,
    T: Send + 'static,
{
    let runtime = Handle::current();
    spawn_blocking(move || runtime.block_on(make())).await.unwrap()
}

/// How many ready pods of each image a selector finds.
pub(crate) async fn ready_images(shop: &Namespace, selector: &str) -> Opened<BTreeMap<Revision, Replicas>> {
    let pods = shop.api::<Pod>().list(&ListParams::default().labels(selector)).await?;
    let mut serving = BTreeMap::new();
    for pod in pods.items.iter().filter(|pod| is_ready(pod)) {
        let image = pod.spec.as_ref().and_then(|spec| spec.containers[0].image.clone()).unwrap_or_default();
        let count: &mut Replicas = serving.entry(image.parse()?).or_default();
        *count = Replicas::new(count.get() + 1);
    }
    Ok(serving)
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready = conditions.filter(|one| one.type_ == "Ready").any(|one| one.status == "True");
    ready && pod.metadata.deletion_timestamp.is_none()
}

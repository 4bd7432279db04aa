//! A namespace of the shared cluster, made when a suite first asks for it.

use std::sync::Arc;

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

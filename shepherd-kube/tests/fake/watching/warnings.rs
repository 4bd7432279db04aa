use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shepherd_core::model::Replicas;
use shepherd_core::ports::Workload;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::{api, asked, pair, passes, scaled};

/// Counts the warnings of this library.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicUsize>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN && metadata.target().starts_with("shepherd_kube")
    }

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn who_may_not_watch_is_told_once_and_looks_directly() {
    let warnings = Warnings::default();
    let _here = tracing::subscriber::set_default(warnings.clone());
    let api = api();
    for resource in ["deployments", "replicasets"] {
        api.forbids_watching(resource);
    }
    let pair = pair(&api);
    for replicas in [5, 6, 7, 8] {
        scaled(&api, replicas);
        passes(60).await;
        let (state, seen) = asked(&api, pair.observe()).await;
        assert_eq!(state.unwrap().stable.ready, Replicas::new(replicas));
        assert!(!seen.is_empty(), "the server is asked");
    }
    assert_eq!(warnings.0.load(Ordering::Relaxed), 2, "once for each kind");
}

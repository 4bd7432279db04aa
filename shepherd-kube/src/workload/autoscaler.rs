use serde_json::{Value, json};
use shepherd_core::model::{Fence, Mark};
use shepherd_core::ports::PortError;

use kube::api::{ApiResource, GroupVersionKind};

use crate::object::{Edit, ORIGINALS, Object, annotation, mark_of, refused, stamp};
use crate::watch::Reach;

/// An autoscaler that owns stable's count. During a rollout it may grow stable and not shrink it below what it had:
/// less traffic on stable would make it take away the capacity that a rollback needs.
pub(crate) struct Autoscaler {
    pub(super) object: Object,
}

impl Autoscaler {
    pub(crate) fn new(reach: impl Into<Reach>, namespace: &str, name: &str) -> Self {
        let kind =
            ApiResource::from_gvk(&GroupVersionKind::gvk("autoscaling", "v2", "HorizontalPodAutoscaler"));
        Self { object: Object::new(reach, &kind, namespace, name) }
    }

    /// From now on it keeps at least as many replicas as stable has.
    pub(crate) async fn hold(&self, fence: &Fence, replicas: u64) -> Result<(), PortError> {
        let place = self.object.place();
        let held = self.object.change(|autoscaler| {
            let mark = Mark::claimed(mark_of(place, autoscaler)?.as_ref(), fence)?;
            let mut edit = Edit::of(autoscaler);
            if annotation(autoscaler, ORIGINALS).is_none() {
                let least = &autoscaler["spec"]["minReplicas"];
                edit.annotate(ORIGINALS, json!({"minReplicas": least}).to_string());
                edit.set(&["spec", "minReplicas"], replicas.max(least.as_u64().unwrap_or(1)).into());
            }
            stamp(&mut edit, &mark);
            Ok(edit.into())
        });
        held.await.map(drop)
    }

    /// It is as it was before the rollout. Does nothing when it is so already.
    pub(crate) async fn release(&self, mark: &Mark) -> Result<(), PortError> {
        let place = self.object.place();
        let released = self.object.change(|autoscaler| {
            let mut edit = Edit::of(autoscaler);
            let Some(originals) = annotation(autoscaler, ORIGINALS) else { return Ok(edit.into()) };
            mark.admit(mark_of(place, autoscaler)?.as_ref())?;
            let originals: Value = serde_json::from_str(originals).map_err(|error| {
                refused(place, format!("its annotation {ORIGINALS} is damaged ({error}); set minReplicas by hand and remove it"))
            })?;
            match &originals["minReplicas"] {
                Value::Null => edit.remove(&["spec", "minReplicas"]),
                least => edit.set(&["spec", "minReplicas"], least.clone()),
            }
            edit.unannotate(ORIGINALS);
            Ok(edit.into())
        });
        released.await.map(drop)
    }
}

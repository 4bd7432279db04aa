//! What the server would say of the first writes.

use serde_json::Value;
use shepherd_core::model::{Epoch, Fence, Mark, RolloutId};

use super::Findings;
use crate::object::{Edit, Object, failure, mark_of, stamp};

/// So the owner is called in marks that are sent and never kept.
const NOBODY: &str = "preflight";

impl Findings {
    /// Whether the mark of an object can be read, and the server would take another one.
    pub(crate) async fn claims(&mut self, object: &Object, as_is: &Value) {
        self.claims_with(object, as_is, |_| {}).await;
    }

    /// The same where a claim writes more than a mark.
    pub(crate) async fn claims_with(
        &mut self,
        object: &Object,
        as_is: &Value,
        more: impl FnOnce(&mut Edit<'_>),
    ) {
        if let Err(error) = mark_of(object.place(), as_is) {
            self.error(object.place(), error.failure().message.clone(), "remove the annotation");
            return;
        }
        let Some(mark) = mark().filter(|_| self.may("patch", object)) else { return };
        let mut edit = Edit::of(as_is);
        more(&mut edit);
        stamp(&mut edit, &mark);
        let answer = object.rehearse(&edit.into_patch()).await;
        self.said(object, "the claim of a rollout", answer);
    }

    /// Whether the server would make this object.
    pub(crate) async fn makes(&mut self, object: &Object, new: &Value) {
        if self.may("create", object) {
            let answer = object.rehearse_new(new).await;
            self.said(object, "making it", answer);
        }
    }

    fn said(&mut self, object: &Object, write: &str, answer: Result<(), kube::Error>) {
        let Err(error) = answer else { return };
        match &error {
            kube::Error::Api(status)
                if matches!(status.code, 400..=499)
                    && !matches!(status.code, 401 | 404 | 408 | 409 | 429) =>
            {
                if status.message.contains("does not support dry run") {
                    return self.unchecked(object.place(), write, error);
                }
                let why = failure(object.place(), error).failure().message.clone();
                self.error(
                    object.place(),
                    format!("the server refuses {write}: {why}"),
                    "change what refuses it (an admission policy, a webhook, a quota), or the object",
                );
            }
            _ => self.unchecked(object.place(), write, error),
        }
    }
}

/// A mark that nobody sees.
pub(crate) fn mark() -> Option<Mark> {
    let rollout = RolloutId::new(NOBODY).ok()?;
    Mark::claimed(None, &Fence { rollout, epoch: Epoch::new(1) }).ok()
}

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
        if let Some(answer) = self.rehearsed(object, as_is, more).await {
            self.said(object, "the claim of a rollout", answer);
        }
    }

    /// Whether the server would give an object, which it lets claim, the pods that are to come.
    pub(crate) async fn renews(&mut self, object: &Object, as_is: &Value, template: &Value) {
        if as_is["spec"]["template"] == *template || self.refused.contains(object.place()) {
            return;
        }
        let renew = |edit: &mut Edit<'_>| edit.set(&["spec", "template"], template.clone());
        if let Some(answer) = self.rehearsed(object, as_is, renew).await {
            self.said_of_candidate(object, answer);
        }
    }

    /// Whether the server would make this object.
    pub(crate) async fn makes(&mut self, object: &Object, new: &Value) {
        if self.may("create", object) {
            let answer = object.rehearse_new(new).await;
            self.said(object, "making it", answer);
        }
    }

    /// The same with the pods that are to come in place of those that it would be made with first.
    pub(crate) async fn makes_renewed(&mut self, object: &Object, new: &Value, template: &Value) {
        let unasked = new["spec"]["template"] == *template || self.refused.contains(object.place());
        if !unasked && self.may("create", object) {
            let mut renewed = new.clone();
            renewed["spec"]["template"] = template.clone();
            let answer = object.rehearse_new(&renewed).await;
            self.said_of_candidate(object, answer);
        }
    }

    /// None where it may not be asked.
    async fn rehearsed(
        &mut self,
        object: &Object,
        as_is: &Value,
        more: impl FnOnce(&mut Edit<'_>),
    ) -> Option<Result<(), kube::Error>> {
        let mark = mark().filter(|_| self.may("patch", object))?;
        let mut edit = Edit::of(as_is);
        more(&mut edit);
        stamp(&mut edit, &mark);
        Some(object.rehearse(&edit.into_patch()).await)
    }

    fn said(&mut self, object: &Object, write: &str, answer: Result<(), kube::Error>) {
        let Err(error) = answer else { return };
        match refusal(object, error) {
            Ok(why) => {
                self.refused.insert(object.place().to_owned());
                self.error(
                    object.place(),
                    format!("the server refuses {write}: {why}"),
                    "change what refuses it (an admission policy, a webhook, a quota), or the object",
                );
            }
            Err(error) => self.unchecked(object.place(), write, error),
        }
    }

    fn said_of_candidate(&mut self, object: &Object, answer: Result<(), kube::Error>) {
        let Err(error) = answer else { return };
        match refusal(object, error) {
            Ok(why) => self.error_of_candidate(
                object.place(),
                format!("the server refuses the pods that are to come: {why}"),
                "change what refuses them (an admission policy, a webhook), or what is rolled out",
            ),
            Err(error) => self.unchecked(object.place(), "a dry run of the pods that are to come", error),
        }
    }
}

/// What the server has against a write, unless it could not say.
fn refusal(object: &Object, error: kube::Error) -> Result<String, kube::Error> {
    let refuses = matches!(&error, kube::Error::Api(status)
        if matches!(status.code, 400..=499)
            && !matches!(status.code, 401 | 404 | 408 | 409 | 429)
            && !status.message.contains("does not support dry run"));
    if refuses { Ok(failure(object.place(), error).failure().message.clone()) } else { Err(error) }
}

/// A mark that nobody sees.
pub(crate) fn mark() -> Option<Mark> {
    let rollout = RolloutId::new(NOBODY).ok()?;
    Mark::claimed(None, &Fence { rollout, epoch: Epoch::new(1) }).ok()
}

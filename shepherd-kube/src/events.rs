//! What happens to a rollout, where people look for it: among the Events of its Deployment.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use shepherd_core::machine::{Ending, Happening};
use shepherd_core::model::Verdict;
use shepherd_core::ports::{Notice, Notifier, PortError};

use crate::object::{MANAGER, failure, name};
use crate::preflight::{Findings, Grounded, Need};
use crate::time::hour;

/// The most that the API server takes for a message, and for the name of who tells.
const LONGEST: usize = 1024;
const LONGEST_INSTANCE: usize = 128;

const CONTROLLER: &str = "shepherd.rs/rollout";

/// Tells what happens as Events of the target's Deployment, so that `kubectl describe` shows it.
///
/// Each costs one write, and the same notice told again none that is kept: its Event is named after the rollout and
/// the notice. Notifiers hear [what is notable](Happening::is_notable): what a rollout waits for a person for, what a
/// guard noticed, what took it back, what raises the alarm, and how it ended. All of that is told, unless
/// [told otherwise](Self::telling). Stages that come and go, and what users are exposed to, are for those who
/// [watch](shepherd_core::driver::Handle::events).
///
/// The cluster forgets Events, mostly after an hour. They are for people, and nothing is ever decided by them.
///
/// # Permissions
/// `create` on `events` of `events.k8s.io`, and `get` on `deployments`, in this namespace.
///
/// # Cancel safety
/// A call that is dropped has told it or not, and the same call again tells it once.
///
/// ```no_run
/// # async fn example(rollout: shepherd_core::driver::RolloutBuilder) -> Result<(), kube::Error> {
/// use shepherd_core::machine::Happening;
/// use shepherd_kube::KubeEvents;
///
/// let client = kube::Client::try_default().await?;
/// let events = KubeEvents::of(client, "shop", "web")
///     .telling(|what| matches!(what, Happening::Triggered(_) | Happening::Finished(_)));
/// let rollout = rollout.notify(events);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct KubeEvents {
    client: Client,
    namespace: String,
    name: String,
    kind: ApiResource,
    telling: Arc<dyn Fn(&Happening) -> bool + Send + Sync>,
}

impl KubeEvents {
    /// Tells them of the Deployment of this name.
    pub fn of(client: Client, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        let kind = ApiResource::erase::<Deployment>(&());
        Self {
            client,
            namespace: namespace.into(),
            name: name.into(),
            kind,
            telling: Arc::new(Happening::is_notable),
        }
    }

    /// Tells them of an object of another kind, in the same namespace. It needs `get` on that kind then.
    ///
    /// ```no_run
    /// # fn example(client: kube::Client) {
    /// use kube::core::GroupVersionKind;
    /// use shepherd_kube::KubeEvents;
    /// let route = GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", "HTTPRoute");
    /// let events = KubeEvents::of(client, "shop", "web").regarding(&route);
    /// # }
    /// ```
    #[must_use]
    pub fn regarding(mut self, kind: &GroupVersionKind) -> Self {
        self.kind = ApiResource::from_gvk(kind);
        self
    }

    /// Tells these of what it hears, and no others.
    #[must_use]
    pub fn telling(mut self, telling: impl Fn(&Happening) -> bool + Send + Sync + 'static) -> Self {
        self.telling = Arc::new(telling);
        self
    }

    /// Tells nothing.
    #[must_use]
    pub fn silent(self) -> Self {
        self.telling(|_| false)
    }

    async fn event(&self, notice: &Notice) -> Result<Event, PortError> {
        let what = &notice.event.what;
        let mut event = Event {
            action: Some("Rollout".to_owned()),
            event_time: hour(notice.event.at).map(MicroTime),
            note: Some(cut(what.to_string(), LONGEST)),
            reason: Some(reason(what).to_owned()),
            regarding: Some(self.reference().await?),
            reporting_controller: Some(CONTROLLER.to_owned()),
            reporting_instance: Some(cut(notice.rollout.to_string(), LONGEST_INSTANCE)),
            type_: Some(if is_warning(what) { "Warning" } else { "Normal" }.to_owned()),
            ..Event::default()
        };
        event.metadata.name = Some(format!("{}.{}", name::encode(notice.rollout.as_str())?, notice.id));
        Ok(event)
    }

    /// What `kubectl describe` looks for: it compares the uid too.
    async fn reference(&self) -> Result<ObjectReference, PortError> {
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &self.namespace, &self.kind);
        let found = api.get_metadata_opt(&self.name).await;
        let found = found.map_err(|error| failure(&self.place(), error))?;
        Ok(ObjectReference {
            api_version: Some(self.kind.api_version.clone()),
            kind: Some(self.kind.kind.clone()),
            namespace: Some(self.namespace.clone()),
            name: Some(self.name.clone()),
            uid: found.and_then(|object| object.metadata.uid),
            ..ObjectReference::default()
        })
    }

    fn place(&self) -> String {
        format!("{} {}/{}", self.kind.kind, self.namespace, self.name)
    }
}

#[async_trait]
impl Notifier for KubeEvents {
    async fn notify(&self, notice: &Notice) -> Result<(), PortError> {
        if !(self.telling)(&notice.event.what) {
            return Ok(());
        }
        let event = self.event(notice).await?;
        let api: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let parameters = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        match api.create(&parameters, &event).await {
            Ok(_) => Ok(()),
            // It was told before, and the answer was lost.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            Err(error) => Err(failure(&format!("events of {}", self.place()), error)),
        }
    }
}

#[async_trait]
impl Grounded for KubeEvents {
    fn namespace(&self) -> &str {
        &self.namespace
    }

    async fn inspect(&self, findings: &mut Findings) {
        let object =
            Need { group: &self.kind.group, resource: &self.kind.plural, name: &self.name, verbs: &["get"] };
        let needs = [Need::all("events.k8s.io", "events", &["create"]), object];
        findings.needs(&self.namespace, &needs).await;
        findings.writes(format!("Events in {}", self.namespace), [format!("those about {}", self.place())]);
    }
}

fn reason(what: &Happening) -> &'static str {
    match what {
        Happening::Attached(_) => "RolloutAttached",
        Happening::Entered(_) => "StageBegun",
        Happening::Completed(_) => "StageCompleted",
        Happening::Exposed(_) => "CandidateExposed",
        Happening::Checked(_) => "GateAnswered",
        Happening::AwaitsApproval(_) => "AwaitingApproval",
        Happening::Approved(_) => "StageApproved",
        Happening::Paused(_) => "RolloutPaused",
        Happening::Resumed(_) => "RolloutResumed",
        Happening::Skipped { .. } => "StageSkipped",
        Happening::Hurried(_) => "RolloutHurried",
        Happening::Noticed(_) => "GuardNoticed",
        Happening::Drifted(_) => "RoutingDrifted",
        Happening::Triggered(_) => "RolloutTriggered",
        Happening::TakenOff => "CandidateTakenOff",
        Happening::Escalated(_) => "RolloutEscalated",
        Happening::Finished(Ending::Promoted) => "RolloutPromoted",
        Happening::Finished(Ending::RolledBack) => "RolloutRolledBack",
        Happening::Finished(Ending::Aborted) => "RolloutAborted",
        Happening::Finished(Ending::Refused) => "RolloutRefused",
        _ => "RolloutChanged",
    }
}

fn is_warning(what: &Happening) -> bool {
    matches!(
        what,
        Happening::Noticed(_)
            | Happening::Drifted(_)
            | Happening::Triggered(_)
            | Happening::Escalated(_)
            | Happening::Checked(Verdict::Fail(_) | Verdict::Error(_))
            | Happening::Finished(Ending::RolledBack | Ending::Refused)
    )
}

/// As much of a text as fits, in whole characters, with a sign that there was more.
fn cut(mut text: String, longest: usize) -> String {
    const MORE: &str = "...";
    if text.len() > longest {
        text.truncate(text.floor_char_boundary(longest - MORE.len()));
        text.push_str(MORE);
    }
    text
}

impl fmt::Debug for KubeEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubeEvents").field("of", &self.place()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("short".to_owned(), 8), "short");
        assert_eq!(cut("12345678".to_owned(), 8), "12345678");
        assert_eq!(cut("123456789".to_owned(), 8), "12345...");
        let sheep = cut("\u{1F411}".repeat(400), LONGEST);
        assert!(sheep.len() <= LONGEST && sheep.ends_with("\u{1F411}..."));
    }
}

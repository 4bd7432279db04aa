//! One Lease says that the process lives, however many rollouts it drives.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::PostParams;
use kube::{Api, Client};
use shepherd_core::model::Timestamp;
use shepherd_core::ports::PortError;
use tokio::sync::Mutex;

use super::LABEL;
use super::record::Process;
use crate::object::{MANAGER, failure, name, refused};
use crate::time::hour;

/// How often a renewal is decided anew because somebody else wrote in between.
const TRIES: usize = 3;

pub(super) struct ProcessLease {
    api: Api<Lease>,
    namespace: String,
    process: String,
    run: String,
    duration: Duration,
    /// The lock is held while the Lease is written, so that those who wait find it renewed.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The Lease as it was last written, while it is ours.
    held: Option<Lease>,
    renewed: Timestamp,
    /// It was ours before: then a living holder is somebody else, and not what this process was before a restart.
    began: bool,
}

impl ProcessLease {
    pub(super) fn new(client: Client, namespace: &str, process: &str, duration: Duration) -> Self {
        // Seeded by the operating system: process ids would not do, they are all alike in containers.
        let unique = RandomState::new().build_hasher().finish();
        Self {
            api: Api::namespaced(client, namespace),
            namespace: namespace.to_owned(),
            process: process.to_owned(),
            run: format!("{process}_{unique:016x}"),
            duration,
            state: Mutex::default(),
        }
    }

    pub(super) fn duration(&self) -> Duration {
        self.duration
    }

    /// Whether `other` is this process, in this run.
    pub(super) fn is_this_run(&self, other: &Process) -> bool {
        self.run == other.run
    }

    /// Says that the process lives. Within a quarter of the Lease's duration after one write no other is made: owners renew
    /// once in a third of it, by another clock.
    pub(super) async fn renew(&self, now: Timestamp) -> Result<(), PortError> {
        let name = name::encode(&self.process)?;
        let mut state = self.state.lock().await;
        // The hour may jump back, which must not keep the Lease from being renewed.
        let ago = now.since(state.renewed).max(state.renewed.since(now));
        if state.held.is_none() || ago >= self.duration / 4 {
            self.write(&mut state, &name, now).await?;
        }
        Ok(())
    }

    /// Which process it is, if nobody else goes by its name. Nothing is written.
    pub(super) async fn process(&self, now: Timestamp) -> Result<Process, PortError> {
        let name = name::encode(&self.process)?;
        let state = self.state.lock().await;
        if !state.began {
            let place = self.place(&name);
            let found = self.api.get_opt(&name).await.map_err(|error| failure(&place, error))?;
            found.map_or(Ok(()), |lease| self.refuse(&place, &lease, false, now))?;
        }
        Ok(Process { lease: name, run: self.run.clone() })
    }

    /// Whether another process lives, be it by its Lease or by a claim that counts `until` then.
    pub(super) async fn lives(
        &self,
        process: &Process,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, PortError> {
        if self.is_predecessor(process)? {
            return Ok(false);
        }
        // A claim further ahead than two Leases last was made by a clock that is wrong.
        if now < until && until.since(now) <= self.duration * 2 {
            return Ok(true);
        }
        let found = self.api.get_opt(&process.lease).await;
        let found = found.map_err(|error| failure(&self.place(&process.lease), error))?;
        Ok(found.is_some_and(|lease| holder(&lease) == Some(&process.run) && is_fresh(&lease, now)))
    }

    /// Whether it is this process before a restart: two that live have two names.
    fn is_predecessor(&self, process: &Process) -> Result<bool, PortError> {
        Ok(process.run != self.run && process.lease == name::encode(&self.process)?)
    }

    async fn write(&self, state: &mut State, name: &str, now: Timestamp) -> Result<(), PortError> {
        let place = self.place(name);
        for _ in 0..TRIES {
            let known = match state.held.take() {
                Some(held) => Some(held),
                None => self.api.get_opt(name).await.map_err(|error| failure(&place, error))?,
            };
            let written = match known {
                Some(lease) => {
                    self.refuse(&place, &lease, state.began, now)?;
                    self.api.replace(name, &parameters(), &self.renewed(lease, now)).await
                }
                None => self.api.create(&parameters(), &self.renewed(empty(name), now)).await,
            };
            match written {
                Ok(lease) => {
                    *state = State { held: Some(lease), renewed: now, began: true };
                    return Ok(());
                }
                // Changed, made or deleted by others meanwhile: a fresh look tells.
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
                Err(error) => return Err(failure(&place, error)),
            }
        }
        Err(PortError::conflict(place, "others change it faster than it can be written"))
    }

    fn refuse(&self, place: &str, lease: &Lease, began: bool, now: Timestamp) -> Result<(), PortError> {
        if lease.metadata.labels.as_ref().is_none_or(|labels| !labels.contains_key(LABEL)) {
            return Err(refused(place, "it is not Shepherd's; give this process another name"));
        }
        match holder(lease).filter(|holder| **holder != self.run) {
            Some(other) if began && is_fresh(lease, now) => {
                let process = &self.process;
                let message = format!(
                    "it is held by {other}: two processes are called {process}; give each its own name"
                );
                Err(refused(place, message))
            }
            _ => Ok(()),
        }
    }

    fn renewed(&self, mut lease: Lease, now: Timestamp) -> Lease {
        lease.metadata.managed_fields = None;
        let spec = spec(&mut lease);
        let hour = hour(now).map(MicroTime);
        if spec.holder_identity.as_ref() != Some(&self.run) {
            let taken = spec.holder_identity.is_some();
            spec.holder_identity = Some(self.run.clone());
            spec.acquire_time.clone_from(&hour);
            spec.lease_transitions =
                Some(spec.lease_transitions.unwrap_or(0).saturating_add(i32::from(taken)));
        }
        spec.lease_duration_seconds = i32::try_from(self.duration.as_secs().max(1)).ok();
        spec.renew_time = hour;
        lease
    }

    fn place(&self, name: &str) -> String {
        format!("Lease {}/{name}", self.namespace)
    }
}

fn empty(name: &str) -> Lease {
    let mut lease = Lease::default();
    lease.metadata.name = Some(name.to_owned());
    lease.metadata.labels.get_or_insert_default().insert(LABEL.to_owned(), "process".to_owned());
    lease
}

fn parameters() -> PostParams {
    PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() }
}

fn spec(lease: &mut Lease) -> &mut LeaseSpec {
    lease.spec.get_or_insert_default()
}

fn holder(lease: &Lease) -> Option<&String> {
    lease.spec.as_ref()?.holder_identity.as_ref().filter(|holder| !holder.is_empty())
}

/// Whether it was renewed within the duration that it says itself.
fn is_fresh(lease: &Lease, now: Timestamp) -> bool {
    let Some(spec) = &lease.spec else { return false };
    let Some(MicroTime(renewed)) = &spec.renew_time else { return false };
    let renewed = Timestamp::from_millis(u64::try_from(renewed.as_millisecond()).unwrap_or(0));
    let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    let duration = Duration::from_secs(seconds.unwrap_or(0));
    now.since(renewed) < duration && renewed.since(now) <= duration
}

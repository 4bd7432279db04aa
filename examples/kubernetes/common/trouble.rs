//! Why a program ends without an outcome, and how it says so.

use std::process;

use shepherd_core::driver::{StartError, Stopped};
use shepherd_core::model::FailureKind;
use shepherd_core::plan::PlanError;
use shepherd_core::ports::{PortError, StoreError};
use shepherd_kube::preflight::PreflightError;

use super::say::complain;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// What was asked for cannot be, or the cluster is not prepared for it.
    #[error("{0}")]
    Input(String),
    /// It could not go on now; the same command may, later.
    #[error("{0}")]
    Stuck(String),
}

/// Ends with the code of how it ended. Trouble is told on stderr, in one line that begins with `error:`. A thread that still
/// looks up an address, or asks somebody for a login, is not waited for.
pub(crate) fn exit(ended: Result<u8, Trouble>) -> ! {
    process::exit(ended.unwrap_or_else(|trouble| trouble.tell()).into())
}

#[allow(clippy::needless_pass_by_value, reason = "they are what `map_err` calls")]
impl Trouble {
    fn tell(&self) -> u8 {
        complain(format_args!("error: {self}"));
        match self {
            Trouble::Input(_) => 2,
            Trouble::Stuck(_) => 3,
        }
    }

    pub(crate) fn input(error: impl ToString) -> Self {
        Trouble::Input(error.to_string())
    }

    pub(crate) fn stuck(error: impl ToString) -> Self {
        Trouble::Stuck(error.to_string())
    }
}

/// What is denied or missing stays so until somebody changes it; everything else may pass.
impl From<PortError> for Trouble {
    fn from(error: PortError) -> Self {
        match error.kind() {
            FailureKind::Denied | FailureKind::Permanent | FailureKind::Unsupported => Trouble::input(error),
            _ => Trouble::stuck(error),
        }
    }
}

impl From<PreflightError> for Trouble {
    fn from(error: PreflightError) -> Self {
        Trouble::input(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Port(error) => error.into(),
            StoreError::Held { target, holder } => Trouble::Stuck(format!(
                "{target} is driven by {holder}; wait for it to end, or take over by --steal"
            )),
            // It stays so until somebody mends it.
            damaged @ StoreError::Damaged { .. } => Trouble::input(damaged),
            error => Trouble::stuck(error),
        }
    }
}

impl From<StartError> for Trouble {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Unobservable { source, .. } => source.into(),
            StartError::Store(error) => error.into(),
            error @ (StartError::Plan(_)
            | StartError::NothingDeployed { .. }
            | StartError::Elsewhere { .. }) => Trouble::input(error),
            error => Trouble::stuck(error),
        }
    }
}

impl From<PlanError> for Trouble {
    fn from(error: PlanError) -> Self {
        Trouble::input(error)
    }
}

impl From<Stopped> for Trouble {
    fn from(stopped: Stopped) -> Self {
        Trouble::Stuck(match stopped {
            // To run it again would only fight with whoever that is.
            Stopped::Superseded => format!("{stopped}, and goes on with it"),
            _ => format!("it could not go on: {stopped}; run again, and it does"),
        })
    }
}

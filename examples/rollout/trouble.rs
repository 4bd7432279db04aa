//! Why the program ends without an outcome, and how it says so.

use shepherd_core::driver::{StartError, Stopped};
use shepherd_core::plan::PlanError;
use shepherd_core::ports::StoreError;

use crate::ground::error::GroundError;
use crate::kept::KeptError;
use crate::router::RouterError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// What was asked for cannot be; nothing was changed.
    #[error("{0}")]
    Input(String),
    /// It was begun and cannot go on; what is known of it was kept.
    #[error("{0}")]
    Stuck(String),
}

impl From<StartError> for Trouble {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Plan(_) | StartError::Store(_) | StartError::Snapshot(_) => {
                Trouble::Input(error.to_string())
            }
            error => Trouble::Stuck(error.to_string()),
        }
    }
}

impl From<Stopped> for Trouble {
    fn from(stopped: Stopped) -> Self {
        Trouble::Stuck(format!("it could not go on: {stopped}"))
    }
}

/// All of these come up before anything was begun.
macro_rules! inputs {
    ($($error:ty),*) => {
        $(impl From<$error> for Trouble {
            fn from(error: $error) -> Self {
                Trouble::Input(error.to_string())
            }
        })*
    };
}

inputs!(PlanError, StoreError, GroundError, KeptError, RouterError, shepherd_core::machine::SnapshotError);

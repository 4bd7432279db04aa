use serde::{Deserialize, Serialize};

/// What happens when somebody else changes where the traffic goes in the middle of a rollout.
///
/// Whatever is chosen, what is more than the plan decided is put back at once, and every change is told. Where the router
/// holds no marks, traffic that was lowered may be another owner's off: the rollout is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Drift {
    /// Less than was decided stays, and the rollout pauses until a person resumes it: somebody had a reason.
    #[default]
    PauseWhenLess,
    /// It pauses after every change.
    Pause,
    /// Less is put back as well, unless it is paused, and it goes on.
    PutBack,
}

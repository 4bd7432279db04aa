use async_trait::async_trait;
use shepherd_core::model::{Reason, Verdict};
use shepherd_core::ports::{CheckContext, HealthGate, PortError};

use super::Script;

/// A [`HealthGate`] that answers as told, and passes usually.
#[derive(Debug, Clone, Default)]
pub struct ScriptedGate {
    /// The checks.
    pub checks: Script<CheckContext, Verdict>,
}

#[async_trait]
impl HealthGate for ScriptedGate {
    async fn check(&self, context: &CheckContext) -> Result<Verdict, PortError> {
        Ok(self.checks.answer(context.clone(), || Verdict::Pass(Reason::new("scripted")))?)
    }
}

use async_trait::async_trait;
use shepherd_core::ports::{Hook, HookContext, PortError};

use super::Script;

/// A [`Hook`] that does nothing and answers as told.
#[derive(Debug, Clone, Default)]
pub struct ScriptedHook {
    /// The runs.
    pub runs: Script<HookContext, ()>,
}

#[async_trait]
impl Hook for ScriptedHook {
    async fn run(&self, context: &HookContext) -> Result<(), PortError> {
        Ok(self.runs.answer(context.clone(), || ())?)
    }
}

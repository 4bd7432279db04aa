use async_trait::async_trait;
use shepherd_core::ports::{Notice, Notifier, PortError};

use super::Script;

/// A [`Notifier`] that remembers what it was told.
#[derive(Debug, Clone, Default)]
pub struct ScriptedNotifier {
    /// What it was told.
    pub notices: Script<Notice, ()>,
}

#[async_trait]
impl Notifier for ScriptedNotifier {
    async fn notify(&self, notice: &Notice) -> Result<(), PortError> {
        Ok(self.notices.answer(notice.clone(), || ())?)
    }
}

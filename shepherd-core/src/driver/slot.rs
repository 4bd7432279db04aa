use tokio::sync::Mutex;

use super::Handle;
use crate::model::Revision;

/// What runs for one target in this process. Whoever starts something there holds it: of two starts at once one waits
/// for the other.
pub(super) type Slot = Mutex<Option<Running>>;

/// A rollout that was started here.
pub(super) struct Running {
    pub(super) revision: Revision,
    pub(super) handle: Handle,
}

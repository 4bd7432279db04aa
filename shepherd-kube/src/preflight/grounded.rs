use async_trait::async_trait;

use super::Findings;

/// What can say whether it finds in a cluster all that it needs.
///
/// ```no_run
/// use async_trait::async_trait;
/// use shepherd_kube::preflight::{Findings, Grounded};
///
/// /// Tells people in a chat room, for which it needs a token.
/// struct ChatRoom { token: Option<String> }
///
/// #[async_trait]
/// impl Grounded for ChatRoom {
///     fn namespace(&self) -> &str { "shop" }
///
///     async fn inspect(&self, findings: &mut Findings) {
///         if self.token.is_none() {
///             findings.error("chat room", "there is no token for it", "set CHAT_TOKEN");
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait Grounded: Send + Sync {
    /// Where its objects are. It is not inspected when there is no such namespace.
    fn namespace(&self) -> &str;

    /// Looks at all that it needs, and tells everything that is not so. It changes nothing.
    async fn inspect(&self, findings: &mut Findings);
}

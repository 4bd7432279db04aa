use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use tokio::sync::oneshot;

/// Who a registry is asked as.
///
/// ```
/// use shepherd_kube::registry::Credentials;
///
/// let robot = Credentials::new("robot", "hunter2");
/// assert!(!format!("{robot:?}").contains("hunter2"));
/// ```
#[derive(Clone)]
pub struct Credentials {
    user: String,
    password: String,
}

/// Which credentials an image is asked for with, or why nobody knows.
pub(super) type Find = dyn Fn(&str) -> Result<Option<Credentials>, String> + Send + Sync;

impl Credentials {
    /// A user's name, and the password or token that registries take in its place.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into() }
    }

    /// The header that proves them.
    pub(super) fn header(&self) -> Result<HeaderValue, String> {
        let text = http_auth::basic::encode_credentials(&self.user, &self.password);
        let header = HeaderValue::from_str(&text);
        let mut header = header.map_err(|_| "its login fits into no header".to_owned())?;
        header.set_sensitive(true);
        Ok(header)
    }
}

/// Not even the user: a registry may take a token for its name.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// Looked up on a thread of its own, which nobody waits for when it hangs: another program may be asked there, and that
/// may ask a person.
pub(super) async fn find(find: &Arc<Find>, name: String) -> Result<Option<Credentials>, String> {
    let (find, (answer, answered)) = (find.clone(), oneshot::channel());
    let looked = std::thread::Builder::new().name("shepherd-credentials".to_owned());
    looked
        .spawn(move || answer.send(find(&name)).is_ok())
        .map_err(|error| format!("no thread could be started for it: {error}"))?;
    answered.await.unwrap_or_else(|_| Err("whoever was asked for it panicked".to_owned()))
}

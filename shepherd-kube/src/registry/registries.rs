use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kube::Config;
use shepherd_core::model::Verdict;
use tokio::time::timeout;

use super::credentials::{Credentials, Find};
use super::dialogue::Dialogue;
use super::image_name::ImageName;
use crate::preflight::Images;

/// What is changed of the client for a host.
type Configure = dyn Fn(&str, &mut Config) + Send + Sync;

/// Asks the registry of an image whether it is there, as a node that pulls it would: by the manifest, of which nothing
/// is downloaded.
///
/// It fails only what the registry itself says is not there, or what is no name of an image. Of a private image that is
/// asked for without [credentials](Self::credentials) a registry may answer the same as of one that does not exist: that it
/// wants a login is inconclusive. So is one whose registry cannot be reached from here. A registry that says of what it hides that it does
/// not exist is believed, unless there are credentials for it.
///
/// Nodes may see it otherwise: they may have the image already, pull it through a mirror or as somebody else, read a name
/// without a registry as one of their own, or run an image that a webhook has put in its place.
///
/// Addresses are traced as those of an API server are; credentials are not.
///
/// A registry of this machine is asked by plain HTTP, as container runtimes do, and all others by HTTPS with the TLS of
/// the `kube` in the program. Credentials go to the registry that was asked, and to the token server that it names, by
/// HTTPS unless the registry itself is asked by plain HTTP.
///
/// ```no_run
/// # fn example(password: String) {
/// use shepherd_kube::registry::{Credentials, Registries};
///
/// let registries = Registries::new()
///     .credentials(move |name| {
///         Ok(name.starts_with("ghcr.io/acme/").then(|| Credentials::new("robot", &password)))
///     })
///     .plain_http("registry.internal:5000");
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Registries {
    pub(super) credentials: Arc<Find>,
    pub(super) configure: Arc<Configure>,
    plain: BTreeSet<String>,
    within: Duration,
}

impl Registries {
    /// Asks as nobody in particular, and waits at most 10 seconds.
    pub fn new() -> Self {
        Self {
            credentials: Arc::new(|_| Ok(None)),
            configure: Arc::new(|_, _| {}),
            plain: BTreeSet::new(),
            within: Duration::from_secs(10),
        }
    }

    /// With which credentials images of a name are asked for: its registry and repository, such as `ghcr.io/acme/shop` or
    /// `docker.io/library/nginx`. None are sent to a registry that does not want any.
    ///
    /// It is called on a thread of its own, where it may ask another program for them, and [not for longer](Self::within)
    /// than all else. An error says why credentials that there are cannot be used: then nothing is refused.
    pub fn credentials(
        mut self,
        find: impl Fn(&str) -> Result<Option<Credentials>, String> + Send + Sync + 'static,
    ) -> Self {
        self.credentials = Arc::new(find);
        self
    }

    /// This registry, a host with its port, is asked by plain HTTP, credentials included.
    pub fn plain_http(mut self, registry: impl Into<String>) -> Self {
        self.plain.insert(registry.into());
        self
    }

    /// How long all requests for one image may take, and the look for its credentials.
    pub fn within(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }

    /// Changes how a host is reached, registry or token server: trusting which certificates, or through which proxy, for
    /// which the program's `kube` needs its feature `http-proxy` or `socks5`.
    ///
    /// ```no_run
    /// # fn example(proxy: kube::Config) {
    /// let registries = shepherd_kube::registry::Registries::new().configured_by(move |host, config| {
    ///     if !host.ends_with(".internal") {
    ///         config.proxy_url = proxy.proxy_url.clone();
    ///     }
    /// });
    /// # }
    /// ```
    pub fn configured_by(mut self, configure: impl Fn(&str, &mut Config) + Send + Sync + 'static) -> Self {
        self.configure = Arc::new(configure);
        self
    }

    /// Whether this one is asked by plain HTTP.
    pub(super) fn is_plain(&self, registry: &str) -> bool {
        self.plain.contains(registry) || is_of_this_machine(registry)
    }
}

impl Default for Registries {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Images for Registries {
    async fn look(&self, image: &str) -> Verdict {
        let name = match ImageName::read(image) {
            Ok(name) => name,
            Err(why) => return Verdict::Fail(format!("it is no name of an image: {why}").into()),
        };
        let dialogue = Dialogue::about(self, name);
        timeout(self.within, dialogue.verdict()).await.unwrap_or_else(|_| {
            let late = format!("no answer from {} within {:?}", dialogue.waits_for(), self.within);
            Verdict::Error(late.into())
        })
    }
}

impl fmt::Debug for Registries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plain, within, .. } = self;
        f.debug_struct("Registries").field("plain", plain).field("within", within).finish_non_exhaustive()
    }
}

fn is_of_this_machine(registry: &str) -> bool {
    let host = registry.parse::<http::uri::Authority>().map(|one| one.host().to_owned()).unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_asked_by_plain_http_and_others_where_it_was_said() {
        let registries = Registries::new().plain_http("hub.internal:5000");
        for registry in
            ["localhost", "localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000", "hub.internal:5000"]
        {
            assert!(registries.is_plain(registry), "{registry}");
        }
        for registry in ["docker.io", "hub.internal", "localhost.example", "10.0.0.1:5000", "[fd00::1]:5000"]
        {
            assert!(!registries.is_plain(registry), "{registry}");
        }
    }
}

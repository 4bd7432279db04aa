//! Where the pages of a track are found.

use shepherd_core::model::Track;

/// Says where the metrics of a track are served right now, as whole URLs such as `http://10.0.0.7:9090/metrics`.
///
/// It is asked at every measurement and should answer at once, from a list that something else keeps fresh: pods come
/// and go during a rollout. A closure will do:
///
/// ```
/// use shepherd_core::model::Track;
/// use shepherd_metrics::scrape::Endpoints;
///
/// fn takes(_: impl Endpoints) {}
/// takes(|track: Track| match track {
///     Track::Stable => vec!["http://10.0.0.7:9090/metrics".to_owned()],
///     Track::Candidate => vec![],
/// });
/// ```
///
/// A user and password in a URL are sent as basic authentication and are shown to nobody.
pub trait Endpoints: Send + Sync {
    /// The endpoints of `track`, none while it has no pods.
    fn of(&self, track: Track) -> Vec<String>;
}

impl<F> Endpoints for F
where
    F: Fn(Track) -> Vec<String> + Send + Sync,
{
    fn of(&self, track: Track) -> Vec<String> {
        self(track)
    }
}

/// A list that never changes, for services behind fixed addresses.
#[derive(Clone, Default)]
pub struct FixedEndpoints {
    stable: Vec<String>,
    candidate: Vec<String>,
}

impl FixedEndpoints {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an endpoint of the stable track.
    #[must_use]
    pub fn stable(mut self, url: impl Into<String>) -> Self {
        self.stable.push(url.into());
        self
    }

    /// Adds an endpoint of the candidate track.
    #[must_use]
    pub fn candidate(mut self, url: impl Into<String>) -> Self {
        self.candidate.push(url.into());
        self
    }
}

impl Endpoints for FixedEndpoints {
    fn of(&self, track: Track) -> Vec<String> {
        match track {
            Track::Stable => self.stable.clone(),
            Track::Candidate => self.candidate.clone(),
        }
    }
}

/// The URLs may hold passwords, so only their number is shown.
impl std::fmt::Debug for FixedEndpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FixedEndpoints")
            .field("stable", &self.stable.len())
            .field("candidate", &self.candidate.len())
            .finish()
    }
}

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::StreamExt;
use kube::Client;
use kube::api::{ListParams, WatchParams};
use kube::core::{Request, Status, WatchEvent};
use serde::Deserialize;
use serde_json::Value;
use shepherd_core::model::Elapsed;
use shepherd_core::ports::Clock;

use super::Version;
use super::kept::Kept;
use super::state::{SILENCE, State};

/// For how long the server is asked to keep each watch: how soon after that it has not ended tells that the connection
/// is dead.
const TURN: Duration = Duration::from_secs(15);

/// How long a list may take.
const LIST: Duration = Duration::from_secs(30);

/// Who ends a watch sooner than this is not asked for the next one at once; and who ends one so much before its time was
/// not the server doing what it was asked.
const SOON: Duration = Duration::from_secs(1);

/// How long to wait before everything is listed again: at first, and at most.
const AGAIN: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(30)];

/// Lists and watches one kind in one namespace, and tells its state of it, until nobody looks any more.
pub(super) struct Follower {
    pub(super) client: Client,
    pub(super) clock: Arc<dyn Clock>,
    /// The path of the collection.
    pub(super) path: String,
    pub(super) state: Arc<State>,
}

/// Why nothing more is known.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("nothing was heard of the API server for too long")]
    Silent,
    #[error("the API server has no such version any more")]
    Gone,
    #[error("the versions of its objects are no numbers, and cannot be compared")]
    Incomparable,
    #[error(transparent)]
    Failed(kube::Error),
}

/// What was listed.
#[derive(Deserialize)]
struct Listed {
    metadata: Value,
    items: Option<Vec<Kept>>,
}

impl Follower {
    pub(super) async fn follow(self) {
        let again = ExponentialBuilder::new().with_min_delay(AGAIN[0]).with_max_delay(AGAIN[1]);
        let again = again.without_max_times().with_jitter();
        let (mut waits, mut told) = (again.build(), false);
        loop {
            let began = self.now();
            let Err(lost) = self.list_and_watch().await else { return self.state.loses() };
            self.state.loses();
            if self.now().since(began) >= TURN {
                (waits, told) = (again.build(), false);
            }
            // Once for each time that it is lost, however often it is tried.
            if !matches!(lost, Lost::Gone) && !std::mem::replace(&mut told, true) {
                self.tell(&lost);
            }
            self.clock.sleep(waits.next().unwrap_or(AGAIN[1])).await;
            if self.state.is_unused(self.now()) {
                return;
            }
        }
    }

    /// Returns when nobody looks any more.
    async fn list_and_watch(&self) -> Result<(), Lost> {
        self.list().await?;
        self.watch().await
    }

    fn tell(&self, lost: &Lost) {
        let consequence = match lost {
            Lost::Failed(kube::Error::Api(status)) if status.code == 403 => {
                "every look asks the API server until this client's role has the verbs list and watch"
            }
            _ => "every look asks the API server until the watch is back",
        };
        tracing::warn!(path = %self.path, %lost, "{consequence}");
    }

    async fn list(&self) -> Result<(), Lost> {
        let asked = self.now();
        let request = Request::new(&self.path).list(&ListParams::default()).map_err(unmade)?;
        let body = self.within(LIST, self.client.request_text(request)).await??;
        let Listed { metadata, items } =
            serde_json::from_str(&body).map_err(|error| Lost::Failed(kube::Error::SerdeError(error)))?;
        let version = known(metadata["resourceVersion"].as_str().map_or(Version::UNKNOWN, Version::parse))?;
        let items = items.unwrap_or_default();
        items.iter().try_for_each(|kept| known(kept.version).map(drop))?;
        self.state.lists(items, version, asked);
        Ok(())
    }

    /// One watch after the other, each from where the one before has come to.
    async fn watch(&self) -> Result<(), Lost> {
        while !self.state.is_unused(self.now()) {
            let began = self.now();
            self.turn().await?;
            let lived = self.now().since(began);
            if lived + SOON >= TURN {
                self.state.hears(self.now());
            } else if lived < SOON {
                self.clock.sleep(SOON).await;
            }
            if self.state.is_behind() {
                self.list().await?;
            }
        }
        Ok(())
    }

    /// One watch, until it is ended. What comes later than its end may is not heeded: it may have waited for this
    /// process to be woken.
    async fn turn(&self) -> Result<(), Lost> {
        let deadline = self.clock.sleep(SILENCE);
        tokio::select! {
            biased;
            () = deadline => Err(Lost::Silent),
            ended = self.events() => ended,
        }
    }

    async fn events(&self) -> Result<(), Lost> {
        let version = self.state.version().number().to_string();
        let seconds = u32::try_from(TURN.as_secs()).unwrap_or(u32::MAX);
        let asked = Request::new(&self.path).watch(&WatchParams::default().timeout(seconds), &version);
        let events = self.client.request_events::<Value>(asked.map_err(unmade)?).await?;
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.next().await {
            self.hear(event?)?;
        }
        Ok(())
    }

    fn hear(&self, event: WatchEvent<Value>) -> Result<(), Lost> {
        let now = self.now();
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                let kept = Kept::of(object);
                known(kept.version)?;
                self.state.puts(kept, now);
            }
            WatchEvent::Deleted(object) => {
                let kept = Kept::of(object);
                known(kept.version)?;
                self.state.removes(&kept, now);
            }
            WatchEvent::Bookmark(mark) => {
                self.state.reaches(known(Version::parse(&mark.metadata.resource_version))?, now);
            }
            WatchEvent::Error(status) => return Err(kube::Error::Api(status).into()),
        }
        Ok(())
    }

    async fn within<T>(&self, limit: Duration, doing: impl Future<Output = T>) -> Result<T, Lost> {
        tokio::select! {
            done = doing => Ok(done),
            () = self.clock.sleep(limit) => Err(Lost::Silent),
        }
    }

    fn now(&self) -> Elapsed {
        self.clock.now().elapsed
    }
}

impl From<kube::Error> for Lost {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) if is_gone(status) => Self::Gone,
            _ => Self::Failed(error),
        }
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").field("path", &self.path).finish_non_exhaustive()
    }
}

fn is_gone(status: &Status) -> bool {
    status.code == 410
}

fn unmade(error: kube::core::request::Error) -> Lost {
    Lost::Failed(kube::Error::BuildRequest(error))
}

fn known(version: Version) -> Result<Version, Lost> {
    if version.is_known() { Ok(version) } else { Err(Lost::Incomparable) }
}

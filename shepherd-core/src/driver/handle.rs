use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::Stopped;
use crate::machine::{Command, Ending, Event, Outcome, Refusal, Status};
use crate::model::{Actor, Reason, Revision};

/// Watches and steers a rollout that runs. Cheap to clone; the rollout goes on when all handles are dropped.
///
/// ```no_run
/// # async fn example(running: shepherd_core::driver::Handle) -> Result<(), Box<dyn std::error::Error>> {
/// let me = shepherd_core::model::Actor::new("ada")?;
/// let mut watch = running.watch();
/// while let Some(status) = watch.next().await {
///     println!("{}: {}", status.stage, status.waiting.on);
///     if status.paused.is_some() {
///         running.abort(me.clone(), "nobody is there to look at it").await?;
///     }
/// }
/// println!("{}", running.done().await?.why());
/// # Ok(())
/// # }
/// ```
///
/// A lever answers when what it did survives a crash; taking users off answers as soon as the router has accepted it,
/// if that is sooner. Every call may be dropped at any time: the lever is then pulled or not.
#[derive(Clone)]
pub struct Handle {
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) status: watch::Receiver<Arc<Status>>,
    pub(super) events: broadcast::WeakSender<Arc<Event>>,
    pub(super) first_events: FirstEvents,
    pub(super) end: watch::Receiver<End>,
}

/// A subscription from before the driver's task began, for whoever asks first.
pub(super) type FirstEvents = Arc<Mutex<Option<broadcast::Receiver<Arc<Event>>>>>;

/// What the driver's task tells at its end.
pub(super) type End = Option<Result<Outcome, Stopped>>;

/// What a handle asks of the driver's task. Small: every rollout keeps room for many, and hardly ever needs one.
pub(super) enum Request {
    Lever(Box<Lever>),
    Detach,
}

/// A lever that is pulled, and who waits for what came of it.
pub(super) struct Lever {
    pub(super) by: Actor,
    pub(super) command: Command,
    pub(super) reply: oneshot::Sender<Result<(), Refusal>>,
}

/// Why a lever did nothing.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LeverError {
    /// It does nothing now.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The rollout is not driven any more.
    #[error("the rollout is not driven any more: {0}")]
    Stopped(#[source] Stopped),
    /// The rollout has ended.
    #[error("the rollout has ended: {0}")]
    Ended(Ending),
}

impl Handle {
    /// Where it stands.
    pub fn status(&self) -> Arc<Status> {
        self.status.borrow().clone()
    }

    /// Its status, each time that it changes.
    pub fn watch(&self) -> Watch {
        Watch { status: self.status.clone() }
    }

    /// What happens. Whoever asks first is told from the beginning, as far as the newest 32 events reach; everybody
    /// else from now on.
    pub fn events(&self) -> Events {
        let first = self.first_events.lock().unwrap_or_else(PoisonError::into_inner).take();
        Events { events: first.or_else(|| self.events.upgrade().map(|events| events.subscribe())) }
    }

    /// How it ends. Answers as soon as that is decided and saved; [`done`](Self::done) waits until nothing is left to
    /// do.
    ///
    /// # Errors
    /// [`Stopped`] when it is not driven any more although it has not ended; its state is kept.
    ///
    /// # Cancel safety
    /// May be dropped at any time, and called again.
    pub async fn outcome(&self) -> Result<Outcome, Stopped> {
        let mut end = self.end.clone();
        let gone = || Stopped::Task(Reason::new("it was dropped or it panicked"));
        let ended = end.wait_for(Option::is_some).await.map_err(|_| gone())?;
        ended.clone().unwrap_or_else(|| Err(gone()))
    }

    /// Holds it still; guards stay awake.
    ///
    /// # Errors
    /// [`LeverError`] when that does nothing now.
    pub async fn pause(&self, by: Actor, reason: impl Into<Reason>) -> Result<(), LeverError> {
        self.pull(by, Command::Pause { reason: reason.into() }).await
    }

    /// Lets it go on; a stage that failed is tried again.
    ///
    /// # Errors
    /// [`LeverError`] when that does nothing now.
    pub async fn resume(&self, by: Actor) -> Result<(), LeverError> {
        self.pull(by, Command::Resume).await
    }

    /// Passes over everything that only waits or asks, up to the promotion.
    ///
    /// # Errors
    /// [`LeverError`] when that does nothing now.
    pub async fn promote(&self, by: Actor) -> Result<(), LeverError> {
        self.pull(by, Command::Promote).await
    }

    /// Passes over the present stage, when it only waits or asks.
    ///
    /// # Errors
    /// [`LeverError`] when that does nothing now.
    pub async fn skip(&self, by: Actor) -> Result<(), LeverError> {
        self.pull(by, Command::Skip).await
    }

    /// Approves the present stage.
    ///
    /// # Errors
    /// [`LeverError`] when it asks nobody, or somebody else.
    pub async fn approve(&self, by: Actor) -> Result<(), LeverError> {
        self.pull(by, Command::Approve).await
    }

    /// Ends it: traffic back on stable.
    ///
    /// # Errors
    /// [`LeverError`] when it has ended already.
    pub async fn abort(&self, by: Actor, reason: impl Into<Reason>) -> Result<(), LeverError> {
        self.pull(by, Command::Abort { reason: reason.into() }).await
    }

    /// Takes it back.
    ///
    /// # Errors
    /// [`LeverError`] when it has ended already.
    pub async fn roll_back(&self, by: Actor, reason: impl Into<Reason>) -> Result<(), LeverError> {
        self.pull(by, Command::RollBack { reason: reason.into(), force: false }).await
    }

    /// Takes it back without waiting for stable's capacity or the candidate's last requests.
    ///
    /// # Errors
    /// [`LeverError`] when it has ended already.
    pub async fn force_back(&self, by: Actor, reason: impl Into<Reason>) -> Result<(), LeverError> {
        self.pull(by, Command::RollBack { reason: reason.into(), force: true }).await
    }

    /// Another revision is wanted instead. The outcome's report names it as the next.
    ///
    /// # Errors
    /// [`LeverError`] when it has ended already.
    pub async fn supersede(&self, by: Actor, revision: Revision) -> Result<(), LeverError> {
        self.pull(by, Command::Supersede { revision }).await
    }

    /// Pulls any lever.
    ///
    /// # Errors
    /// [`LeverError`] when that does nothing now.
    ///
    /// # Cancel safety
    /// Dropped, the lever was pulled or not; pulled again it does no harm.
    pub async fn pull(&self, by: Actor, command: Command) -> Result<(), LeverError> {
        let (reply, answer) = oneshot::channel();
        let lever = Request::Lever(Box::new(Lever { by, command, reply }));
        if self.requests.send(lever).await.is_err() {
            return Err(self.ended());
        }
        match answer.await {
            Ok(result) => Ok(result?),
            Err(_) => Err(self.ended()),
        }
    }

    /// How it ended, once nothing is left to do: it was watched for as long as its plan says, people were told, and
    /// the target is free. What the watching found is in the report's [`next`](crate::machine::Report::next).
    ///
    /// # Errors
    /// [`Stopped`] when it is not driven any more although it has not ended; its state is kept.
    ///
    /// # Cancel safety
    /// May be dropped at any time, and called again.
    pub async fn done(&self) -> Result<Outcome, Stopped> {
        self.requests.closed().await;
        self.outcome().await
    }

    /// Stops driving it, and keeps its state for whoever goes on. Nothing outside changes. When it returns, the state
    /// is saved and the target is free; the outcome is [`Stopped::Detached`], or what it ended in meanwhile.
    ///
    /// # Cancel safety
    /// Dropped, it is detached a little later or not at all.
    pub async fn detach(&self) {
        // One that has ended already needs no detaching.
        if self.requests.send(Request::Detach).await.is_ok() {
            self.requests.closed().await;
        }
    }

    /// Whether it is driven now.
    pub(super) fn is_driven(&self) -> bool {
        !self.requests.is_closed()
    }

    fn ended(&self) -> LeverError {
        match &*self.end.borrow() {
            Some(Ok(outcome)) => LeverError::Ended(outcome.ending()),
            Some(Err(stopped)) => LeverError::Stopped(stopped.clone()),
            None => LeverError::Stopped(Stopped::Task(Reason::new("it was dropped or it panicked"))),
        }
    }
}

/// A rollout's status, each time that it changes.
pub struct Watch {
    status: watch::Receiver<Arc<Status>>,
}

impl Watch {
    /// The next status that differs from the last; none when the rollout is not driven any more. Statuses that came
    /// and went in between are passed over. May be dropped at any time.
    pub async fn next(&mut self) -> Option<Arc<Status>> {
        self.status.changed().await.ok()?;
        Some(self.status.borrow_and_update().clone())
    }
}

/// What happens to a rollout.
pub struct Events {
    events: Option<broadcast::Receiver<Arc<Event>>>,
}

impl Events {
    /// The next event; none when the rollout is not driven any more. Who is too slow misses the oldest. May be dropped
    /// at any time.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            match self.events.as_mut()?.recv().await {
                Ok(event) => return Some(Arc::unwrap_or_clone(event)),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status();
        f.debug_struct("Handle")
            .field("rollout", &status.rollout)
            .field("phase", &status.phase)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("rollout", &self.status.borrow().rollout).finish_non_exhaustive()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

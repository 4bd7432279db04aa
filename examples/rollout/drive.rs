//! From the start of a rollout to its end, with everything shown on the way.

use std::time::{Duration, Instant};

use shepherd_core::driver::{Handle, LeverError, Stopped};
use shepherd_core::machine::{Event, Happening, Outcome};
use shepherd_core::model::{Actor, NameError, Timestamp};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::ground::time;
use crate::interrupts::Interrupts;
use crate::traffic::Traffic;
use crate::view::View;
use crate::world::World;

const FRAME: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);

/// How it ended for this process.
pub(crate) enum End {
    Outcome(Outcome),
    Stopped(Stopped),
    /// Ctrl-C, twice.
    Left,
}

pub(crate) struct Drive<'a> {
    handle: Handle,
    world: &'a World,
    view: View,
    traffic: Traffic,
    taken: Instant,
    /// When it was decided to take the candidate back.
    pub(crate) triggered: Option<Timestamp>,
}

impl<'a> Drive<'a> {
    pub(crate) fn new(handle: Handle, world: &'a World, view: View) -> Self {
        Self { handle, world, view, traffic: Traffic::default(), taken: time::now(), triggered: None }
    }

    pub(crate) async fn run(&mut self, interrupts: &mut Interrupts) -> End {
        let (handle, mut events) = (self.handle.clone(), self.handle.events());
        let outcome = handle.outcome();
        tokio::pin!(outcome);
        let mut frames = interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let end = loop {
            tokio::select! {
                biased;
                Some(event) = events.next() => self.note(&event),
                ended = &mut outcome => break ended.map_or_else(End::Stopped, End::Outcome),
                times = interrupts.next() => match times {
                    1 => self.abort(),
                    _ => break self.leave().await,
                },
                _ = frames.tick() => self.frame(),
            }
        };
        self.view.close();
        end
    }

    fn note(&mut self, event: &Event) {
        if matches!(event.what, Happening::Triggered(_)) {
            self.triggered = Some(event.at);
        }
        if matches!(event.what, Happening::Exposed(_)) {
            // What is measured from now on is of one weight.
            self.taken = time::now();
            drop(Traffic::take(self.world, SECOND));
        }
        self.view.event(event);
    }

    fn frame(&mut self) {
        let over = self.taken.elapsed();
        if over >= SECOND {
            self.taken = time::now();
            self.traffic = Traffic::take(self.world, over);
        }
        self.view.show(&self.handle.status(), &self.traffic);
    }

    /// Not waited for: what comes of it is seen as everything else is.
    fn abort(&mut self) {
        self.view.say(
            "asked to end: traffic goes back to stable, if it is not promoted yet; once more leaves at once",
        );
        let handle = self.handle.clone();
        tokio::spawn(async move {
            if let Ok(by) = user() {
                log(handle.abort(by, "asked to end").await);
            }
        });
    }

    /// What was decided is kept, if that takes no longer than a moment. What is not kept is decided again later.
    async fn leave(&mut self) -> End {
        let detached = async {
            self.handle.detach().await;
            self.handle.outcome().await
        };
        match timeout(SECOND, detached).await {
            Ok(Ok(outcome)) => End::Outcome(outcome),
            Ok(Err(_)) | Err(_) => End::Left,
        }
    }
}

/// Who sits at the keyboard, as far as that is known.
fn user() -> Result<Actor, NameError> {
    let name = std::env::var("USER").unwrap_or_default();
    Actor::new(name).or_else(|_| Actor::new("somebody"))
}

/// An abort that comes too late is refused, and the outcome says more than the refusal.
fn log(pulled: Result<(), LeverError>) {
    if let Err(refused) = pulled {
        tracing::debug!(%refused, "the abort did nothing");
    }
}

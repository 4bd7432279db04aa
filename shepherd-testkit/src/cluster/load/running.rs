use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::builder::Load;
use super::connection::Connection;
use super::tally::Tally;

/// Users who are at it. Dropped, they stop.
#[derive(Debug)]
pub struct RunningLoad {
    tally: Arc<Mutex<Tally>>,
    stop: watch::Sender<bool>,
    users: JoinSet<()>,
}

impl RunningLoad {
    pub(super) fn start(load: Load) -> Self {
        let load = Arc::new(load);
        let (stop, stopped) = watch::channel(false);
        let tally = Arc::new(Mutex::new(Tally::default()));
        let sent = Arc::new(AtomicU64::new(0));
        let mut users = JoinSet::new();
        let begun = Instant::now();
        for number in 0..load.users {
            let user = User {
                load: Arc::clone(&load),
                tally: Arc::clone(&tally),
                sent: Arc::clone(&sent),
                stopped: stopped.clone(),
                begun,
            };
            users.spawn(user.ask(number));
        }
        Self { tally, stop, users }
    }

    /// What has been counted until now.
    pub fn so_far(&self) -> Tally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// No more requests; those under way are waited for and counted.
    pub async fn stop(self) -> Tally {
        self.stop.send_replace(true);
        self.finished().await
    }

    pub(super) async fn finished(mut self) -> Tally {
        while self.users.join_next().await.is_some() {}
        self.so_far()
    }
}

struct User {
    load: Arc<Load>,
    tally: Arc<Mutex<Tally>>,
    sent: Arc<AtomicU64>,
    stopped: watch::Receiver<bool>,
    begun: Instant,
}

impl User {
    async fn ask(mut self, number: usize) {
        let mut connection = Connection::default();
        let mut turns = self.turns(number);
        loop {
            if self.load.limit.is_none() {
                tokio::select! {
                    biased;
                    _ = self.stopped.wait_for(|stopped| *stopped) => return,
                    _ = turns.tick() => {}
                }
            }
            if self.load.limit.is_some_and(|limit| self.sent.fetch_add(1, Ordering::Relaxed) >= limit) {
                return;
            }
            self.ask_once(&mut connection).await;
        }
    }

    async fn ask_once(&self, connection: &mut Connection) {
        let asked = Instant::now();
        let answer = timeout(self.load.patience, connection.ask(&self.load)).await;
        let answer = answer.unwrap_or_else(|_| {
            // What comes late belongs to nobody.
            *connection = Connection::default();
            Err(format!("no answer within {:?}", self.load.patience))
        });
        let now = Instant::now();
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.add(answer, now - self.begun, now - asked);
    }

    /// The users take turns, evenly. Who was late does not hurry afterwards.
    fn turns(&self, number: usize) -> tokio::time::Interval {
        #[allow(clippy::cast_precision_loss, reason = "users are few")]
        let (users, number) = (self.load.users as f64, number as f64);
        let between = Duration::from_secs_f64(users / self.load.rate);
        let mut turns = interval_at(self.begun + between.mul_f64(number / users), between);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        turns
    }
}

use std::time::{Duration, Instant};

use shepherd_core::machine::Status;

use super::text;
use crate::ground::time;
use crate::out::Out;
use crate::traffic::Traffic;

/// One line for each event and each second.
pub(crate) struct Plain {
    out: Out,
    begun: Instant,
    shown: Instant,
}

const EVERY: Duration = Duration::from_secs(1);

impl Plain {
    pub(super) fn on(out: Out) -> Self {
        Self { out, begun: time::now(), shown: time::now() }
    }

    pub(super) fn say(&self, what: &str) {
        self.out.line(format!("{}  {what}", text::stamp(self.begun)));
    }

    pub(super) fn show(&mut self, status: &Status, traffic: &Traffic) {
        if self.shown.elapsed() < EVERY {
            return;
        }
        self.shown = time::now();
        let lines = [text::stage(status), text::split(status, traffic), text::tracks(status, traffic)];
        let guards = status.guards.iter().filter(|guard| guard.active).map(text::guard);
        let line: Vec<String> = lines.into_iter().chain(guards).collect();
        self.say(&line.join(" | "));
    }
}

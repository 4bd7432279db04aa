//! What people see while it runs: lines that move on a terminal, lines that stay elsewhere.

mod live;
mod plain;
mod text;

use shepherd_core::machine::{Event, Status};

use crate::out::Out;
use crate::traffic::Traffic;

pub(crate) enum View {
    Live(live::Live),
    Plain(plain::Plain),
}

impl View {
    pub(crate) fn on(out: Out) -> Self {
        if out.can_move() { View::Live(live::Live::on(out)) } else { View::Plain(plain::Plain::on(out)) }
    }

    /// Something happened.
    pub(crate) fn event(&mut self, event: &Event) {
        self.say(&event.what.to_string());
    }

    pub(crate) fn say(&mut self, what: &str) {
        match self {
            View::Live(live) => live.say(what),
            View::Plain(plain) => plain.say(what),
        }
    }

    /// How it stands; `traffic` is of the last second.
    pub(crate) fn show(&mut self, status: &Status, traffic: &Traffic) {
        match self {
            View::Live(live) => live.show(status, traffic),
            View::Plain(plain) => plain.show(status, traffic),
        }
    }

    /// Nothing moves any more.
    pub(crate) fn close(&mut self) {
        if let View::Live(live) = self {
            live.close();
        }
    }
}

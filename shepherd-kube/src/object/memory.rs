use std::sync::Arc;

use serde_json::Value;

use crate::watch::{Age, Version};

/// What an adapter remembers of an object: what it was, and whether it is known what became of the writes.
#[derive(Default)]
pub(super) struct Memory {
    seen: Option<Arc<Value>>,
    age: Option<Age>,
    /// How many writes were begun.
    begun: u64,
    /// The last of them after which the server has told what is there. A write may be dropped at any time, and be done
    /// all the same.
    known: u64,
}

impl Memory {
    /// The server is asked what is there. Answers what to tell with the answer.
    pub(super) fn asks(&self) -> u64 {
        self.begun
    }

    /// So it was, when it was asked.
    pub(super) fn reads(&mut self, asked: u64, found: Option<Arc<Value>>) {
        self.known = self.known.max(asked);
        if let Some(object) = found {
            self.sees(object);
        }
    }

    /// A write begins. Answers what to tell with its answer.
    pub(super) fn writes(&mut self) -> u64 {
        self.begun += 1;
        self.begun
    }

    /// The write was accepted, and made it this.
    pub(super) fn wrote(&mut self, write: u64, object: Arc<Value>) {
        self.known = self.known.max(write);
        self.sees(object);
    }

    /// Since when the spec of what was read is so, as far as is known here.
    pub(super) fn since(&self, object: &Value) -> Version {
        let age = Age::of(object);
        self.age.map_or(age, |before| age.later_than(before)).since
    }

    fn sees(&mut self, object: Arc<Value>) {
        let age = Age::of(&object);
        self.age = Some(self.age.map_or(age, |before| age.later_than(before)));
        self.seen = Some(object);
    }

    pub(super) fn is_sure(&self) -> bool {
        self.known == self.begun
    }

    pub(super) fn remembers(&self) -> Option<Arc<Value>> {
        self.seen.clone()
    }

    pub(super) fn forgets(&mut self) {
        self.seen = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_without_an_answer_is_known_once_it_was_read_after_it() {
        let mut memory = Memory::default();
        let before = memory.asks();
        let write = memory.writes();
        assert!(!memory.is_sure());
        memory.reads(before, None);
        assert!(!memory.is_sure(), "it was asked before the write");
        memory.reads(memory.asks(), None);
        assert!(memory.is_sure());
        memory.writes();
        memory.wrote(write, Arc::default());
        assert!(!memory.is_sure(), "that was the answer of another one");
    }
}

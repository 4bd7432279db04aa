use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shepherd_core::model::Failure;

/// One call of a fake: what it was asked, and what it shall answer. Clones share both.
#[derive(Debug)]
pub struct Script<Question, Answer> {
    lines: Arc<Mutex<Lines<Question, Answer>>>,
}

#[derive(Debug)]
struct Lines<Question, Answer> {
    asked: Vec<Question>,
    next: VecDeque<Result<Answer, Failure>>,
    always: Option<Result<Answer, Failure>>,
}

impl<Question: Clone, Answer: Clone> Script<Question, Answer> {
    /// Lines up an answer.
    pub fn then(&self, answer: Result<Answer, Failure>) -> &Self {
        self.lines().next.push_back(answer);
        self
    }

    /// What it answers instead of the usual when nothing is lined up.
    pub fn always(&self, answer: Result<Answer, Failure>) -> &Self {
        self.lines().always = Some(answer);
        self
    }

    /// What it was asked, in order.
    pub fn asked(&self) -> Vec<Question> {
        self.lines().asked.clone()
    }

    /// Remembers the question and answers it.
    pub(super) fn answer(
        &self,
        question: Question,
        usual: impl FnOnce() -> Answer,
    ) -> Result<Answer, Failure> {
        let mut lines = self.lines();
        lines.asked.push(question);
        let told = lines.next.pop_front().or_else(|| lines.always.clone());
        told.unwrap_or_else(|| Ok(usual()))
    }

    fn lines(&self) -> MutexGuard<'_, Lines<Question, Answer>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Question, Answer> Clone for Script<Question, Answer> {
    fn clone(&self) -> Self {
        Self { lines: self.lines.clone() }
    }
}

impl<Question, Answer> Default for Script<Question, Answer> {
    fn default() -> Self {
        let lines = Lines { asked: Vec::new(), next: VecDeque::new(), always: None };
        Self { lines: Arc::new(Mutex::new(lines)) }
    }
}

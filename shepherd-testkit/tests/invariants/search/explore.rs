//! The search itself: breadth first, until nothing new is left.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt::{self, Write as _};

use shepherd_core::machine::{Ending, Outcome};
use shepherd_core::plan::Plan;

use super::luck::Luck;
use super::moves::Move;
use super::node::Node;

/// Every state that can be reached.
pub(super) struct Explored {
    plan: Plan,
    luck: Luck,
    states: Vec<State>,
    numbers: HashMap<u64, usize>,
    queue: VecDeque<(usize, Node)>,
    /// Whether two states that are taken for the same are looked at both.
    doubts: bool,
    doubted: Vec<(usize, Futures)>,
    moves: usize,
    deepest: usize,
}

/// The canonical numbers of what can follow.
type Futures = BTreeSet<u64>;

struct State {
    /// How it was first come to.
    from: Option<(usize, Move)>,
    depth: usize,
    /// It has ended so.
    ended: Option<Ending>,
    /// It waits for a person.
    held: bool,
    /// What can follow without bad luck.
    follows: Vec<usize>,
    /// What can follow at all, where that is doubted.
    futures: Futures,
}

impl State {
    fn rests(&self) -> bool {
        self.ended.is_some() || self.held
    }
}

impl Explored {
    /// Looks at all that can happen to a plan.
    pub(super) fn of(plan: &Plan, luck: Luck) -> Self {
        Self::all(plan, luck, false)
    }

    /// The same, and whatever is taken for a state that was met before must have the same future as that one.
    pub(super) fn doubting(plan: &Plan, luck: Luck) -> Self {
        Self::all(plan, luck, true)
    }

    fn all(plan: &Plan, luck: Luck, doubts: bool) -> Self {
        let mut explored = Self {
            plan: plan.clone(),
            luck,
            states: Vec::new(),
            numbers: HashMap::new(),
            queue: VecDeque::new(),
            doubts,
            doubted: Vec::new(),
            moves: 0,
            deepest: 0,
        };
        let first = Node::start(plan.clone(), luck);
        explored.meet(first.canonical(), first, None);
        while let Some((number, node)) = explored.queue.pop_front() {
            explored.expand(number, &node);
        }
        explored.all_can_end();
        explored.nothing_was_mistaken();
        explored
    }

    pub(super) fn states(&self) -> usize {
        self.states.len()
    }

    pub(super) fn promoted(&self) -> usize {
        self.ended(|ending| ending == Ending::Promoted)
    }

    pub(super) fn taken_back(&self) -> usize {
        self.ended(|ending| matches!(ending, Ending::RolledBack | Ending::Aborted))
    }

    fn ended(&self, so: impl Fn(Ending) -> bool) -> usize {
        self.states.iter().filter(|state| state.ended.is_some_and(&so)).count()
    }

    /// How many states were looked at, although they were taken for others.
    pub(super) fn doubted(&self) -> usize {
        self.doubted.len()
    }

    fn expand(&mut self, number: usize, node: &Node) {
        if !node.can_be_aborted() {
            self.wrong("5: an abort is refused", number, None);
        }
        for happens in node.moves() {
            self.moves += 1;
            match node.after(&happens) {
                Ok((next, _)) => self.follow(number, node.luck, happens, next),
                Err(wrong) => self.wrong(&wrong, number, Some(&happens)),
            }
        }
    }

    fn follow(&mut self, number: usize, luck: Luck, happens: Move, next: Node) {
        let (canonical, free) = (next.canonical(), next.luck == luck);
        let to = self.meet(canonical, next, Some((number, happens)));
        if free {
            self.states[number].follows.push(to);
        }
        if self.doubts {
            self.states[number].futures.insert(canonical);
        }
    }

    fn meet(&mut self, canonical: u64, node: Node, from: Option<(usize, Move)>) -> usize {
        let new = self.states.len();
        let number = *self.numbers.entry(canonical).or_insert(new);
        if number < new {
            if self.doubts {
                self.doubted.push((number, futures(&node)));
            }
            return number;
        }
        let depth = from.as_ref().map_or(0, |(before, _)| self.states[*before].depth + 1);
        let ended = node.machine.outcome().filter(|_| node.machine.is_done()).map(Outcome::ending);
        let held = node.machine.status().paused.is_some();
        self.deepest = self.deepest.max(depth);
        self.states.push(State { from, depth, ended, held, follows: Vec::new(), futures: Futures::new() });
        self.queue.push_back((new, node));
        new
    }

    /// Two states that are taken for the same can do the same.
    fn nothing_was_mistaken(&self) {
        for (number, futures) in &self.doubted {
            if *futures != self.states[*number].futures {
                self.wrong("another state is taken for this one, and its future is another", *number, None);
            }
        }
    }

    /// From wherever it has come to, it can end, or come to wait for a person, without further bad luck.
    fn all_can_end(&self) {
        let mut before = vec![Vec::new(); self.states.len()];
        for (number, state) in self.states.iter().enumerate() {
            for follows in &state.follows {
                before[*follows].push(number);
            }
        }
        let mut left: Vec<usize> =
            (0..self.states.len()).filter(|number| self.states[*number].rests()).collect();
        let mut ends = vec![false; self.states.len()];
        while let Some(number) = left.pop() {
            if !std::mem::replace(&mut ends[number], true) {
                left.extend(&before[number]);
            }
        }
        if let Some(number) = ends.iter().position(|ends| !ends) {
            self.wrong("8: no end can be reached any more", number, None);
        }
    }

    /// Tells how it came to that.
    fn wrong(&self, wrong: &str, number: usize, then: Option<&Move>) -> ! {
        let mut moves: Vec<&Move> = then.into_iter().collect();
        let mut state = &self.states[number];
        while let Some((before, happens)) = &state.from {
            moves.push(happens);
            state = &self.states[*before];
        }
        moves.reverse();
        panic!("{wrong}\n{}", self.tell(&moves));
    }

    fn tell(&self, moves: &[&Move]) -> String {
        let (mut node, mut text) = (Node::start(self.plan.clone(), self.luck), String::new());
        for happens in moves {
            let at = (node.now - shepherd_core::model::Elapsed::ZERO).as_millis();
            write!(text, "{at:>6} ms  {}", node.describe(happens)).unwrap();
            if let Ok((next, told)) = node.after(happens) {
                for event in told.iter().flat_map(|told| &told.events) {
                    write!(text, " * {}", event.what).unwrap();
                }
                for effect in told.iter().flat_map(|told| &told.fresh) {
                    write!(text, " > {effect}").unwrap();
                }
                node = next;
            }
            text.push('\n');
        }
        text
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (states, moves, deepest) = (self.states(), self.moves, self.deepest);
        let (promoted, back) = (self.promoted(), self.taken_back());
        write!(f, "{states} states, {moves} moves, at most {deepest} from the start; ")?;
        write!(f, "{promoted} ends are promoted, {back} taken back")
    }
}

fn futures(node: &Node) -> Futures {
    node.moves().iter().map(|happens| node.after(happens).map_or(0, |(next, _)| next.canonical())).collect()
}

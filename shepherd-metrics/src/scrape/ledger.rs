//! Keeps the books: what all endpoints of a track have counted together since the source began.

use std::collections::HashMap;

use shepherd_core::model::{Timestamp, Track};

use super::address::Address;
use super::both::Both;
use super::catalogue::Catalogue;
use super::failure::ScrapeFailure;
use super::memory::{Growth, Memory};
use super::page::Page;
use super::total::Total;

/// An endpoint that has not been listed for this many rounds is forgotten. Until then a pod whose readiness flaps
/// goes on from where it was.
const ABSENT_ROUNDS: u64 = 512;

/// Running totals per track, and what they were made from.
///
/// Totals only grow, so the increment between two looks is the difference of two copies, however many endpoints came
/// and went in between.
#[derive(Debug)]
pub(crate) struct Ledger {
    catalogue: Catalogue,
    totals: Both<Totals>,
    endpoints: Both<HashMap<Address, Entry>>,
    round: u64,
    /// When endpoints were first listed. Those that are listed later may have come up while the source was watching.
    began: Option<Timestamp>,
}

#[derive(Debug, Clone)]
struct Entry {
    memory: Memory,
    last_listed: u64,
}

/// Everything counted on one track so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Totals {
    /// By their place in the catalogue.
    pub(crate) grown: Vec<Total>,
    pub(crate) restarts: u64,
    pub(crate) health: Health,
}

/// Scrapes as health checks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Health {
    pub(crate) scrapes: u64,
    pub(crate) failures: u64,
}

/// What became of one endpoint in a round.
#[derive(Debug)]
pub(crate) struct Scraped {
    pub(crate) track: Track,
    /// None if the list held what is no URL.
    pub(crate) address: Option<Address>,
    /// How many pages of it the ledger had when this scrape began.
    pub(crate) pages_before: u64,
    pub(crate) outcome: Result<Page, ScrapeFailure>,
}

/// What a round found on one track that is not a matter of growth.
#[derive(Debug, Default)]
pub(crate) struct Present {
    pub(crate) listed: usize,
    pub(crate) answered: usize,
    /// By their place in the catalogue.
    pub(crate) gauges: Vec<Vec<f64>>,
    /// Whether any page had such a series, by their place in the catalogue.
    pub(crate) has_grown: Vec<bool>,
    pub(crate) tells_start: bool,
}

impl Ledger {
    pub(crate) fn new(catalogue: Catalogue) -> Self {
        let empty = Totals { grown: vec![Total::default(); catalogue.grown().len()], ..Totals::default() };
        Self {
            catalogue,
            totals: Both::from_fn(|_| empty.clone()),
            endpoints: Both::default(),
            round: 0,
            began: None,
        }
    }

    pub(crate) fn totals(&self) -> &Both<Totals> {
        &self.totals
    }

    /// How many pages of the endpoint are in the books already.
    pub(crate) fn pages_of(&self, track: Track, address: &Address) -> u64 {
        let (own, other) = self.endpoints.split(track);
        own.get(address).or_else(|| other.get(address)).map_or(0, |entry| entry.memory.pages())
    }

    /// Enters a whole round at once, so that both tracks are always counted over the same time.
    pub(crate) fn enter(&mut self, round: Vec<Scraped>, now: Timestamp) -> Both<Present> {
        self.round += 1;
        let begins = !round.is_empty();
        let mut present = Both::from_fn(|_| Present::nothing(&self.catalogue));
        for scraped in round {
            self.enter_one(scraped, &mut present);
        }
        self.began = self.began.or(begins.then_some(now));
        let oldest = self.round.saturating_sub(ABSENT_ROUNDS);
        for track in Track::BOTH {
            self.endpoints.of_mut(track).retain(|_, entry| entry.last_listed >= oldest);
        }
        present
    }

    fn enter_one(&mut self, scraped: Scraped, present: &mut Both<Present>) {
        let Scraped { track, address, pages_before, outcome } = scraped;
        let present = present.of_mut(track);
        present.listed += 1;
        let health = &mut self.totals.of_mut(track).health;
        health.scrapes += 1;
        health.failures += u64::from(outcome.is_err());
        // Remembered even if it failed: known from the start is known from the start.
        let memory = address.map(|address| self.remember(track, address));
        let (Some(memory), Ok(page)) = (memory, outcome) else { return };
        present.note(&page);
        // Another round was faster. Its page may be newer than this one, whose counters would then look reset.
        if memory.pages() == pages_before {
            let growth = memory.take_in(page);
            self.totals.of_mut(track).add(&growth);
        }
    }

    fn remember(&mut self, track: Track, address: Address) -> &mut Memory {
        let (own, other) = self.endpoints.split_mut(track);
        // A pod that changes sides, as all do that are promoted by a switch, does not bring its past along.
        let moved = other.get(&address);
        let entry = own.entry(address).or_insert_with(|| Entry {
            memory: match moved {
                Some(entry) => entry.memory.clone(),
                None => Memory::new(&self.catalogue, self.began),
            },
            last_listed: self.round,
        });
        entry.last_listed = self.round;
        &mut entry.memory
    }
}

impl Present {
    fn nothing(catalogue: &Catalogue) -> Self {
        let (grown, gauges) = (catalogue.grown().len(), catalogue.gauges().len());
        Self { has_grown: vec![false; grown], gauges: vec![Vec::new(); gauges], ..Self::default() }
    }

    fn note(&mut self, page: &Page) {
        self.answered += 1;
        self.tells_start |= page.started.is_some();
        for (all, found) in self.gauges.iter_mut().zip(&page.gauges) {
            all.extend(found);
        }
        for (has, found) in self.has_grown.iter_mut().zip(&page.grown) {
            *has |= !found.is_empty();
        }
    }
}

impl Totals {
    fn add(&mut self, growth: &Growth) {
        for (total, grown) in self.grown.iter_mut().zip(&growth.grown) {
            for one in grown {
                total.add(one);
            }
        }
        self.restarts += u64::from(growth.restarted);
    }

    /// Whether more than health checks was counted since `earlier`.
    pub(crate) fn grew_since(&self, earlier: &Self) -> bool {
        self.grown != earlier.grown || self.restarts != earlier.restarts
    }
}

impl Health {
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { scrapes: self.scrapes - earlier.scrapes, failures: self.failures - earlier.failures }
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "whole numbers are exact")]
mod tests {
    use proptest::prelude::*;

    use super::super::selector::Selector;
    use super::*;

    struct Books {
        catalogue: Catalogue,
        ledger: Ledger,
    }

    impl Books {
        fn new() -> Self {
            let mut catalogue = Catalogue::new(Selector::metric("start"));
            catalogue.counter(&Selector::metric("hits"));
            Self { ledger: Ledger::new(catalogue.clone()), catalogue }
        }

        fn scraped(&self, track: Track, pod: &str, page: Option<&str>) -> Scraped {
            let address = Address::parse(&format!("http://{pod}/metrics")).unwrap();
            let outcome =
                page.map(|text| Page::read(text, &self.catalogue).unwrap()).ok_or(ScrapeFailure::TooLarge(1));
            Scraped {
                track,
                pages_before: self.ledger.pages_of(track, &address),
                address: Some(address),
                outcome,
            }
        }

        fn round(&mut self, stable: &[(&str, Option<&str>)]) -> f64 {
            let round = stable.iter().map(|(pod, page)| self.scraped(Track::Stable, pod, *page)).collect();
            self.ledger.enter(round, Timestamp::default());
            self.hits(Track::Stable)
        }

        fn hits(&self, track: Track) -> f64 {
            self.ledger.totals().of(track).grown[0].merged().map_or(-1.0, |sum| sum.total())
        }
    }

    #[test]
    fn a_vanished_endpoint_keeps_what_it_counted() {
        let mut books = Books::new();
        books.round(&[("a", Some("hits 100\n")), ("b", Some("hits 100\n"))]);
        assert_eq!(books.round(&[("a", Some("hits 101\n")), ("b", Some("hits 107\n"))]), 8.0);
        assert_eq!(books.round(&[("a", Some("hits 102\n"))]), 9.0);
    }

    #[test]
    fn an_endpoint_that_returns_goes_on_from_where_it_was() {
        let mut books = Books::new();
        books.round(&[("a", Some("hits 100\n")), ("b", Some("hits 100\n"))]);
        books.round(&[("a", Some("hits 100\n"))]);
        assert_eq!(books.round(&[("b", Some("hits 105\n"))]), 5.0);
    }

    #[test]
    fn a_pod_that_came_up_later_counts_from_zero() {
        let mut books = Books::new();
        books.round(&[("a", Some("hits 100\n"))]);
        assert_eq!(books.round(&[("a", Some("hits 100\n")), ("b", Some("hits 4\n"))]), 4.0);
    }

    #[test]
    fn a_pod_known_from_the_start_has_a_past_even_if_it_answered_late() {
        let mut books = Books::new();
        books.round(&[("a", Some("hits 100\n")), ("b", None)]);
        assert_eq!(books.round(&[("a", Some("hits 100\n")), ("b", Some("hits 5000\n"))]), 0.0);
    }

    #[test]
    fn rounds_without_endpoints_begin_nothing() {
        let mut books = Books::new();
        books.round(&[]);
        assert_eq!(books.round(&[("a", Some("hits 100\n"))]), 0.0);
    }

    #[test]
    fn a_pod_that_changes_sides_leaves_its_past_behind() {
        let mut books = Books::new();
        books.round(&[("a", Some("hits 100\n"))]);
        let moved = books.scraped(Track::Candidate, "a", Some("hits 103\n"));
        books.ledger.enter(vec![moved], Timestamp::default());
        assert_eq!((books.hits(Track::Stable), books.hits(Track::Candidate)), (0.0, 3.0));
    }

    #[test]
    fn a_page_that_was_overtaken_is_no_reset() {
        let mut books = Books::new();
        books.round(&[("a", Some("hits 100\n"))]);
        let slow = books.scraped(Track::Stable, "a", Some("hits 104\n"));
        books.round(&[("a", Some("hits 109\n"))]);
        books.ledger.enter(vec![slow], Timestamp::default());
        assert_eq!(books.hits(Track::Stable), 9.0);
        assert_eq!(books.round(&[("a", Some("hits 110\n"))]), 10.0);
    }

    #[test]
    fn every_scrape_is_a_health_check() {
        let mut books = Books::new();
        books.round(&[("a", Some("hits 1\n")), ("b", None)]);
        books.round(&[("a", None), ("b", None)]);
        assert_eq!(books.ledger.totals().of(Track::Stable).health, Health { scrapes: 4, failures: 3 });
    }

    #[test]
    fn the_long_absent_are_forgotten() {
        let mut books = Books::new();
        books.round(&[("a", Some("hits 1\n"))]);
        for _ in 0..=ABSENT_ROUNDS {
            books.round(&[]);
        }
        assert!(books.ledger.endpoints.of(Track::Stable).is_empty());
    }

    /// What one pod does between two rounds, and whether it is listed and answers then.
    #[derive(Debug, Clone, Copy)]
    struct Turn {
        hits: u32,
        listed: bool,
        answers: bool,
    }

    fn turn() -> impl Strategy<Value = Turn> {
        (0..50_u32, any::<bool>(), any::<bool>()).prop_map(|(hits, listed, answers)| Turn {
            hits,
            listed,
            answers,
        })
    }

    proptest! {
        /// However often pods vanish, return or fail to answer, once all have answered everything is counted once.
        #[test]
        fn nothing_is_lost_and_nothing_counts_twice(turns in prop::collection::vec([turn(), turn(), turn()], 1..12)) {
            const PODS: [&str; 3] = ["a", "b", "c"];
            let mut books = Books::new();
            let mut hits = [1000_u32; 3];
            let round = |books: &mut Books, hits: &[u32; 3], turns: &[Turn; 3]| {
                let pages = hits.map(|hits| format!("hits {hits}\n"));
                let listed = (0..3).filter(|pod| turns[*pod].listed);
                let scrapes: Vec<_> =
                    listed.map(|pod| (PODS[pod], turns[pod].answers.then_some(pages[pod].as_str()))).collect();
                books.round(&scrapes)
            };
            let all = [Turn { hits: 0, listed: true, answers: true }; 3];
            round(&mut books, &hits, &all);
            let mut before = 0.0;
            for turns in &turns {
                for (hits, turn) in hits.iter_mut().zip(turns) {
                    *hits += turn.hits;
                }
                let counted = round(&mut books, &hits, turns);
                prop_assert!(counted >= before, "totals only grow");
                before = counted;
            }
            let truth: u32 = hits.iter().map(|hits| hits - 1000).sum();
            prop_assert_eq!(round(&mut books, &hits, &all), f64::from(truth));
        }
    }
}

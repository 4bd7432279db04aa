//! What is remembered of one endpoint between scrapes.

use std::collections::HashMap;
use std::time::Duration;

use shepherd_core::model::Timestamp;

use super::catalogue::Catalogue;
use super::cumulative::Cumulative;
use super::page::{Page, SeriesKey};

/// A page may leave a series out for this many scrapes before it is forgotten. Until then it goes on from where it
/// was: a page that was cut short at the end of a line must not make a whole past look new.
const MISSES: u8 = 8;

/// The clock of a machine may be corrected by a second, which moves the start of its processes.
const START_JITTER: f64 = 1.0;

/// Tells growth from history for one endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    /// Since when the source had been watching when it first heard of this endpoint; none if it began with it.
    watched_since: Option<Timestamp>,
    pages: u64,
    series: Vec<HashMap<SeriesKey, Seen>>,
    started: Option<f64>,
}

#[derive(Debug, Clone)]
struct Seen {
    value: Cumulative,
    misses: u8,
}

/// What a page adds to what was known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Growth {
    /// By their place in the catalogue; a series that did not grow is there with zeros.
    pub(crate) grown: Vec<Vec<Cumulative>>,
    pub(crate) restarted: bool,
}

impl Memory {
    pub(crate) fn new(catalogue: &Catalogue, watched_since: Option<Timestamp>) -> Self {
        let series = catalogue.grown().iter().map(|_| HashMap::new()).collect();
        Self { watched_since, pages: 0, series, started: None }
    }

    /// How many pages were taken in, which tells whether another scrape was faster.
    pub(crate) fn pages(&self) -> u64 {
        self.pages
    }

    pub(crate) fn take_in(&mut self, page: Page) -> Growth {
        let past_unknown = self.pages == 0 && !self.is_young(page.started);
        let shrank = self.shrank(&page);
        let restarted = self.restarted(page.started, shrank);
        let lost = restarted || shrank;
        let mut growth = Growth { grown: Vec::new(), restarted };
        for (known, found) in self.series.iter_mut().zip(page.grown) {
            growth.grown.push(grow(known, &found, past_unknown, restarted));
            remember(known, found, lost);
        }
        self.pages += 1;
        self.started = page.started.or(self.started);
        growth
    }

    /// Whether the process came up while the source was watching, so that its first page counts in full. Where the
    /// page does not say, being listed late is taken for it; where it does, a list that was slow does no harm.
    fn is_young(&self, started: Option<f64>) -> bool {
        let Some(since) = self.watched_since else { return false };
        started.is_none_or(|seconds| {
            Duration::try_from_secs_f64(seconds).is_ok_and(|at| Timestamp::default() + at >= since)
        })
    }

    /// A process that dies within its first second is told from a corrected clock by what it no longer counts.
    fn restarted(&self, started: Option<f64>, shrank: bool) -> bool {
        let (Some(before), Some(now)) = (self.started, started) else { return false };
        now > before + if shrank { 0.0 } else { START_JITTER }
    }

    fn shrank(&self, page: &Page) -> bool {
        self.series.iter().zip(&page.grown).any(|(known, found)| {
            found
                .iter()
                .any(|(key, value)| known.get(key).is_some_and(|seen| value.was_reset_since(&seen.value)))
        })
    }
}

fn grow(
    known: &HashMap<SeriesKey, Seen>,
    found: &HashMap<SeriesKey, Cumulative>,
    past_unknown: bool,
    restarted: bool,
) -> Vec<Cumulative> {
    let growth = |(key, value): (&SeriesKey, &Cumulative)| match known.get(key) {
        _ if past_unknown => value.zero_like(),
        Some(seen) if !restarted => value.since(&seen.value),
        // A series that is late, or of a new process, began at zero.
        _ => value.clone(),
    };
    found.iter().map(growth).collect()
}

/// `lost`: the process began anew, so what is missing now will begin at zero, too.
fn remember(known: &mut HashMap<SeriesKey, Seen>, found: HashMap<SeriesKey, Cumulative>, lost: bool) {
    known.retain(|_, seen| {
        seen.misses += 1;
        !lost && seen.misses <= MISSES
    });
    known.extend(found.into_iter().map(|(key, value)| (key, Seen { value, misses: 0 })));
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "whole numbers are exact")]
mod tests {
    use super::super::selector::Selector;
    use super::*;

    struct Endpoint {
        catalogue: Catalogue,
        memory: Memory,
    }

    impl Endpoint {
        /// Listed from the start on.
        fn old() -> Self {
            Self::new(None)
        }

        /// Listed when the source had been watching since second 1000.
        fn late() -> Self {
            Self::new(Some(Timestamp::from_millis(1_000_000)))
        }

        fn new(watched_since: Option<Timestamp>) -> Self {
            let mut catalogue = Catalogue::new(Selector::metric("start"));
            catalogue.counter(&Selector::metric("hits"));
            let memory = Memory::new(&catalogue, watched_since);
            Self { catalogue, memory }
        }

        fn take_in(&mut self, text: &str) -> Growth {
            self.memory.take_in(Page::read(text, &self.catalogue).unwrap())
        }

        fn hits(&mut self, text: &str) -> f64 {
            self.take_in(text).grown[0].iter().map(Cumulative::total).sum()
        }
    }

    #[test]
    fn the_first_page_is_history_unless_its_pod_is_young() {
        assert_eq!(Endpoint::old().hits("hits 100\n"), 0.0);
        assert_eq!(Endpoint::late().hits("hits 100\n"), 100.0);
        assert_eq!(Endpoint::late().hits("hits 100\nstart 1001\n"), 100.0);
    }

    #[test]
    fn an_old_pod_that_is_listed_late_still_has_a_past() {
        let mut endpoint = Endpoint::late();
        assert_eq!(endpoint.hits("hits 5000\nstart 20\n"), 0.0);
        assert_eq!(endpoint.hits("hits 5003\nstart 20\n"), 3.0);
    }

    #[test]
    fn a_late_series_counts_from_zero() {
        let mut endpoint = Endpoint::old();
        endpoint.hits("hits{code=\"200\"} 100\n");
        assert_eq!(endpoint.hits("hits{code=\"200\"} 110\nhits{code=\"500\"} 7\n"), 17.0);
    }

    #[test]
    fn a_drop_counts_the_new_value_of_that_series_alone() {
        let mut endpoint = Endpoint::old();
        endpoint.hits("hits{p=\"a\"} 100\nhits{p=\"b\"} 50\n");
        assert_eq!(endpoint.hits("hits{p=\"a\"} 3\nhits{p=\"b\"} 51\n"), 4.0);
    }

    #[test]
    fn a_new_start_time_resets_even_what_did_not_drop() {
        let mut endpoint = Endpoint::old();
        endpoint.hits("hits 10\nstart 1000\n");
        let growth = endpoint.take_in("hits 12\nstart 1060.5\n");
        assert!(growth.restarted);
        assert_eq!(growth.grown[0][0].total(), 12.0);
        assert!(!endpoint.take_in("hits 13\nstart 1061.4\n").restarted);
    }

    #[test]
    fn a_process_that_dies_at_once_has_restarted() {
        let mut endpoint = Endpoint::old();
        endpoint.hits("hits 10\nstart 1000.1\n");
        assert!(endpoint.take_in("hits 2\nstart 1000.6\n").restarted);
        assert!(!endpoint.take_in("hits 1\nstart 1000.6\n").restarted);
    }

    #[test]
    fn a_series_left_out_once_goes_on_from_where_it_was() {
        let mut endpoint = Endpoint::old();
        endpoint.hits("hits{c=\"1\"} 1000\nhits{c=\"2\"} 1\n");
        endpoint.hits("hits{c=\"2\"} 1\n");
        assert_eq!(endpoint.hits("hits{c=\"1\"} 1003\nhits{c=\"2\"} 1\n"), 3.0);
    }

    #[test]
    fn a_series_left_out_by_a_new_process_begins_at_zero() {
        let mut endpoint = Endpoint::old();
        endpoint.hits("hits{code=\"200\"} 1000\nhits{code=\"500\"} 10\n");
        assert_eq!(endpoint.hits("hits{code=\"200\"} 5\n"), 5.0);
        assert_eq!(endpoint.hits("hits{code=\"200\"} 5\nhits{code=\"500\"} 12\n"), 12.0);
    }

    #[test]
    fn a_series_long_gone_is_forgotten() {
        let mut endpoint = Endpoint::old();
        endpoint.hits("hits 10\n");
        for _ in 0..=MISSES {
            endpoint.hits("");
        }
        assert!(endpoint.memory.series[0].is_empty());
    }
}

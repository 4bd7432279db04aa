//! The metrics source itself.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream;
use shepherd_core::model::{Measurement, Metric, Now, Reading, Track};
use shepherd_core::ports::{Clock, MeasureRequest, MetricsSource, PortError};

use super::address::Address;
use super::baselines::{Baselines, Point};
use super::both::Both;
use super::builder::ScrapeBuilder;
use super::catalogue::Catalogue;
use super::definitions::{Definitions, Reductions};
use super::endpoints::Endpoints;
use super::failure::ScrapeFailure;
use super::fetch::Fetcher;
use super::ledger::{Health, Ledger, Present, Scraped};
use super::page::Page;
use super::query::Reduction;
use super::silence::{self, BACKEND};
use super::view::View;

/// A [`MetricsSource`] that asks the service itself.
///
/// ```
/// use shepherd_metrics::scrape::{FixedEndpoints, Query, Scrape, Selector};
///
/// let source = Scrape::builder(
///     FixedEndpoints::new()
///         .stable("http://10.0.0.7:9090/metrics")
///         .candidate("http://10.0.0.8:9090/metrics"),
/// )
/// .requests(Selector::metric("requests_total").differs("path", "/healthz"))
/// .errors(Selector::metric("requests_total").starts_with("status", "5"))
/// .query("backlog", Query::gauge_max(Selector::metric("queue_length")))
/// .build()?;
/// # Ok::<(), shepherd_metrics::scrape::ScrapeError>(())
/// ```
///
/// Share one source among all who measure the same service: they do not disturb each other. Ask for the same metrics
/// with every cursor: it moves on for all of them, asked for or not.
///
/// # Cancel safety
/// A measurement may be dropped at any await. It enters what it has heard all at once, when everything was heard; the
/// next one hears it again, since counters keep their values.
pub struct Scrape {
    endpoints: Box<dyn Endpoints>,
    fetcher: Fetcher,
    clock: Arc<dyn Clock>,
    concurrency: usize,
    catalogue: Catalogue,
    reductions: Reductions,
    /// Never held across an await.
    books: Mutex<Books>,
}

#[derive(Debug)]
struct Books {
    ledger: Ledger,
    baselines: Baselines,
}

/// An endpoint that is to be scraped, or why it cannot be.
struct Asked {
    track: Track,
    address: Result<Address, ScrapeFailure>,
    pages_before: u64,
}

impl Scrape {
    /// A source for these endpoints. All else has a default.
    pub fn builder(endpoints: impl Endpoints + 'static) -> ScrapeBuilder {
        ScrapeBuilder::new(endpoints)
    }

    pub(crate) fn new(
        endpoints: Box<dyn Endpoints>,
        fetcher: Fetcher,
        clock: Arc<dyn Clock>,
        concurrency: usize,
        definitions: &Definitions,
    ) -> Self {
        let (catalogue, reductions) = definitions.compile();
        let books = Books { ledger: Ledger::new(catalogue.clone()), baselines: Baselines::new() };
        Self { endpoints, fetcher, clock, concurrency, catalogue, reductions, books: Mutex::new(books) }
    }

    /// A panic while the books were open leaves at worst a round half entered, which the next round completes.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reductions_of(&self, metrics: &[Metric]) -> Result<Vec<(Metric, Reduction)>, PortError> {
        let of = |metric: &Metric| match self.reductions.of(metric) {
            Some(reduction) => Ok((metric.clone(), reduction)),
            None => Err(PortError::unsupported(
                BACKEND,
                format!("{metric} is not defined: name it when the source is built"),
            )),
        };
        metrics.iter().map(of).collect()
    }

    /// Each endpoint of a track once, however often it is listed.
    fn asked(&self) -> Vec<Asked> {
        let mut listed = Vec::new();
        for track in Track::BOTH {
            let mut known = HashSet::new();
            let addresses = self.endpoints.of(track).into_iter().map(|url| Address::parse(&url));
            let distinct = addresses
                .filter(|address| address.as_ref().ok().is_none_or(|address| known.insert(address.clone())));
            listed.extend(distinct.map(|address| (track, address)));
        }
        let books = self.books();
        let ask = |(track, address): (Track, Result<Address, ScrapeFailure>)| {
            let pages_before = address.as_ref().map_or(0, |address| books.ledger.pages_of(track, address));
            Asked { track, address, pages_before }
        };
        listed.into_iter().map(ask).collect()
    }

    async fn round(&self, asked: Vec<Asked>) -> Vec<Scraped> {
        stream::iter(asked.into_iter().map(|asked| self.scrape(asked)))
            .buffer_unordered(self.concurrency)
            .collect()
            .await
    }

    async fn scrape(&self, asked: Asked) -> Scraped {
        let Asked { track, address, pages_before } = asked;
        let (address, outcome) = match address {
            Ok(address) => {
                let outcome = self.page(&address).await;
                (Some(address), outcome)
            }
            Err(failure) => (None, Err(failure)),
        };
        if let Err(failure) = &outcome {
            let endpoint = address.as_ref().map(tracing::field::display);
            tracing::debug!(%track, endpoint, %failure, "an endpoint could not be scraped");
        }
        Scraped { track, address, pages_before, outcome }
    }

    async fn page(&self, address: &Address) -> Result<Page, ScrapeFailure> {
        let text = self.fetcher.page(address).await?;
        Ok(Page::read(&text, &self.catalogue)?)
    }

    fn answer(
        &self,
        request: &MeasureRequest,
        wanted: &[(Metric, Reduction)],
        round: Vec<Scraped>,
        now: Now,
    ) -> Result<Measurement, PortError> {
        let silence = silence::error(&round, wanted);
        let mut books = self.books();
        let Books { ledger, baselines } = &mut *books;
        let before = Both::from_fn(|track| ledger.totals().of(track).health);
        let present = ledger.enter(round, now.wall);
        if let Some(error) = silence {
            return Err(error);
        }
        let base = request.cursor.as_ref().and_then(|cursor| baselines.base(cursor));
        let points =
            Both::from_fn(|track| Point { totals: ledger.totals().of(track).clone(), at: now.elapsed });
        let mut kept = points.clone();
        let mut readings = Vec::new();
        for track in Track::BOTH {
            let base = base.as_ref().map(|base| base.of(track));
            let view = look(base, points.of(track), present.of(track), *before.of(track));
            if let (Some(base), None, 1..) = (base, view.base, view.present.listed) {
                // The next answer tells of the whole time since it was last heard, so it divides by all of it.
                kept.of_mut(track).at = base.at;
            }
            readings.extend(wanted.iter().map(|(metric, reduction)| Reading {
                metric: metric.clone(),
                track,
                sample: view.sample(*reduction),
            }));
        }
        Ok(Measurement { cursor: baselines.remember(request.cursor.as_ref(), kept), readings })
    }
}

/// Without a base there are no increments, but the scrapes just made are health checks all the same.
fn look<'a>(base: Option<&'a Point>, now: &'a Point, present: &'a Present, before: Health) -> View<'a> {
    let health = now.totals.health.since(base.map_or(before, |base| base.totals.health));
    let was_heard = |base: &&Point| present.answered > 0 || now.totals.grew_since(&base.totals);
    View { base: base.filter(was_heard), now, present, health }
}

#[async_trait]
impl MetricsSource for Scrape {
    fn supports(&self, metric: &Metric) -> bool {
        self.reductions.of(metric).is_some()
    }

    async fn measure(&self, request: &MeasureRequest) -> Result<Measurement, PortError> {
        let wanted = self.reductions_of(&request.metrics)?;
        // Before, because an endpoint that hangs ends the round late, and the others answered at once.
        let now = self.clock.now();
        let round = self.round(self.asked()).await;
        silence::warn(&round);
        self.answer(request, &wanted, round, now)
    }
}

/// The URLs behind the endpoints may hold passwords.
impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrape")
            .field("fetcher", &self.fetcher)
            .field("concurrency", &self.concurrency)
            .field("reductions", &self.reductions)
            .finish_non_exhaustive()
    }
}

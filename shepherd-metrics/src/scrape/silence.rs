//! When nobody answers.

use shepherd_core::model::{Metric, Track};
use shepherd_core::ports::PortError;

use super::ledger::Scraped;
use super::query::Reduction;

/// How this source calls itself in errors.
pub(crate) const BACKEND: &str = "scrape";

/// An error only where there is nothing else to tell: nobody answered, and whether they do was not the question.
pub(crate) fn error(round: &[Scraped], wanted: &[(Metric, Reduction)]) -> Option<PortError> {
    let asks_health = wanted.iter().any(|(_, reduction)| *reduction == Reduction::Health);
    if asks_health || round.iter().any(|scraped| scraped.outcome.is_ok()) {
        return None;
    }
    let failures = || round.iter().filter_map(|scraped| Some((scraped, scraped.outcome.as_ref().err()?)));
    // One that may pass by itself is enough for the next call to tell something.
    let passing = failures().find(|(_, failure)| failure.kind().is_passing());
    let (scraped, failure) = passing.or_else(|| failures().next())?;
    let endpoint = scraped.address.as_ref().map_or_else(|| "one of them".to_owned(), ToString::to_string);
    let message = format!("none of {} endpoints could be scraped, {endpoint} because {failure}", round.len());
    let error = PortError::new(failure.kind(), BACKEND, message);
    Some(match failures().filter_map(|(_, failure)| failure.retry_after()).min() {
        Some(wait) => error.retry_after(wait),
        None => error,
    })
}

/// A single endpoint that fails is an everyday thing during a rollout; a whole track is not.
pub(crate) fn warn(round: &[Scraped]) {
    for track in Track::BOTH {
        let outcomes =
            || round.iter().filter(|scraped| scraped.track == track).map(|scraped| &scraped.outcome);
        if let Some(Err(failure)) = outcomes().next()
            && outcomes().all(Result::is_err)
        {
            tracing::warn!(%track, %failure, "no endpoint of the track could be scraped");
        }
    }
}

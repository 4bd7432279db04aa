use shepherd_core::model::{
    Exposure, FailureKind, Fence, Mark, Match, Matching, Route, RouterCapabilities, Routing, Weight,
};
use shepherd_core::ports::TrafficRouter;

use super::RouterFixture;
use crate::conformance::Broken;
use crate::conformance::promise::Promise;
use crate::conformance::words::{fence, off, on};

/// One router under one promise.
pub(super) struct Bench<'f, F: RouterFixture> {
    pub(super) promise: Promise,
    pub(super) router: F::Router,
    fixture: &'f F,
}

impl<'f, F: RouterFixture> Bench<'f, F> {
    pub(super) async fn open(name: &'static str, fixture: &'f F) -> Result<Self, Broken> {
        let promise = Promise::new(name, fixture.patience());
        let router = promise.opened(fixture.open().await)?;
        Ok(Self { promise, router, fixture })
    }

    /// Another router on the same backend.
    pub(super) async fn another(&self) -> Result<F::Router, Broken> {
        self.promise.opened(self.fixture.open().await)
    }

    pub(super) async fn bystanders(&self) -> Result<String, Broken> {
        self.promise.opened(self.fixture.bystanders().await)
    }

    pub(super) fn can(&self) -> RouterCapabilities {
        self.router.capabilities()
    }

    fn step(&self) -> Weight {
        self.can().finest_weight.max(Weight::FINEST)
    }

    /// The least weights that this router can tell apart, one above the other; all that a switch has is everything.
    pub(super) fn low(&self) -> Weight {
        self.step()
    }

    pub(super) fn high() -> Weight {
        Weight::FULL
    }

    /// Weights that lie between two steps of this router, among them one that would be rounded to nothing and one
    /// that would be rounded to everything. Empty when there is nothing between two steps.
    pub(super) fn between(&self) -> Vec<Weight> {
        if self.step() == Weight::FINEST {
            return Vec::new();
        }
        let step = u32::from(self.step().as_hundredths());
        let full = u32::from(Weight::FULL.as_hundredths());
        [1, step / 2, step + 1, full - 1]
            .into_iter()
            .filter(|weight| *weight < full && !weight.is_multiple_of(step))
            .filter_map(|weight| Weight::hundredths(weight).ok())
            .collect()
    }

    /// Weights on the router's steps, up and down.
    pub(super) fn weights(&self) -> Vec<Weight> {
        let near = [1, 2500, 3333, 10_000, 6667, 10].into_iter().filter_map(|w| Weight::hundredths(w).ok());
        let mut weights: Vec<_> =
            near.map(|weight| weight.rounded_to(self.step())).chain([self.low(), Weight::ZERO]).collect();
        weights.dedup();
        weights
    }

    /// The most that this router can choose requests by, as far as it is tried.
    pub(super) fn matches(&self) -> Vec<Match> {
        let any = |matches: &Vec<Match>| self.can_choose(matches);
        Self::choices().into_iter().find(any).unwrap_or_default()
    }

    /// What requests are asked to be chosen by: what every router that can choose should be able to, and less, and
    /// what only few can.
    pub(super) fn choices() -> Vec<Vec<Match>> {
        let header = |name: &str| Match::Header { name: name.to_owned(), value: "yes please".to_owned() };
        let cookie =
            |name: &str, value: &str| Match::Cookie { name: name.to_owned(), value: value.to_owned() };
        vec![
            vec![header("x-beta"), cookie("group", "b")],
            vec![header("x-beta"), cookie("group", Matching::ALWAYS)],
            vec![header("x-beta")],
            vec![cookie("group", Matching::ALWAYS)],
            vec![cookie("group", "b")],
            vec![header("x-beta"), header("x-early")],
            vec![cookie("group", Matching::ALWAYS), cookie("early", Matching::ALWAYS)],
        ]
    }

    pub(super) fn can_choose(&self, matches: &[Match]) -> bool {
        self.can().matches.beyond(matches).is_none()
    }

    /// As much of the candidate as this router can show.
    pub(super) fn everything(&self) -> Exposure {
        let mut all = Exposure::weight(self.low());
        all.matches = self.matches();
        if self.can().mirror { all.mirrored(self.low()) } else { all }
    }

    /// What rollout 1 writes in epoch 1.
    pub(super) fn shown(generation: u64, exposure: Exposure) -> Route {
        Route { exposure, mark: on(&fence(1, 1), generation) }
    }

    /// How rollout 1 is taken back in epoch 1.
    pub(super) fn taken_off(generation: u64) -> Route {
        Route { exposure: Exposure::OFF, mark: off(&fence(1, 1), generation) }
    }

    pub(super) async fn observed(&self) -> Result<Routing, Broken> {
        self.promise.done("observe", || self.router.observe()).await
    }

    pub(super) async fn applied(&self, route: &Route) -> Result<(), Broken> {
        self.promise.done(&format!("applying {}", route.exposure), || self.router.apply(route)).await
    }

    pub(super) async fn claimed(&self, fence: &Fence) -> Result<(), Broken> {
        self.promise.done("claim", || self.router.claim(fence)).await
    }

    /// The mark that this router must show for what was written with `mark`.
    pub(super) fn held(&self, mark: &Mark) -> Option<Mark> {
        self.can().fenced.then(|| mark.clone())
    }

    /// What is observed is this, to the letter.
    pub(super) async fn reads(&self, exposure: &Exposure, mark: Option<&Mark>) -> Result<(), Broken> {
        let seen = self.observed().await?;
        self.promise.same("the exposure observed", &seen.exposure, exposure)?;
        self.promise.same("the mark observed", &seen.mark.as_ref(), &mark)
    }

    pub(super) async fn shows(&self, route: &Route) -> Result<(), Broken> {
        self.reads(&route.exposure, self.held(&route.mark).as_ref()).await
    }

    /// What is routed is one of these, with its own mark.
    pub(super) async fn is_whole(&self, any: &[&Route]) -> Result<(), Broken> {
        let Routing { exposure, mark, .. } = self.observed().await?;
        let kept = any.iter().any(|route| route.exposure == exposure && self.held(&route.mark) == mark);
        self.promise.holds(
            kept,
            format_args!("{exposure} is routed with mark {mark:?}, which is none of {any:?} as a whole"),
        )
    }

    pub(super) async fn writes(&self, route: &Route) -> Result<(), Broken> {
        self.applied(route).await?;
        self.shows(route).await
    }

    /// Refused because the router cannot do it, and nothing changed.
    pub(super) async fn is_unable(&self, route: &Route) -> Result<(), Broken> {
        self.is_refused(&format!("exposure {}", route.exposure), FailureKind::Unsupported, route).await
    }

    /// What `admit` refuses. A router with marks refuses it and changes nothing. One without cannot know better: it
    /// does what it is told and shows no mark, so that the driver's repeated off gets through.
    pub(super) async fn is_fenced_off(&self, what: &str, asked: &Route) -> Result<(), Broken> {
        if !self.can().fenced {
            return self.writes(asked).await;
        }
        self.is_refused(what, FailureKind::Fenced, asked).await
    }

    /// What was written before may take effect meanwhile; all else stays as it was.
    async fn is_refused(&self, what: &str, kind: FailureKind, asked: &Route) -> Result<(), Broken> {
        let before = self.observed().await?;
        self.promise.refused(what, kind, || self.router.apply(asked)).await?;
        let after = self.observed().await?;
        self.promise.same("the exposure after a refusal", &after.exposure, &before.exposure)?;
        self.promise.same("the mark after a refusal", &after.mark, &before.mark)
    }
}

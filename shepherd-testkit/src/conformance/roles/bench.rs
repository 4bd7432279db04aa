use std::collections::BTreeSet;

use shepherd_core::model::{
    Epoch, Exposure, Fence, Replicas, Revision, Route, Track, TrackSpec, Weight, WorkloadState,
};
use shepherd_core::ports::{TrafficRouter, Workload};

use super::RolesFixture;
use crate::conformance::Broken;
use crate::conformance::promise::Promise;
use crate::conformance::words::{fence, on};

/// How many replicas each side has when it has any.
const MANY: Replicas = Replicas::new(2);

/// One router and one workload under one promise.
pub(super) struct Bench<'f, F: RolesFixture> {
    pub(super) promise: Promise,
    pub(super) router: F::Router,
    pub(super) workload: F::Workload,
    pub(super) old: Revision,
    pub(super) new: Revision,
    fixture: &'f F,
}

impl<'f, F: RolesFixture> Bench<'f, F> {
    pub(super) async fn open(name: &'static str, fixture: &'f F) -> Result<Self, Broken> {
        let promise = Promise::new(name, fixture.patience());
        let (router, workload) = promise.opened(fixture.open().await)?;
        let [old, new] = fixture.revisions();
        Ok(Self { promise, router, workload, old, new, fixture })
    }

    /// Rollout 1 has moved everybody from the old revision to the new one.
    pub(super) async fn moved(name: &'static str, fixture: &'f F) -> Result<Self, Broken> {
        let bench = Self::open(name, fixture).await?;
        bench.begun().await?;
        bench.all_moved(&fence(1, 1), &bench.new).await?;
        Ok(bench)
    }

    /// Rollout 1 has taken hold of the old revision, and moved nobody.
    pub(super) async fn begun(&self) -> Result<(), Broken> {
        self.claimed(&fence(1, 1)).await?;
        self.runs(&fence(1, 1), 1, Track::Stable, &self.old).await
    }

    /// Another process goes on.
    pub(super) async fn reopen(&mut self) -> Result<(), Broken> {
        (self.router, self.workload) = self.promise.opened(self.fixture.open().await)?;
        Ok(())
    }

    pub(super) async fn claimed_routing(&self, owner: &Fence) -> Result<(), Broken> {
        self.promise.done("claiming the router", || self.router.claim(owner)).await
    }

    pub(super) async fn claimed_workload(&self, owner: &Fence) -> Result<(), Broken> {
        self.promise.done("claiming the workload", || self.workload.claim(owner)).await
    }

    /// Both are claimed as the machine does it: the router first.
    pub(super) async fn claimed(&self, owner: &Fence) -> Result<(), Broken> {
        self.claimed_routing(owner).await?;
        self.claimed_workload(owner).await
    }

    pub(super) async fn runs(
        &self,
        owner: &Fence,
        generation: u64,
        track: Track,
        revision: &Revision,
    ) -> Result<(), Broken> {
        let (spec, mark) = (of(track, revision, MANY), on(owner, generation));
        let what = format!("{MANY} replicas of {revision} on {track}");
        self.promise.done(&what, || self.workload.apply(&spec, &mark)).await?;
        let ready = async || Ok(self.observed().await?.track(track).ready_of(revision) == MANY);
        self.promise.until(&format!("{what} ready"), ready).await
    }

    pub(super) async fn retired(&self, owner: &Fence, track: Track) -> Result<(), Broken> {
        let revision = self.observed().await?.track(track).revision.clone();
        let Some(revision) = revision else {
            return Err(self.promise.broken(format!("{track} runs nothing")));
        };
        let (spec, mark) = (of(track, &revision, Replicas::ZERO), on(owner, 8));
        self.promise.done(&format!("retiring {track}"), || self.workload.apply(&spec, &mark)).await?;
        let gone = async || Ok(self.observed().await?.track(track).ready == Replicas::ZERO);
        self.promise.until(&format!("{track} retired"), gone).await
    }

    pub(super) async fn routed(&self, owner: &Fence, weight: Weight) -> Result<(), Broken> {
        let route = Route { exposure: Exposure::weight(weight), mark: on(owner, 5) };
        let what = format!("{weight} to the candidate");
        self.promise.done(&what, || self.router.apply(&route)).await?;
        let in_effect =
            async || Ok(self.promise.done("observing the router", || self.router.observe()).await?.in_effect);
        self.promise.until(&format!("{what} in effect"), in_effect).await
    }

    /// The owner brings a revision up on the candidate and moves everybody to it.
    pub(super) async fn all_moved(&self, owner: &Fence, revision: &Revision) -> Result<(), Broken> {
        self.runs(owner, 4, Track::Candidate, revision).await?;
        self.routed(owner, Weight::FULL).await?;
        self.answers(revision).await
    }

    pub(super) async fn observed(&self) -> Result<WorkloadState, Broken> {
        self.promise.done("observing the workload", || self.workload.observe()).await
    }

    /// The router shows so much of the candidate, held by this owner.
    pub(super) async fn shows(&self, weight: Weight, owner: &Fence) -> Result<(), Broken> {
        let seen = self.promise.done("observing the router", || self.router.observe()).await?;
        self.promise.same("the exposure observed", &seen.exposure, &Exposure::weight(weight))?;
        let epoch = seen.mark.map_or_else(Epoch::default, |mark| mark.fence.epoch);
        self.promise.same("the epoch in the router's mark", &epoch, &owner.epoch)
    }

    /// What a side is meant to run, all of it ready.
    pub(super) async fn is(&self, track: Track, revision: &Revision) -> Result<(), Broken> {
        let state = self.observed().await?;
        let seen = state.track(track);
        self.promise.same(&format!("the revision of {track}"), &seen.revision.as_ref(), &Some(revision))?;
        self.promise.same(&format!("the ready replicas of {track}"), &seen.ready, &MANY)
    }

    /// Users are answered by this revision and no other.
    pub(super) async fn answers(&self, revision: &Revision) -> Result<(), Broken> {
        let seen = self.promise.opened(self.fixture.answering().await)?;
        self.promise.same("what answers users", &seen, &BTreeSet::from([revision.clone()]))
    }

    /// Both say that this revision is stable, held by this owner, and it is what users meet.
    pub(super) async fn stable_is(&self, revision: &Revision, owner: &Fence) -> Result<(), Broken> {
        self.shows(Weight::ZERO, owner).await?;
        self.is(Track::Stable, revision).await?;
        self.answers(revision).await
    }
}

pub(super) fn of(track: Track, revision: &Revision, replicas: Replicas) -> TrackSpec {
    TrackSpec::new(track, revision.clone(), replicas)
}

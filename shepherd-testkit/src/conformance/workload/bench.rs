use shepherd_core::model::{
    FailureKind, Fence, Mark, Reason, Replicas, Revision, Track, TrackSpec, TrackState, WorkloadState,
};
use shepherd_core::ports::Workload;

use super::WorkloadFixture;
use crate::conformance::Broken;
use crate::conformance::promise::Promise;
use crate::conformance::words::{fence, on};

/// One workload under one promise.
pub(super) struct Bench<'f, F: WorkloadFixture> {
    pub(super) promise: Promise,
    pub(super) workload: F::Workload,
    pub(super) fixture: &'f F,
    pub(super) old: Revision,
    pub(super) new: Revision,
}

/// What rollout 1 writes in epoch 1.
pub(super) fn mark(generation: u64) -> Mark {
    on(&fence(1, 1), generation)
}

pub(super) fn of(track: Track, revision: &Revision, replicas: u32) -> TrackSpec {
    TrackSpec::new(track, revision.clone(), Replicas::new(replicas))
}

impl<'f, F: WorkloadFixture> Bench<'f, F> {
    pub(super) async fn open(name: &'static str, fixture: &'f F) -> Result<Self, Broken> {
        let promise = Promise::new(name, fixture.patience());
        let workload = promise.opened(fixture.open().await)?;
        let [old, new] = fixture.revisions();
        Ok(Self { promise, workload, fixture, old, new })
    }

    pub(super) async fn another(&self) -> Result<F::Workload, Broken> {
        self.promise.opened(self.fixture.open().await)
    }

    pub(super) async fn claimed(&self, fence: &Fence) -> Result<(), Broken> {
        self.promise.done("claim", || self.workload.claim(fence)).await
    }

    pub(super) async fn applied(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), Broken> {
        let what = format!("{} replicas of {} on {}", spec.replicas, spec.revision, spec.track);
        self.promise.done(&what, || self.workload.apply(spec, mark)).await
    }

    pub(super) async fn observed(&self) -> Result<WorkloadState, Broken> {
        self.promise.done("observe", || self.workload.observe()).await
    }

    pub(super) async fn side(&self, track: Track) -> Result<TrackState, Broken> {
        Ok(self.observed().await?.track(track).clone())
    }

    pub(super) fn held(&self, mark: &Mark) -> Option<Mark> {
        self.fixture.holds_marks().then(|| mark.clone())
    }

    /// The side is meant to be this, with this mark.
    pub(super) async fn reads(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), Broken> {
        let seen = self.side(spec.track).await?;
        self.promise.same(
            "what is meant to run",
            &meant(&seen),
            &(Some(spec.revision.clone()), spec.replicas),
        )?;
        self.promise.same("the mark observed", &seen.mark, &self.held(mark))
    }

    pub(super) async fn writes(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), Broken> {
        self.applied(spec, mark).await?;
        self.reads(spec, mark).await
    }

    /// All replicas of the spec are ready, and looked at meanwhile.
    pub(super) async fn ready_while(
        &self,
        spec: &TrackSpec,
        mut look: impl AsyncFnMut(&TrackState) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        let what = format!("{} ready replicas of {} on {}", spec.replicas, spec.revision, spec.track);
        self.promise
            .until(&what, async || {
                let seen = self.side(spec.track).await?;
                look(&seen).await?;
                let serving = self.serving(spec.track).await?;
                let alone = serving.iter().all(|(revision, count)| *revision == spec.revision || *count == 0);
                Ok(seen.ready_of(&spec.revision) == spec.replicas
                    && alone
                    && total(&serving) == spec.replicas.get())
            })
            .await
    }

    pub(super) async fn runs(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), Broken> {
        self.applied(spec, mark).await?;
        self.ready_while(spec, async |_| Ok(())).await
    }

    pub(super) async fn serving(&self, track: Track) -> Result<Vec<(Revision, u32)>, Broken> {
        let serving = self.promise.opened(self.fixture.serving(track).await)?;
        Ok(serving.into_iter().map(|(revision, replicas)| (revision, replicas.get())).collect())
    }

    /// At least so many replicas take requests on this side.
    pub(super) async fn serves(&self, track: Track, least: u32) -> Result<(), Broken> {
        let serving = self.serving(track).await?;
        let few = format_args!("{track} was served by {serving:?} where {least} are needed");
        self.promise.holds(total(&serving) >= least, few)
    }

    /// What [`Mark::admit`] refuses. A backend with marks refuses it and changes nothing. One without cannot know
    /// better: it does what it is told and shows no mark.
    pub(super) async fn is_fenced_off(
        &self,
        what: &str,
        spec: &TrackSpec,
        mark: &Mark,
    ) -> Result<(), Broken> {
        if !self.fixture.holds_marks() {
            return self.writes(spec, mark).await;
        }
        self.is_refused(what, FailureKind::Fenced, spec, mark).await
    }

    /// It is refused by a failure of this kind, and changes nothing.
    pub(super) async fn is_refused(
        &self,
        what: &str,
        kind: FailureKind,
        spec: &TrackSpec,
        mark: &Mark,
    ) -> Result<(), Broken> {
        let before = self.side(spec.track).await?;
        self.promise.refused(what, kind, || self.workload.apply(spec, mark)).await?;
        let after = self.side(spec.track).await?;
        self.promise.same("what is meant to run after a refusal", &meant(&after), &meant(&before))?;
        self.promise.same("the mark after a refusal", &after.mark, &before.mark)
    }
}

pub(super) fn meant(seen: &TrackState) -> (Option<Revision>, Replicas) {
    (seen.revision.clone(), seen.desired)
}

pub(super) fn total(serving: &[(Revision, u32)]) -> u32 {
    serving.iter().map(|(_, count)| count).sum()
}

pub(super) fn failing(seen: &TrackState) -> Option<&Reason> {
    seen.failing.as_ref()
}

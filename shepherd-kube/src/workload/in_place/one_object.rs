use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kube::api::{ApiResource, GroupVersionKind};
use serde_json::Value;
use shepherd_core::model::{
    Fence, Mark, Reason, Replicas, Revision, Track, TrackSpec, TrackState, Traffic, WorkloadState,
};
use shepherd_core::ports::{Clock, PortError, SystemClock, Workload};

use super::beside::Beside;
use super::kind::{Batch, Ending, Kind};
use super::originals::Originals;
use super::replica::{Readiness, Replica, replicas};
use super::shape::Shape;
use super::tracks::{Tracks, admit, begins, mark, relies_on_marks, stamp};
use super::version::{Version, template};
use crate::Watches;
use crate::object::{Edit, Object, refused};
use crate::watch::{self, Reach, Seen};
use crate::workload::image;
use crate::workload::pods::trouble;

/// For how long a controller is waited for that has not seen yet what its object has become, and how often it is
/// asked.
pub(super) const UNSEEN: (u32, Duration) = (40, Duration::from_millis(25));

/// Both tracks in one object of a kind.
pub(super) struct InPlace<K> {
    namespace: String,
    pub(super) object: Object,
    container: Option<String>,
    pub(super) clock: Arc<dyn Clock>,
    kind: PhantomData<fn() -> K>,
}

/// How far the way out of a rollout has come, where it takes two writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    /// One track shall have all replicas.
    Wanted,
    /// It has them.
    Reached,
}

impl<K: Kind> InPlace<K> {
    pub(super) fn new(
        reach: impl Into<Reach>,
        namespace: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        let (namespace, name) = (namespace.into(), name.into());
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", K::NAME));
        let object = Object::new(reach, &kind, &namespace, &name);
        let clock = Arc::new(SystemClock::new());
        Self { namespace, object, container: None, clock, kind: PhantomData }
    }

    pub(super) fn container(mut self, name: String) -> Self {
        self.container = Some(name);
        self
    }

    pub(super) fn timed_by(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    pub(super) fn watching(mut self, watches: &Watches) -> Self {
        self.object.watch(watches);
        self
    }

    pub(super) fn place(&self) -> &str {
        self.object.place()
    }

    pub(super) fn container_of(&self, object: &Value) -> Result<usize, PortError> {
        image::container(self.place(), object, self.container.as_deref())
    }

    /// The revision of the object's template.
    pub(super) fn present(&self, object: &Value) -> Result<Revision, PortError> {
        image::revision(self.place(), object, self.container_of(object)?)
    }

    /// What lives beside it, as it was at this version or after it.
    pub(super) fn beside<'a>(
        &'a self,
        object: &'a Value,
        at: watch::Version,
    ) -> Result<Beside<'a>, PortError> {
        let container = self.container_of(object)?;
        let name = object["spec"]["template"]["spec"]["containers"][container]["name"].as_str();
        let container = name.unwrap_or_default();
        let (reach, namespace) = (self.object.reach(), &self.namespace);
        Ok(Beside { reach, namespace, place: self.place(), container, at })
    }

    /// What the object runs by its annotations.
    pub(super) fn shape(&self, object: &Value) -> Result<(Tracks, Shape), PortError> {
        let tracks = Tracks::of(self.place(), object, &self.present(object)?)?;
        let shape = tracks.shape(K::size(object));
        Ok((tracks, shape))
    }

    fn begin<'o>(&self, object: &'o Value, fence: &Fence) -> Result<Edit<'o>, PortError> {
        let place = self.place();
        let mut edit = Edit::of(object);
        for track in Track::BOTH {
            let claimed = Mark::claimed(mark(place, object, track)?.as_ref(), fence)?;
            stamp(&mut edit, track, &claimed);
        }
        if begins(place, object, fence)? {
            if let Some((obstacle, remedy)) = K::obstacle(object) {
                return Err(refused(place, format!("{obstacle}; {remedy}")));
            }
            Tracks::beginning(place, object, &self.present(object)?)?.write(&mut edit);
        }
        Ok(edit)
    }

    /// The one patch that an apply makes.
    fn decide<'o>(
        &self,
        object: &'o Value,
        (spec, mark): (&TrackSpec, &Mark),
        versions: &[Version],
        whole: Whole,
    ) -> Result<Edit<'o>, PortError> {
        let (place, all) = (self.place(), K::size(object));
        admit(place, object, spec.track, mark)?;
        let present = self.present(object)?;
        let mut tracks = Tracks::of(place, object, &present)?;
        tracks.ask(place, spec, mark.traffic, all, K::SURGES)?;
        let shape = tracks.shape(all);
        let mut edit = Edit::of(object);
        edit.relies_on(&["spec", "replicas"]);
        relies_on_marks(&mut edit, object);
        let revision = tracks.revision(shape.template()).unwrap_or(&present).clone();
        self.run(&mut edit, object, &revision, versions)?;
        let kept = Originals::of(place, object)?;
        match shape {
            Shape::Both(both) => {
                if kept.is_none() {
                    Originals::keep(&mut edit, object, K::FIELDS);
                }
                let (originals, never_touched) = (kept.as_ref(), tracks.never_touched(all));
                K::hold(&mut edit, &Batch { object, originals, both, all, never_touched });
            }
            Shape::One(_) => let_go::<K>(&mut edit, object, kept, revision != present, whole),
        }
        tracks.write(&mut edit);
        stamp(&mut edit, spec.track, mark);
        Ok(edit)
    }

    /// The template is this revision's.
    fn run(
        &self,
        edit: &mut Edit<'_>,
        object: &Value,
        revision: &Revision,
        versions: &[Version],
    ) -> Result<(), PortError> {
        let container = self.container_of(object)?;
        let now = &object["spec"]["template"];
        let changes = self.present(object)? != *revision;
        let with_image = image::with(now.clone(), container, revision);
        if let Some(was) = template(versions, revision).filter(|was| changes && **was != with_image) {
            // More than the image differs.
            edit.set(&["spec", "template"], was.clone());
            return Ok(());
        }
        image::write(edit, self.place(), object, self.container.as_deref(), revision)
    }

    /// Ends the replicas that are too many, where nobody else does.
    async fn end_others(&self, object: Arc<Value>) -> Result<(), PortError> {
        let (tracks, shape) = self.shape(&object)?;
        if !K::may_end(shape, tracks.way()) {
            return Ok(());
        }
        let running = self.replicas(&object).await?;
        let present = self.present(&object)?;
        let old: Vec<_> = running.iter().filter(|replica| replica.image != present.as_str()).collect();
        let count = old.len();
        let whole = running.len() >= K::size(&object) as usize && running.iter().all(|one| one.ready);
        let ending = Ending { object: &object, shape, whole };
        let waits = K::ends_in_turn(&ending);
        let ending = K::ends(&ending, old);
        if !ending.is_empty() {
            self.seen_by_its_controller(&object).await?;
        }
        let beside = self.beside(&object, watch::Version::UNKNOWN)?;
        for replica in &ending {
            beside.end(replica).await?;
        }
        if waits && count > 0 {
            let left = format!("{count} replicas of another revision are ended one after the other");
            return Err(PortError::transient(self.place(), left));
        }
        Ok(())
    }

    /// A controller that has not seen the new template yet would make the same replica again.
    async fn seen_by_its_controller(&self, object: &Value) -> Result<(), PortError> {
        let wanted = object["metadata"]["generation"].as_i64();
        let (times, wait) = UNSEEN;
        for _ in 0..times {
            let now = self.object.read().await?;
            if now["status"]["observedGeneration"].as_i64() >= wanted {
                return Ok(());
            }
            self.clock.sleep(wait).await;
        }
        Err(PortError::transient(self.place(), "its controller has not taken up the new template yet"))
    }

    /// Those that the server has, for who writes.
    async fn replicas(&self, object: &Value) -> Result<Vec<Replica>, PortError> {
        let beside = self.beside(object, watch::Version::UNKNOWN)?;
        let versions = K::versions(&beside, object).await?;
        self.replicas_of(&beside, object, &versions).await
    }

    async fn replicas_of(
        &self,
        beside: &Beside<'_>,
        object: &Value,
        versions: &[Version],
    ) -> Result<Vec<Replica>, PortError> {
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        let readiness = Readiness { now: self.clock.now().wall, least: self.least_ready(object)? };
        Ok(replicas(beside.pods(object).await?, uid, versions, beside.container, readiness))
    }

    /// For how long its people want a replica to be ready before it counts.
    fn least_ready(&self, object: &Value) -> Result<Duration, PortError> {
        let kept = Originals::of(self.place(), object)?;
        let seconds = Originals::field(kept.as_ref(), object, "minReadySeconds").as_u64();
        Ok(Duration::from_secs(seconds.unwrap_or(0)))
    }

    /// The second write of the way out, where there is one: what one track has for itself is an ordinary object again.
    async fn put_back(&self, object: &Value, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        let (_, shape) = self.shape(object)?;
        if matches!(shape, Shape::Both(_)) || Originals::of(self.place(), object)?.is_none() {
            return Ok(());
        }
        let (running, present) = (self.replicas(object).await?, self.present(object)?);
        let whole = running.len() >= K::size(object) as usize
            && running.iter().all(|replica| replica.ready && replica.image == present.as_str());
        if !whole {
            let waits =
                "its last replicas are being replaced; its own update strategy is put back after that";
            return Err(PortError::transient(self.place(), waits));
        }
        let put_back = |object: &Value| Ok(self.decide(object, (spec, mark), &[], Whole::Reached)?.into());
        self.object.change(put_back).await.map(drop)
    }

    /// A track that has lost the template of its object will get no replicas any more.
    fn undone(&self, state: TrackState, present: &Revision) -> TrackState {
        let why = format!("somebody has put {present} back in the template of {}", self.place());
        TrackState { desired: Replicas::ZERO, failing: Some(why.into()), ..state }
    }

    async fn look(&self, seen: &Seen) -> Result<WorkloadState, PortError> {
        let object = &*seen.object;
        let (all, present) = (K::size(object), self.present(object)?);
        let tracks = Tracks::of(self.place(), object, &present)?;
        let wanted = tracks.wanted(all);
        let beside = self.beside(object, seen.since)?;
        let mut looked = Look { versions: K::versions(&beside, object).await?, replicas: None };
        let known = looked.versions.iter().all(|version| version.ready.is_some());
        let enough = |wanted: u32, track| {
            let revision = tracks.revision(track).map_or("", Revision::as_str);
            looked.known_ready(revision) >= wanted
        };
        let ready = enough(wanted.stable, Track::Stable) && enough(wanted.candidate, Track::Candidate);
        if !known || !ready || !self.least_ready(object)?.is_zero() {
            looked.replicas = Some(self.replicas_of(&beside, object, &looked.versions).await?);
        }
        let state = |track, desired: u32| {
            let mark = mark(self.place(), object, track)?;
            let revision = tracks.revision(track).cloned();
            let ready = revision.as_ref().map_or(0, |revision| looked.ready(revision.as_str()));
            let failing = revision.as_ref().filter(|_| ready < desired);
            let failing = failing.and_then(|revision| looked.failing(revision.as_str())).map(Reason::new);
            let (desired, ready) = (Replicas::new(desired), Replicas::new(ready));
            let state = TrackState { revision, desired, ready, failing, mark, ..TrackState::default() };
            let undone = tracks.undone() == Some(track);
            Ok::<_, PortError>(if undone { self.undone(state, &present) } else { state })
        };
        Ok(WorkloadState {
            stable: state(Track::Stable, wanted.stable)?,
            candidate: state(Track::Candidate, wanted.candidate)?,
        })
    }
}

/// What there is of each revision.
struct Look {
    versions: Vec<Version>,
    /// None where the versions tell enough.
    replicas: Option<Vec<Replica>>,
}

impl Look {
    fn ready(&self, revision: &str) -> u32 {
        match &self.replicas {
            None => self.known_ready(revision),
            Some(all) => {
                let ready = all.iter().filter(|replica| replica.ready && replica.image == revision).count();
                u32::try_from(ready).unwrap_or(u32::MAX)
            }
        }
    }

    fn known_ready(&self, revision: &str) -> u32 {
        self.of(revision).filter_map(|version| version.ready).sum()
    }

    /// What keeps replicas of a revision from becoming ready: what they say themselves, or why there are none.
    fn failing(&self, revision: &str) -> Option<String> {
        let replicas = self.replicas.iter().flatten().filter(|replica| replica.image == revision);
        let said = trouble(replicas.map(|replica| &replica.pod));
        said.or_else(|| self.of(revision).find_map(|version| version.failure.clone()))
    }

    fn of(&self, revision: &str) -> impl Iterator<Item = &Version> {
        self.versions.iter().filter(move |version| version.image == revision)
    }
}

/// One track has the object for itself: its people's settings are put back. Where they would not let it have all of
/// the replicas that is done when it has them.
fn let_go<K: Kind>(edit: &mut Edit<'_>, object: &Value, kept: Option<Originals>, moves: bool, whole: Whole) {
    let strategy = Originals::field(kept.as_ref(), object, "updateStrategy");
    let spreading = K::spreading(strategy).filter(|_| whole == Whole::Wanted && (kept.is_some() || moves));
    match (spreading, kept) {
        (Some(spreading), kept) => {
            if kept.is_none() {
                Originals::keep(edit, object, K::FIELDS);
            }
            edit.set(&["spec", "updateStrategy"], spreading);
        }
        (None, Some(kept)) => kept.put_back(edit),
        (None, None) => {}
    }
}

#[async_trait]
impl<K: Kind> Workload for InPlace<K> {
    fn place(&self) -> Option<String> {
        // Plans keep these words: they stay as they are.
        let container =
            self.container.as_ref().map(|name| format!(", the image of {name}")).unwrap_or_default();
        Some(format!("{}, in place{container}", self.object.place()))
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        self.object.change(|object| Ok(self.begin(object, fence)?.into())).await.map(drop)
    }

    async fn apply(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        self.turn(spec, mark).await?;
        let versions = if mark.traffic == Traffic::Off {
            let object = self.object.read().await?;
            K::versions(&self.beside(&object, watch::Version::UNKNOWN)?, &object).await?
        } else {
            Vec::new()
        };
        let asked = (spec, mark);
        let decide = |object: &Value| Ok(self.decide(object, asked, &versions, Whole::Wanted)?.into());
        let object = self.object.change(decide).await?;
        // Only whoever was admitted comes so far.
        self.end_others(object.clone()).await?;
        self.put_back(&object, spec, mark).await
    }

    async fn observe(&self) -> Result<WorkloadState, PortError> {
        self.look(&self.object.look().await?).await
    }
}

impl<K> fmt::Debug for InPlace<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InPlace").field("object", &self.object).finish_non_exhaustive()
    }
}

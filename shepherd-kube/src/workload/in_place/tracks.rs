//! What each track of an object was asked to be: an annotation, since the object itself has one count and one template.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shepherd_core::model::{Fence, Mark, Replicas, Revision, Track, TrackSpec, Traffic};
use shepherd_core::ports::PortError;

use super::shape::{Shape, Wanted, Way};
use crate::object::{Edit, MARK, annotation, mark_at, refused, stamp_at};
use crate::workload::replaceable;

/// The annotation that holds the tracks, as JSON.
const TRACKS: &str = "shepherd.rs/tracks";

/// The annotation that holds the candidate's mark. Stable's is where every object has its mark.
const CANDIDATE_MARK: &str = "shepherd.rs/candidate-mark";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tracks {
    stable: Side,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    candidate: Option<Side>,
    #[serde(default)]
    way: Way,
    /// How many replicas of stable the rollout has not touched so far; none when it has touched none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    untouched: Option<u32>,
    /// Whether somebody has given the object another template since the rollout wrote to it.
    #[serde(skip)]
    edited: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Side {
    revision: Revision,
    /// None for as many as the object shall have, whatever that number becomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replicas: Option<u32>,
}

impl Tracks {
    /// An object that no rollout has been to.
    fn untouched(revision: Revision) -> Self {
        let stable = Side { revision, replicas: None };
        Self { stable, candidate: None, way: Way::Forward, untouched: None, edited: false }
    }

    /// Those of an object whose template is of this revision. Where people have given it another one the object is theirs
    /// again: what it runs is stable, of as many replicas as it shall have. Only while both tracks have replicas there is
    /// a template of one of them that takes the other one's place.
    pub(super) fn of(place: &str, object: &Value, present: &Revision) -> Result<Self, PortError> {
        let Some(text) = annotation(object, TRACKS) else { return Ok(Self::untouched(present.clone())) };
        let tracks: Self = serde_json::from_str(text).map_err(|error| {
            let remedy = "remove the annotation when no rollout is under way";
            refused(place, format!("its annotation {TRACKS} is damaged ({error}); {remedy}")).caused_by(error)
        })?;
        if tracks.revision(tracks.template()) == Some(present) {
            return Ok(tracks);
        }
        let known = Track::BOTH.into_iter().any(|track| tracks.revision(track) == Some(present));
        let exchanged = known && matches!(tracks.shape(u32::MAX), Shape::Both(_));
        let tracks = if exchanged { tracks } else { Self::untouched(present.clone()) };
        Ok(Self { edited: true, ..tracks })
    }

    /// Those with which a rollout begins.
    pub(super) fn beginning(place: &str, object: &Value, present: &Revision) -> Result<Self, PortError> {
        let tracks = Self::of(place, object, present)?;
        Ok(if tracks.edited { Self::untouched(present.clone()) } else { tracks.begun() })
    }

    /// The first claim of a rollout decides which track is stable: the one that has the object for itself. While both
    /// have replicas nothing changes.
    fn begun(mut self) -> Self {
        let wanted = self.wanted(u32::MAX);
        if wanted.stable == 0
            && wanted.candidate > 0
            && let Some(candidate) = self.candidate.take()
        {
            let left = std::mem::replace(&mut self.stable, candidate);
            self.candidate = Some(Side { replicas: Some(0), ..left });
            self.stable.replicas = None;
        } else if wanted.candidate == 0 {
            self.stable.replicas = None;
        } else {
            // Whose template it has is as it was.
            return self;
        }
        Self { way: Way::Forward, untouched: None, ..self }
    }

    /// Asks a track to be this. An object of `all` replicas that cannot have more (`surges` is false) refuses it where
    /// the rollout goes forward.
    pub(super) fn ask(
        &mut self,
        place: &str,
        spec: &TrackSpec,
        traffic: Traffic,
        all: u32,
        surges: bool,
    ) -> Result<(), PortError> {
        self.check(place, spec)?;
        if self.edited && traffic == Traffic::On {
            let why = "somebody has given it another template meanwhile, which is not overwritten";
            return Err(PortError::conflict(place, why));
        }
        let before = self.wanted(all);
        let side = Side {
            revision: spec.revision.clone(),
            // Of an object that was scaled to 0 none is not all.
            replicas: (spec.replicas.get() < all.max(1)).then(|| spec.replicas.get()),
        };
        match spec.track {
            Track::Stable => self.stable = side,
            Track::Candidate => self.candidate = Some(side),
        }
        let after = self.wanted(all);
        self.way = way(before, after, traffic).unwrap_or(self.way);
        if let Some(error) = too_many(place, after, all).filter(|_| self.way == Way::Forward && !surges) {
            return Err(error);
        }
        self.untouched = match self.shape(all) {
            Shape::One(Track::Stable) => None,
            Shape::One(Track::Candidate) => Some(0),
            Shape::Both(both) if self.way == Way::Forward => Some(self.never_touched(all).min(both.left)),
            Shape::Both(_) => self.untouched,
        };
        Ok(())
    }

    fn check(&self, place: &str, spec: &TrackSpec) -> Result<(), PortError> {
        if let Some(runs) = self.revision(spec.track) {
            replaceable(place, spec, runs)?;
        }
        let (stable, asked) = (&self.stable.revision, &spec.revision);
        match spec.track {
            Track::Stable if stable != asked => Err(PortError::unsupported(
                place,
                format!("in place stable is {stable} and cannot become {asked}; promote by swap"),
            )),
            Track::Candidate if stable == asked && spec.replicas > Replicas::ZERO => Err(
                PortError::unsupported(place, format!("{asked} is stable, and cannot be the candidate too")),
            ),
            _ => Ok(()),
        }
    }

    pub(super) fn way(&self) -> Way {
        self.way
    }

    pub(super) fn wanted(&self, all: u32) -> Wanted {
        Wanted {
            stable: self.stable.replicas.unwrap_or(all),
            candidate: self.candidate.as_ref().map_or(0, |side| side.replicas.unwrap_or(all)),
        }
    }

    /// What the object of `all` replicas runs.
    pub(super) fn shape(&self, all: u32) -> Shape {
        // Of an object that was scaled to 0 a track has all replicas as before.
        self.wanted(all.max(1)).shape(all, self.way)
    }

    /// Whose template the object was given.
    fn template(&self) -> Track {
        self.shape(u32::MAX).template()
    }

    /// The track whose template somebody has taken away from it, and given the other one's again.
    pub(super) fn undone(&self) -> Option<Track> {
        (self.edited && self.candidate.is_some()).then(|| self.template())
    }

    /// How many replicas of stable the rollout has never touched.
    pub(super) fn never_touched(&self, all: u32) -> u32 {
        self.untouched.unwrap_or(all).min(all)
    }

    pub(super) fn revision(&self, track: Track) -> Option<&Revision> {
        match track {
            Track::Stable => Some(&self.stable.revision),
            Track::Candidate => self.candidate.as_ref().map(|side| &side.revision),
        }
    }

    /// Writes them in the same patch as what they ask for.
    pub(super) fn write(&self, edit: &mut Edit<'_>) {
        // They are names and numbers, and always have a JSON form.
        edit.annotate(TRACKS, serde_json::to_string(self).unwrap_or_default());
    }
}

/// The mark of a track.
pub(super) fn mark(place: &str, object: &Value, track: Track) -> Result<Option<Mark>, PortError> {
    mark_at(key(track), place, object)
}

/// Lets a write to a track through. Both tracks are in one object: whoever may not write to one of them any more, for
/// whatever other reason than the order of its decisions, may not write to the other one either.
pub(super) fn admit(place: &str, object: &Value, track: Track, asked: &Mark) -> Result<(), PortError> {
    asked.admit(mark(place, object, track)?.as_ref())?;
    let [stable, candidate] = Track::BOTH;
    let other = if track == stable { candidate } else { stable };
    let beside = mark(place, object, other)?.map(|mark| Mark { generation: asked.generation, ..mark });
    Ok(asked.admit(beside.as_ref())?)
}

/// Whether this claim is the first one of its rollout.
pub(super) fn begins(place: &str, object: &Value, fence: &Fence) -> Result<bool, PortError> {
    Ok(fence.begins(mark(place, object, Track::Stable)?.as_ref()))
}

/// Marks a track in the same patch as what changes it.
pub(super) fn stamp(edit: &mut Edit<'_>, track: Track, mark: &Mark) {
    stamp_at(key(track), edit, mark);
}

/// What a write to a track was admitted by stands as it was.
pub(super) fn relies_on_marks(edit: &mut Edit<'_>, object: &Value) {
    for track in Track::BOTH.into_iter().filter(|track| annotation(object, key(*track)).is_some()) {
        edit.relies_on(&["metadata", "annotations", key(track)]);
    }
}

fn key(track: Track) -> &'static str {
    match track {
        Track::Stable => MARK,
        Track::Candidate => CANDIDATE_MARK,
    }
}

/// None when nothing moves.
fn way(before: Wanted, after: Wanted, traffic: Traffic) -> Option<Way> {
    let back = after.candidate < before.candidate || after.stable > before.stable;
    if traffic == Traffic::Off || back {
        return Some(Way::Back);
    }
    (before != after).then_some(Way::Forward)
}

fn too_many(place: &str, wanted: Wanted, all: u32) -> Option<PortError> {
    let Wanted { stable, candidate } = wanted;
    let stable = stable.min(all);
    (candidate > 0 && stable.saturating_add(candidate) > all).then(|| {
        let asked =
            format!("{stable} stable and {candidate} candidate replicas are more than the {all} that it has");
        PortError::unsupported(
            place,
            format!("{asked}; roll with max_surge 0 and max_unavailable of at least 1"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use shepherd_core::model::FailureKind;

    fn spec(track: Track, revision: &str, replicas: u32) -> TrackSpec {
        TrackSpec::new(track, revision.parse().unwrap(), Replicas::new(replicas))
    }

    fn fresh() -> Tracks {
        Tracks::untouched("web:v1".parse().unwrap())
    }

    fn asked(tracks: &mut Tracks, track: Track, revision: &str, replicas: u32, traffic: Traffic) {
        tracks.ask("web", &spec(track, revision, replicas), traffic, 10, true).unwrap();
    }

    #[test]
    fn less_of_the_candidate_or_more_of_stable_is_the_way_back() {
        let mut tracks = fresh();
        asked(&mut tracks, Track::Candidate, "web:v2", 4, Traffic::On);
        asked(&mut tracks, Track::Stable, "web:v1", 6, Traffic::On);
        assert_eq!((tracks.way(), tracks.never_touched(10)), (Way::Forward, 6));
        asked(&mut tracks, Track::Stable, "web:v1", 6, Traffic::On);
        assert_eq!(tracks.way(), Way::Forward, "the same again moves nothing");
        asked(&mut tracks, Track::Candidate, "web:v2", 4, Traffic::Off);
        assert_eq!(tracks.way(), Way::Back, "what was taken off does not go on");
        asked(&mut tracks, Track::Stable, "web:v1", 8, Traffic::Off);
        assert_eq!((tracks.way(), tracks.never_touched(10)), (Way::Back, 6));
    }

    #[test]
    fn the_next_rollout_takes_what_has_the_object_for_itself_for_stable() {
        let mut tracks = fresh();
        asked(&mut tracks, Track::Candidate, "web:v2", 10, Traffic::On);
        asked(&mut tracks, Track::Stable, "web:v1", 3, Traffic::On);
        assert_eq!(
            tracks.clone().begun().revision(Track::Stable),
            fresh().revision(Track::Stable),
            "both run"
        );
        asked(&mut tracks, Track::Stable, "web:v1", 0, Traffic::On);
        let next = tracks.begun();
        assert_eq!(next.revision(Track::Stable).unwrap().as_str(), "web:v2");
        assert_eq!(
            next.wanted(20),
            Wanted { stable: 20, candidate: 0 },
            "whatever it has been scaled to since"
        );
    }

    #[test]
    fn another_rollout_in_the_midst_of_a_way_back_finds_the_template_as_it_is() {
        let mut tracks = fresh();
        asked(&mut tracks, Track::Candidate, "web:v2", 4, Traffic::On);
        asked(&mut tracks, Track::Stable, "web:v1", 8, Traffic::Off);
        assert_eq!(tracks.template(), Track::Stable);
        assert_eq!(tracks.begun().template(), Track::Stable);
    }

    #[test]
    fn no_replicas_of_an_object_that_was_scaled_to_0_are_none() {
        let mut tracks = fresh();
        asked(&mut tracks, Track::Candidate, "web:v2", 4, Traffic::On);
        tracks.ask("web", &spec(Track::Candidate, "web:v2", 0), Traffic::Off, 0, true).unwrap();
        assert_eq!(tracks.wanted(10), Wanted { stable: 10, candidate: 0 });
    }

    fn found(tracks: &Tracks, present: &str) -> Tracks {
        let text = serde_json::to_string(tracks).unwrap();
        let object = serde_json::json!({"metadata": {"annotations": {TRACKS: text}}});
        Tracks::of("web", &object, &present.parse().unwrap()).unwrap()
    }

    #[test]
    fn what_people_have_given_it_is_theirs() {
        let mut both = fresh();
        asked(&mut both, Track::Candidate, "web:v2", 4, Traffic::On);
        let mut back = both.clone();
        asked(&mut back, Track::Candidate, "web:v2", 0, Traffic::Off);
        assert_eq!((found(&both, "web:v2").edited, found(&both, "web:v2").undone()), (false, None));
        assert_eq!(found(&both, "web:v1").undone(), Some(Track::Candidate));
        for (tracks, present) in [(&both, "web:v3"), (&back, "web:v3"), (&back, "web:v2")] {
            let found = found(tracks, present);
            assert_eq!(found.revision(Track::Stable).unwrap().as_str(), present);
            assert_eq!((found.wanted(10).candidate, found.undone()), (0, None));
        }
    }

    #[test]
    fn what_cannot_surge_says_how_to_plan() {
        let mut tracks = fresh();
        let more =
            tracks.ask("statefulset shop/web", &spec(Track::Candidate, "web:v2", 1), Traffic::On, 3, false);
        let error = more.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Unsupported);
        assert!(error.to_string().contains("max_surge 0"), "{error}");
        let mut tracks = fresh();
        tracks.ask("web", &spec(Track::Stable, "web:v1", 2), Traffic::On, 3, false).unwrap();
        tracks.ask("web", &spec(Track::Candidate, "web:v2", 1), Traffic::On, 3, false).unwrap();
        // On the way back nothing is refused for it.
        tracks.ask("web", &spec(Track::Stable, "web:v1", 3), Traffic::Off, 3, false).unwrap();
    }

    #[test]
    fn revisions_stay_on_their_tracks() {
        for asked in [spec(Track::Stable, "web:v2", 3), spec(Track::Candidate, "web:v1", 1)] {
            let error = fresh().ask("web", &asked, Traffic::On, 3, true).unwrap_err();
            assert_eq!(error.kind(), FailureKind::Unsupported);
        }
    }
}

use serde_json::Value;
use shepherd_core::model::{Exposure, Match, Reason, RouterCapabilities, Track, Weight};

/// How one kind of object writes what a rule sends where.
pub(crate) trait Dialect: Send + Sync {
    /// What such an object can express.
    fn capabilities(&self) -> RouterCapabilities;

    /// What its parts are called.
    fn words(&self) -> Words;

    /// What errors call the backend of a track.
    fn backend(&self, track: Track) -> String;

    /// The backend of a track, the same however it was written.
    fn meant(&self, track: Track) -> String {
        self.backend(track)
    }

    /// Whether a backend is this track's.
    fn is(&self, backend: &Value, track: Track) -> bool;

    /// The candidate's backend, like stable's.
    fn candidate(&self, stable: &Value) -> Value;

    /// How much a backend gets, in proportion to the others of its rule; none when that cannot be read.
    fn weight(&self, backend: &Value, alone: bool) -> Option<u64>;

    /// The matches of a rule with one of `wanted` added to each; or what keeps them from being added.
    fn combined(&self, of_rule: Option<&Value>, wanted: &[Match]) -> Result<Value, String>;

    /// What was added to the matches of a rule to make these; none when they were not made so.
    fn added(&self, matches: &Value, of_rule: Option<&Value>) -> Option<Vec<Match>>;

    /// The share of a rule's requests that is copied to the candidate.
    fn mirror(&self, rule: &Value) -> Weight;

    /// What a rule's fields become when this share is copied to `candidate`, a backend; or what keeps them from it.
    fn mirrored(&self, rule: &Value, candidate: &Value, share: Weight) -> Result<Vec<Field>, String>;

    /// Whether nobody reaches the candidate without the object.
    fn routes_alone(&self) -> bool {
        true
    }

    /// What keeps the data path from doing what the object says, which is this exposure, as far as the object tells.
    fn awaits(&self, object: &Value, exposure: &Exposure) -> Option<Reason>;
}

/// A field and what it shall be; none when it shall not be there.
pub(crate) type Field = (&'static str, Option<Value>);

/// The names of fields, and what errors call what is in them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    /// The list of rules.
    pub(crate) rules: &'static str,
    /// The matches of a rule.
    pub(crate) matches: &'static str,
    /// The list of its backends.
    pub(crate) backends: &'static str,
    /// What tells one backend from the others.
    pub(crate) identity: &'static str,
    /// One rule, in errors.
    pub(crate) rule: &'static str,
    /// One backend, in errors.
    pub(crate) backend: &'static str,
}

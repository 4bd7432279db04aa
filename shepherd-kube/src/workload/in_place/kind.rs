use async_trait::async_trait;
use serde_json::Value;
use shepherd_core::model::Revision;
use shepherd_core::ports::PortError;

use super::beside::Beside;
use super::originals::Originals;
use super::replica::Replica;
use super::shape::{Both, Shape, Way};
use super::version::Version;
use crate::object::Edit;

/// What differs between the kinds of objects that both tracks can live in.
#[async_trait]
pub(super) trait Kind: Send + Sync + 'static {
    /// As the API calls it.
    const NAME: &'static str;

    /// The fields of its spec that a rollout changes.
    const FIELDS: &'static [&'static str];

    /// Whether it can have more replicas than it shall have, meanwhile.
    const SURGES: bool;

    /// Whether the way back takes [more](Self::may_turn) than the template of stable.
    const TURNS: bool = false;

    /// What remembers the templates before, and what is done with it.
    const VERSIONS: (&'static str, &'static [&'static str]);

    /// What is done with its pods.
    const PODS: &'static [&'static str];

    /// How many replicas it shall have.
    fn size(object: &Value) -> u32;

    /// What keeps it from being rolled out at all, and what to do about it.
    fn obstacle(object: &Value) -> Option<Obstacle> {
        no_history(object)
    }

    /// How many replicas there are, how many of them are of the present template, and how many are available.
    fn counts(object: &Value) -> [u64; 3];

    /// The templates that its replicas were made from.
    async fn versions(beside: &Beside<'_>, object: &Value) -> Result<Vec<Version>, PortError>;

    /// Makes its own controller keep to these numbers.
    fn hold(edit: &mut Edit<'_>, batch: &Batch<'_>);

    /// Whether the template may become this revision's again, of which there are replicas. Where it may not yet, does
    /// what it takes.
    async fn may_turn(
        _beside: &Beside<'_>,
        _object: &Value,
        _revision: &Revision,
    ) -> Result<bool, PortError> {
        Ok(true)
    }

    /// What lets one track have the object for itself, where the settings of its people would not: they are put back
    /// when it has.
    fn spreading(_strategy: &Value) -> Option<Value> {
        None
    }

    /// Which replicas Shepherd ends, since its own controller does not.
    fn ends<'r>(_ending: &Ending<'_>, _old: Vec<&'r Replica>) -> Vec<&'r Replica> {
        Vec::new()
    }

    /// Whether these are ended one after the other, each when all others are ready.
    fn ends_in_turn(_ending: &Ending<'_>) -> bool {
        false
    }

    /// Whether there may be any of those.
    fn may_end(_shape: Shape, _way: Way) -> bool {
        false
    }
}

/// What keeps an object from being rolled out, and what to do about it.
pub(super) type Obstacle = (&'static str, &'static str);

/// Without any template of before there is no way back.
pub(super) fn no_history(object: &Value) -> Option<Obstacle> {
    const WHY: &str = "its revisionHistoryLimit is 0, so there would be nothing to go back to";
    (object["spec"]["revisionHistoryLimit"] == 0).then_some((WHY, "set it to 1 or more"))
}

/// The numbers that an object is kept to.
pub(super) struct Batch<'b> {
    pub(super) object: &'b Value,
    pub(super) originals: Option<&'b Originals>,
    pub(super) both: Both,
    /// How many replicas it shall have.
    pub(super) all: u32,
    /// How many of stable's were never touched: those of the lowest ordinals.
    pub(super) never_touched: u32,
}

/// What an object has become, before the replicas that are too many are ended.
pub(super) struct Ending<'e> {
    pub(super) object: &'e Value,
    pub(super) shape: Shape,
    /// All replicas are there and ready.
    pub(super) whole: bool,
}

impl Batch<'_> {
    /// What a field is when no rollout changes it.
    pub(super) fn original(&self, name: &str) -> &Value {
        Originals::field(self.originals, self.object, name)
    }
}

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{People, Reason, Replicas, Track, human_duration};

/// What a rollout waits for, since when, until when, and what it will do then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// For what.
    pub on: WaitingFor,
    /// For how long it has waited, in attended time.
    #[serde(with = "human_duration")]
    pub since: Duration,
    /// How long it will go on waiting; none when only a person ends it.
    #[serde(default, with = "human_duration::option", skip_serializing_if = "Option::is_none")]
    pub left: Option<Duration>,
    /// What happens then.
    pub then: Then,
}

/// What something is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WaitingFor {
    /// To know the outside, before anything is done to it.
    Attachment,
    /// To see what is there, which fails for this reason.
    Sight(Reason),
    /// For a backend to accept a write.
    Answer(Reason),
    /// For replicas to become ready.
    Ready {
        /// On which side.
        track: Track,
        /// How many are.
        ready: Replicas,
        /// How many shall be.
        wanted: Replicas,
        /// Why they are not, as far as it is known: why they cannot become so by themselves or whom they wait for, in the
        /// backend's own words; that nothing sends to those that are; what somebody has made of stable.
        failing: Option<Reason>,
    },
    /// For a routing write to take effect, where the router does not tell what that takes.
    Effect,
    /// For what a routing write needs to take effect, in the router's own words.
    Router(Reason),
    /// For observed time.
    Bake {
        /// How much there is.
        #[serde(with = "human_duration")]
        observed: Duration,
        /// How much there shall be.
        #[serde(with = "human_duration")]
        wanted: Duration,
    },
    /// For a gate to pass.
    Gate(Option<Reason>),
    /// For people to approve.
    Approval {
        /// How many have.
        given: People,
        /// How many shall.
        needed: People,
    },
    /// For a hook to end.
    Hook,
    /// For the last requests of replicas that end.
    Drain,
    /// For a person, since it is paused.
    Person(Reason),
    /// For nothing: it has ended.
    Nothing,
}

/// What a wait ends in when it takes too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Then {
    /// The rollout is taken back.
    RollBack,
    /// A person is asked.
    Pause,
    /// The alarm is raised, and it goes on trying.
    Escalate,
    /// The rollout is refused, and nothing was changed.
    Refuse,
    /// Nothing: a person decides.
    Wait,
}

impl fmt::Display for WaitingFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitingFor::Attachment => write!(f, "waiting to know the outside"),
            WaitingFor::Sight(why) => write!(f, "what is there cannot be seen: {why}"),
            WaitingFor::Answer(what) => write!(f, "waiting for an answer: {what}"),
            WaitingFor::Ready { track, ready, wanted, failing } => {
                write!(f, "{ready} of {wanted} {track} replicas are ready")?;
                failing.as_ref().map_or(Ok(()), |reason| write!(f, " ({reason})"))
            }
            WaitingFor::Effect => write!(f, "waiting for the routing to take effect"),
            WaitingFor::Router(why) => write!(f, "waiting for the routing to take effect: {why}"),
            WaitingFor::Bake { observed, wanted } => {
                write!(
                    f,
                    "watched for {} of {}",
                    human_duration::show(*observed),
                    human_duration::show(*wanted)
                )
            }
            WaitingFor::Gate(Some(said)) => write!(f, "waiting for the gate, which said {said}"),
            WaitingFor::Gate(None) => write!(f, "waiting for the gate"),
            WaitingFor::Approval { given, needed } => write!(f, "{given} of {needed} have approved"),
            WaitingFor::Hook => write!(f, "waiting for the hook"),
            WaitingFor::Drain => write!(f, "waiting for the last requests"),
            WaitingFor::Person(reason) => write!(f, "paused: {reason}"),
            WaitingFor::Nothing => write!(f, "done"),
        }
    }
}

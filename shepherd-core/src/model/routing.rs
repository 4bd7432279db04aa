use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Exposure, Mark, Matching, Reason, Weight, human_duration, matching};

/// Where traffic goes, as the router itself tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routing {
    /// How users meet the candidate.
    pub exposure: Exposure,
    /// The mark of the write that made it so; none when nobody has marked it, or the router cannot hold marks.
    pub mark: Option<Mark>,
    /// Whether the data path already behaves so. A raise is done only then; taking traffic off never waits for it.
    pub in_effect: bool,
    /// What the data path waits for, in the router's own words; none when it behaves so, or the router cannot tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaits: Option<Reason>,
}

impl Routing {
    /// What keeps it from being in effect, where it is not and the router tells. What it says of one that is in effect
    /// keeps nobody.
    pub fn kept_by(&self) -> Option<&Reason> {
        self.awaits.as_ref().filter(|_| !self.in_effect)
    }
}

/// What a router can do. Plans are checked against it before anything happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools, reason = "each is one thing that a router can do or not")]
pub struct RouterCapabilities {
    /// The finest difference between two weights; [`Weight::FULL`] for a router that only switches.
    pub finest_weight: Weight,
    /// Which requests can be chosen by header or cookie.
    #[serde(deserialize_with = "matching::or_whether")]
    pub matches: Matching,
    /// Whether requests can be copied.
    pub mirror: bool,
    /// Whether the router holds the mark with the split, in one write, and refuses what [`admit`](super::admit)
    /// refuses. Without it the driver repeats each off after raises in flight have resolved.
    pub fenced: bool,
    /// Whether the two sides may change roles: the first claim of a later rollout takes the side that has all of the
    /// traffic for stable. What a promotion by [swap](crate::plan::Promotion::Swap) needs.
    #[serde(default = "swaps_as_ever")]
    pub swaps: bool,
    /// How long after a write reads back the data path may still behave as before, where the router cannot tell
    /// ([`Routing::in_effect`]). Zero where it can.
    #[serde(with = "human_duration")]
    pub settle: Duration,
}

/// What earlier releases took for granted: a rollout that they began goes on by the plan that it has.
const fn swaps_as_ever() -> bool {
    true
}

impl RouterCapabilities {
    /// A router of exact weights that holds marks, whose sides keep their roles, and that neither matches nor mirrors.
    pub const fn weighted() -> Self {
        Self {
            finest_weight: Weight::FINEST,
            matches: Matching::None,
            mirror: false,
            fenced: true,
            swaps: false,
            settle: Duration::ZERO,
        }
    }

    /// A router that sends all requests to one side or the other, holds marks, and whose sides may change roles.
    pub const fn switching() -> Self {
        Self { finest_weight: Weight::FULL, swaps: true, ..Self::weighted() }
    }

    /// The same with the finest difference between two weights.
    #[must_use]
    pub const fn finest_weight(mut self, step: Weight) -> Self {
        self.finest_weight = step;
        self
    }

    /// The same, and it can choose requests by any headers and cookies.
    #[must_use]
    pub const fn with_matches(self) -> Self {
        self.matching(Matching::Any)
    }

    /// The same, with which requests it can choose by header or cookie.
    #[must_use]
    pub const fn matching(mut self, matches: Matching) -> Self {
        self.matches = matches;
        self
    }

    /// The same, and it can copy requests.
    #[must_use]
    pub const fn with_mirror(mut self) -> Self {
        self.mirror = true;
        self
    }

    /// The same, and its sides may change roles, if it holds marks: without them the first claim of a rollout looks
    /// like any other.
    #[must_use]
    pub const fn with_swaps(mut self) -> Self {
        self.swaps = self.fenced;
        self
    }

    /// The same, with how long a write may take to reach the data path unseen.
    #[must_use]
    pub const fn settling(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// The same, but it cannot hold marks, and so its sides cannot change roles either.
    #[must_use]
    pub const fn unfenced(mut self) -> Self {
        self.fenced = false;
        self.swaps = false;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_keeps_what_is_in_effect() {
        let awaits = Some(Reason::new("Gateway public has not accepted generation 7 yet"));
        let routing =
            |in_effect| Routing { exposure: Exposure::OFF, mark: None, in_effect, awaits: awaits.clone() };
        assert_eq!(routing(false).kept_by(), awaits.as_ref());
        assert_eq!(routing(true).kept_by(), None);
    }

    #[test]
    fn what_nothing_is_said_of_is_written_as_ever() {
        let mut routing = Routing { exposure: Exposure::OFF, mark: None, in_effect: false, awaits: None };
        let written = serde_json::to_value(&routing).unwrap();
        assert!(written.get("awaits").is_none(), "{written}");
        assert_eq!(serde_json::from_value::<Routing>(written).unwrap(), routing);
        routing.awaits = Some(Reason::new("its sidecars"));
        let written = serde_json::to_value(&routing).unwrap();
        assert_eq!(serde_json::from_value::<Routing>(written).unwrap(), routing);
    }

    #[test]
    fn sides_change_roles_only_where_marks_are_held() {
        assert!(RouterCapabilities::switching().swaps && RouterCapabilities::weighted().with_swaps().swaps);
        assert!(!RouterCapabilities::weighted().swaps && !RouterCapabilities::switching().unfenced().swaps);
        assert!(!RouterCapabilities::weighted().unfenced().with_swaps().swaps);
    }

    #[test]
    fn what_an_earlier_release_saved_may_swap() {
        let mut saved = serde_json::to_value(RouterCapabilities::weighted()).unwrap();
        saved.as_object_mut().unwrap().remove("swaps").unwrap();
        assert!(serde_json::from_value::<RouterCapabilities>(saved).unwrap().swaps);
    }
}

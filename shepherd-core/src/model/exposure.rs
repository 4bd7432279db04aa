use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::Weight;

/// How users meet the candidate: a share of all requests, those that match, and copies whose answers nobody sees.
/// Stable always serves the rest, so weights add up to 100% by construction.
///
/// Two are the same when users meet the candidate in the same way: the order of matches means nothing, nor does one
/// that is there twice.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Exposure {
    /// Share of the requests that match nothing.
    pub weight: Weight,
    /// Requests that go to the candidate whatever the weight. Any one of them suffices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<Match>,
    /// Share of stable's requests that is copied to the candidate.
    #[serde(default, skip_serializing_if = "none_mirrored")]
    pub mirror: Weight,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn none_mirrored(share: &Weight) -> bool {
    share.is_zero()
}

/// A request that is the candidate's. Two are the same when they match the same requests.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Match {
    /// A header of exactly this value; the name is compared without regard to case.
    Header {
        /// The header's name.
        name: String,
        /// Its whole value.
        value: String,
    },
    /// A cookie of exactly this value.
    Cookie {
        /// The cookie's name.
        name: String,
        /// Its whole value.
        value: String,
    },
}

impl Exposure {
    /// Nobody meets the candidate.
    pub const OFF: Exposure = Exposure { weight: Weight::ZERO, matches: Vec::new(), mirror: Weight::ZERO };

    /// A share of all requests.
    pub fn weight(weight: Weight) -> Self {
        Exposure { weight, ..Self::OFF }
    }

    /// The requests that match, and no others.
    pub fn matching(matches: impl IntoIterator<Item = Match>) -> Self {
        Exposure { matches: matches.into_iter().collect(), ..Self::OFF }
    }

    /// The same with a share of stable's requests copied to the candidate.
    #[must_use]
    pub fn mirrored(mut self, share: Weight) -> Self {
        self.mirror = share;
        self
    }

    /// The same with the share of all requests replaced.
    #[must_use]
    pub fn with_weight(mut self, weight: Weight) -> Self {
        self.weight = weight;
        self
    }

    /// Whether nobody meets the candidate.
    pub fn is_off(&self) -> bool {
        self.weight.is_zero() && self.matches.is_empty() && self.mirror.is_zero()
    }

    /// Whether stable gets no requests to be compared with.
    pub fn is_full(&self) -> bool {
        self.weight == Weight::FULL
    }

    /// Whether all of the traffic is the candidate's, and nothing else is asked: what a promotion by swap leaves, and
    /// where a router that [swaps](super::RouterCapabilities::swaps) exchanges the roles at the first claim of the next
    /// rollout.
    pub fn is_all(&self) -> bool {
        self.is_full() && self.matches.is_empty() && self.mirror.is_zero()
    }

    /// The share of all requests that reaches the candidate's replicas, copies included, rounded up. Those that match
    /// are not known beforehand and not in it.
    pub(crate) fn load(&self) -> Weight {
        let full = u32::from(Weight::FULL.as_hundredths());
        let copies = u32::from(self.weight.rest().as_hundredths()) * u32::from(self.mirror.as_hundredths());
        let load = u32::from(self.weight.as_hundredths()) + copies.div_ceil(full);
        Weight::hundredths(load).unwrap_or(Weight::FULL)
    }

    /// Whether moving from `before` to this shows the candidate to anybody more: any increase of any part.
    ///
    /// ```
    /// # use shepherd_core::model::{Exposure, Match, Weight};
    /// let ten = Exposure::weight(Weight::percent(10)?);
    /// let beta = Exposure::matching([Match::Header { name: "x-beta".into(), value: "1".into() }]);
    /// assert!(ten.raises(&Exposure::OFF) && !Exposure::OFF.raises(&ten));
    /// assert!(ten.raises(&beta) && beta.raises(&ten), "each shows it to somebody new");
    /// # Ok::<(), shepherd_core::model::WeightError>(())
    /// ```
    pub fn raises(&self, before: &Exposure) -> bool {
        self.weight > before.weight
            || self.mirror > before.mirror
            || self.matches.iter().any(|m| !before.matches.contains(m))
    }
}

impl PartialEq for Exposure {
    fn eq(&self, other: &Self) -> bool {
        let within = |these: &[Match], those: &[Match]| these.iter().all(|one| those.contains(one));
        self.weight == other.weight
            && self.mirror == other.mirror
            && within(&self.matches, &other.matches)
            && within(&other.matches, &self.matches)
    }
}

impl Eq for Exposure {}

impl Hash for Exposure {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.weight, self.mirror, self.matches.is_empty()).hash(state);
    }
}

impl PartialEq for Match {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Match::Header { name, value }, Match::Header { name: other, value: theirs }) => {
                name.eq_ignore_ascii_case(other) && value == theirs
            }
            (Match::Cookie { name, value }, Match::Cookie { name: other, value: theirs }) => {
                name == other && value == theirs
            }
            _ => false,
        }
    }
}

impl Eq for Match {}

impl Hash for Match {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (Match::Header { name, value } | Match::Cookie { name, value }) = self;
        (name.to_ascii_lowercase(), value).hash(state);
    }
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.matches.is_empty() {
            write!(f, "{}", self.weight)?;
        } else {
            for (nth, one) in self.matches.iter().enumerate() {
                write!(f, "{}{one}", if nth == 0 { "" } else { " or " })?;
            }
            if !self.weight.is_zero() {
                write!(f, " and {} of the rest", self.weight)?;
            }
        }
        if self.mirror.is_zero() { Ok(()) } else { write!(f, ", {} mirrored", self.mirror) }
    }
}

/// Names alone: a header or a cookie may hold what lets its bearer in.
impl fmt::Debug for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Names alone: a header or a cookie may hold what lets its bearer in.
impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Match::Header { name, .. } => write!(f, "header {name}"),
            Match::Cookie { name, .. } => write!(f, "cookie {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: &str) -> Match {
        Match::Header { name: name.to_owned(), value: value.to_owned() }
    }

    fn cookie(name: &str) -> Match {
        Match::Cookie { name: name.to_owned(), value: "b".to_owned() }
    }

    #[test]
    fn the_same_requests_are_the_same_exposure() {
        let beta = Exposure::matching([header("X-Beta", "1"), cookie("group")]);
        assert_eq!(beta, Exposure::matching([cookie("group"), header("x-beta", "1"), cookie("group")]));
        assert!(!beta.raises(&Exposure::matching([cookie("group"), header("x-beta", "1")])));
        for other in [
            Exposure::matching([header("x-beta", "1")]),
            Exposure::matching([header("x-beta", "2"), cookie("group")]),
            Exposure::matching([header("x-beta", "1"), cookie("Group")]),
            beta.clone().with_weight(Weight::FINEST),
            beta.clone().mirrored(Weight::FINEST),
        ] {
            assert_ne!(beta, other);
        }
    }
}

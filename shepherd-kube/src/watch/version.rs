use serde_json::Value;

/// A `resourceVersion`, which are decimal numbers since Kubernetes 1.35 promises so.
///
/// Among objects of one kind the greater one is the later one, by that promise. Between kinds it is so wherever the API
/// server keeps both in one etcd; where it does not, what belongs to an object may be seen as old as the server has it
/// at hand, which is what all controllers live with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Version(u64);

impl Version {
    /// Before every other one.
    pub(crate) const FIRST: Self = Self(0);

    /// One that no watch ever comes to: what is so new is looked at directly.
    pub(crate) const UNKNOWN: Self = Self(u64::MAX);

    /// That of an object, or of a list. One that is no number is [`UNKNOWN`](Self::UNKNOWN).
    pub(crate) fn of(object: &Value) -> Self {
        object["metadata"]["resourceVersion"].as_str().map_or(Self::UNKNOWN, Self::parse)
    }

    pub(crate) fn parse(text: &str) -> Self {
        text.parse().ok().filter(|number| *number > 0).map_or(Self::UNKNOWN, Self)
    }

    pub(super) const fn is_known(self) -> bool {
        self.0 != u64::MAX
    }

    pub(super) const fn number(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_never_reached() {
        assert!(Version::parse("9") < Version::parse("10"));
        for text in ["", "0", "-1", "v7", "99999999999999999999999"] {
            assert_eq!(Version::parse(text), Version::UNKNOWN, "{text}");
        }
        assert_eq!(Version::of(&Value::Null), Version::UNKNOWN);
    }
}

use std::fmt;

use serde::{Deserialize, Serialize};

/// A newtype over a number of things of one kind, so that none is taken for another: a plain number in JSON.
macro_rules! count {
    ($(#[$doc:meta])* $name:ident, $number:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name($number);

        impl $name {
            /// None.
            pub const ZERO: $name = $name(0);

            /// So many.
            pub const fn new(count: $number) -> Self {
                Self(count)
            }

            /// The count.
            pub const fn get(self) -> $number {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$number> for $name {
            fn from(count: $number) -> Self {
                Self(count)
            }
        }
    };
}

count! {
    /// A number of requests of users.
    ///
    /// ```
    /// # use shepherd_core::guard::Guard;
    /// # use shepherd_core::model::Requests;
    /// let guard = "error_rate > 5% for 2m".parse::<Guard>()?.min_requests(50);
    /// assert_eq!(guard.requests_needed(), Requests::new(50));
    /// # Ok::<(), shepherd_core::guard::GuardError>(())
    /// ```
    Requests, u64
}
count! {
    /// A number of different people.
    ///
    /// ```
    /// # use shepherd_core::model::People;
    /// # use shepherd_core::plan::Approval;
    /// assert_eq!(Approval::of_anybody(2).needed, People::new(2));
    /// ```
    People, u32
}
count! {
    /// How often something happens.
    ///
    /// ```
    /// # use shepherd_core::model::{GateName, Times};
    /// # use shepherd_core::plan::GateCheck;
    /// let check = GateCheck::new(GateName::new("smoke")?).passes(3).failures(0);
    /// assert_eq!((check.passes, check.failures), (Times::new(3), Times::ZERO));
    /// # Ok::<(), shepherd_core::model::NameError>(())
    /// ```
    Times, u32
}

impl People {
    /// Each of these, who are known to be different.
    pub(crate) fn of<T>(people: &[T]) -> Self {
        Self(u32::try_from(people.len()).unwrap_or(u32::MAX))
    }
}

impl Times {
    /// Once more.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_the_plain_number() {
        assert_eq!(serde_json::to_string(&Requests::new(u64::MAX)).unwrap(), u64::MAX.to_string());
        assert_eq!(serde_json::from_str::<Times>("3").unwrap(), Times::new(3));
        assert!(serde_json::from_str::<People>("-1").is_err());
    }

    #[test]
    fn prints_as_the_number_does() {
        assert_eq!(format!("{}{:>3}", People::new(2), Times::ZERO.next()), "2  1");
    }

    #[test]
    fn counts_those_who_are_there() {
        assert_eq!(People::of(&["ada", "bob"]), People::new(2));
        assert_eq!(People::of::<&str>(&[]), People::ZERO);
    }
}

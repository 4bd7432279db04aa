use std::fmt;
use std::str::FromStr;

use crate::model::Replicas;

/// A number of replicas, or a percentage of all of them. Reads and prints as `2` or `25%`.
///
/// ```
/// # use shepherd_core::strategy::Count;
/// assert_eq!("2".parse(), Ok(Count::number(2)));
/// assert_eq!(Count::percent(25).to_string(), "25%");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Count {
    /// So many.
    Number(Replicas),
    /// So many of a hundred.
    Percent(Percent),
}

/// So many of a hundred. It may be more than all: twice as many replicas are `200%`.
///
/// ```
/// # use shepherd_core::strategy::Percent;
/// assert_eq!(Percent::new(25).to_string(), "25%");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Percent(u32);

/// Why a text is no count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is no count of replicas: write a number such as 2, or a percentage such as 25%")]
pub struct CountError {
    value: String,
}

impl Count {
    /// So many replicas.
    pub fn number(replicas: impl Into<Replicas>) -> Self {
        Count::Number(replicas.into())
    }

    /// So many of a hundred.
    pub fn percent(percent: impl Into<Percent>) -> Self {
        Count::Percent(percent.into())
    }

    /// How many of `all` it is at least.
    pub(super) fn rounded_up(self, all: Replicas) -> Replicas {
        match self {
            Count::Number(number) => number,
            Count::Percent(percent) => fitting(percent.hundredfold(all).div_ceil(100)),
        }
    }

    /// How many of `all` it is at most.
    pub(super) fn rounded_down(self, all: Replicas) -> Replicas {
        match self {
            Count::Number(number) => number,
            Count::Percent(percent) => fitting(percent.hundredfold(all) / 100),
        }
    }
}

fn fitting(count: u64) -> Replicas {
    Replicas::new(u32::try_from(count).unwrap_or(u32::MAX))
}

impl Percent {
    /// Nothing.
    pub const ZERO: Percent = Percent(0);

    /// So many of a hundred.
    pub const fn new(percent: u32) -> Self {
        Self(percent)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    fn hundredfold(self, all: Replicas) -> u64 {
        u64::from(all.get()) * u64::from(self.0)
    }
}

impl FromStr for Count {
    type Err = CountError;

    fn from_str(text: &str) -> Result<Self, CountError> {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse::<u32>().ok()).flatten()
        };
        let count = match text.strip_suffix('%') {
            Some(percent) => number(percent).map(Count::percent),
            None => number(text).map(Count::number),
        };
        count.ok_or_else(|| CountError { value: text.to_owned() })
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Count::Number(number) => number.fmt(f),
            Count::Percent(percent) => percent.fmt(f),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}%", self.0))
    }
}

impl From<u32> for Percent {
    fn from(percent: u32) -> Self {
        Self(percent)
    }
}

impl From<Replicas> for Count {
    fn from(replicas: Replicas) -> Self {
        Count::Number(replicas)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_rounds_as_it_is_asked() {
        let (all, quarter) = (Replicas::new(10), Count::percent(25));
        assert_eq!(
            (quarter.rounded_up(all), quarter.rounded_down(all)),
            (Replicas::new(3), Replicas::new(2))
        );
        assert_eq!(Count::percent(u32::MAX).rounded_up(Replicas::new(u32::MAX)), Replicas::new(u32::MAX));
        let two = Count::number(2);
        assert_eq!((two.rounded_up(all), two.rounded_down(all)), (Replicas::new(2), Replicas::new(2)));
    }

    #[test]
    fn reads_back_what_it_prints_and_refuses_what_is_no_count() {
        for text in ["0", "2", "25%", "200%"] {
            assert_eq!(text.parse::<Count>().unwrap().to_string(), text);
        }
        for bad in ["", "%", "-1", "+1", "2.5", "25 %", "4294967296"] {
            let error = bad.parse::<Count>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{bad:?} is no count of replicas: ")), "{error}");
        }
    }
}

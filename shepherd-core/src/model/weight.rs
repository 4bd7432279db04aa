use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A share of the traffic in hundredths of a percent: large users start at 0.1%. Prints as `12.5%`.
///
/// ```
/// # use shepherd_core::model::Weight;
/// let weight: Weight = "12.5%".parse()?;
/// assert_eq!(weight, Weight::hundredths(1250)?);
/// assert_eq!(weight.to_string(), "12.5%");
/// assert_eq!(weight.rest().to_string(), "87.5%");
/// # Ok::<(), shepherd_core::model::WeightError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Weight(u16);

/// Why a number or text is no weight.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("weight {value} is not allowed: a weight is 0% to 100% in steps of 0.01%, such as 10 or 12.5%")]
pub struct WeightError {
    value: String,
}

impl Weight {
    /// No traffic.
    pub const ZERO: Weight = Weight(0);
    /// All of the traffic.
    pub const FULL: Weight = Weight(10_000);
    /// The least difference between two weights: a hundredth of a percent.
    pub const FINEST: Weight = Weight(1);

    /// A weight from whole percents.
    ///
    /// # Errors
    /// [`WeightError`] above 100.
    pub fn percent(percent: u32) -> Result<Self, WeightError> {
        percent
            .checked_mul(100)
            .and_then(Self::checked)
            .ok_or_else(|| WeightError { value: format!("{percent}%") })
    }

    /// A weight from hundredths of a percent, 0 to 10,000.
    ///
    /// # Errors
    /// [`WeightError`] above 10,000.
    pub fn hundredths(hundredths: u32) -> Result<Self, WeightError> {
        Self::checked(hundredths).ok_or_else(|| WeightError { value: format!("{hundredths}/10000") })
    }

    fn checked(hundredths: u32) -> Option<Self> {
        u16::try_from(hundredths).ok().filter(|h| *h <= Self::FULL.0).map(Self)
    }

    /// In hundredths of a percent, 0 to 10,000.
    pub fn as_hundredths(self) -> u16 {
        self.0
    }

    /// As a fraction, 0 to 1.
    pub fn as_fraction(self) -> f64 {
        f64::from(self.0) / f64::from(Self::FULL.0)
    }

    /// What is left for the other side.
    #[must_use]
    pub fn rest(self) -> Self {
        Self(Self::FULL.0 - self.0)
    }

    /// Whether this is no traffic at all.
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// The nearest weight that is a multiple of `step`; a step of zero changes nothing.
    #[must_use]
    pub fn rounded_to(self, step: Weight) -> Self {
        if step.0 == 0 {
            return self;
        }
        let (weight, step) = (u32::from(self.0), u32::from(step.0));
        let nearest = (weight + step / 2) / step * step;
        Self::checked(nearest).unwrap_or(Self::FULL)
    }

    /// The greatest multiple of `step` that is not above this; a step of zero changes nothing.
    #[must_use]
    pub(crate) fn rounded_down_to(self, step: Weight) -> Self {
        Self(self.0.checked_div(step.0).map_or(self.0, |steps| steps * step.0))
    }

    /// The share that `part` of `whole` is, rounded down; all of it when `whole` is zero.
    pub(crate) fn share_of(part: u32, whole: u32) -> Self {
        if whole == 0 || part >= whole {
            return Self::FULL;
        }
        let hundredths = u64::from(part) * u64::from(Self::FULL.0) / u64::from(whole);
        u32::try_from(hundredths).ok().and_then(Self::checked).unwrap_or(Self::FULL)
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 100, self.0 % 100);
        let text = match part {
            0 => format!("{whole}%"),
            part if part % 10 == 0 => format!("{whole}.{}%", part / 10),
            part => format!("{whole}.{part:02}%"),
        };
        f.pad(&text)
    }
}

impl FromStr for Weight {
    type Err = WeightError;

    fn from_str(text: &str) -> Result<Self, WeightError> {
        let refused = || WeightError { value: format!("{:?}", text.chars().take(40).collect::<String>()) };
        let number = text.strip_suffix('%').unwrap_or(text);
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 2 {
            return Err(refused());
        }
        let hundredths = format!("{whole}{part:0<2}").parse().map_err(|_| refused())?;
        Self::checked(hundredths).ok_or_else(refused)
    }
}

/// A weight is a weight already: what takes anything that may be one takes weights too.
impl From<Infallible> for WeightError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl TryFrom<u32> for Weight {
    type Error = WeightError;
    /// Whole percents.
    fn try_from(percent: u32) -> Result<Self, WeightError> {
        Self::percent(percent)
    }
}

impl TryFrom<i32> for Weight {
    type Error = WeightError;
    /// Whole percents, so that plain literals can be written: `Canary::weights([1, 10, 100])`.
    fn try_from(percent: i32) -> Result<Self, WeightError> {
        let refused = || WeightError { value: format!("{percent}%") };
        u32::try_from(percent).map_err(|_| refused()).and_then(Self::percent)
    }
}

impl TryFrom<&str> for Weight {
    type Error = WeightError;
    fn try_from(text: &str) -> Result<Self, WeightError> {
        text.parse()
    }
}

impl TryFrom<String> for Weight {
    type Error = WeightError;
    fn try_from(text: String) -> Result<Self, WeightError> {
        text.parse()
    }
}

impl From<Weight> for String {
    fn from(weight: Weight) -> String {
        weight.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn reads_back_what_it_prints(hundredths in 0u32..=10_000) {
            let weight = Weight::hundredths(hundredths).unwrap();
            prop_assert_eq!(weight.to_string().parse::<Weight>().unwrap(), weight);
        }

        #[test]
        fn rounding_lands_on_a_step_and_within_half_of_it(hundredths in 0u32..=10_000, step in prop::sample::select(vec![1u32, 10, 50, 100, 500])) {
            let (weight, step) = (Weight::hundredths(hundredths).unwrap(), Weight::hundredths(step).unwrap());
            let rounded = weight.rounded_to(step);
            prop_assert_eq!(rounded.0 % step.0, 0);
            prop_assert!(rounded.0.abs_diff(weight.0) <= step.0.div_ceil(2));
        }
    }

    #[test]
    fn refuses_what_is_no_share() {
        for bad in ["", "-1", "101", "100.01", "1.234", "x", "%", ".5", "1e1", " 5"] {
            assert!(bad.parse::<Weight>().is_err(), "{bad}");
        }
        assert!(Weight::try_from(-1_i32).is_err());
        assert_eq!(
            Weight::try_from(120_i32).unwrap_err().to_string().split(" is ").next(),
            Some("weight 120%")
        );
    }
}

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How many of all requests are meant when one number tells how long they took, in tenths of a percent. Prints as
/// `p95` or `p99.9`.
///
/// ```
/// # use shepherd_core::model::Quantile;
/// let most: Quantile = "p99.9".parse()?;
/// assert_eq!(most, Quantile::tenths(999)?);
/// assert_eq!(Quantile::percent(95)?, Quantile::P95);
/// assert_eq!(Quantile::P95.to_string(), "p95");
/// assert_eq!(Quantile::P95.as_fraction(), 0.95);
/// # Ok::<(), shepherd_core::model::QuantileError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Quantile(u16);

/// Why a number or text is no quantile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("quantile {value} is not allowed: a quantile is p0.1 to p99.9 in steps of 0.1, such as p95 or p99.9")]
pub struct QuantileError {
    value: String,
}

/// What would be all requests, in tenths of a percent.
const ALL: u16 = 1000;

impl Quantile {
    /// Half of the requests: the median.
    pub const P50: Quantile = Quantile(500);
    /// 9 of 10 requests.
    pub const P90: Quantile = Quantile(900);
    /// 95 of 100 requests.
    pub const P95: Quantile = Quantile(950);
    /// 99 of 100 requests.
    pub const P99: Quantile = Quantile(990);
    /// 999 of 1000 requests.
    pub const P99_9: Quantile = Quantile(999);

    /// A quantile from whole percents.
    ///
    /// # Errors
    /// [`QuantileError`] for 0, and above 99.
    pub fn percent(percent: u32) -> Result<Self, QuantileError> {
        percent
            .checked_mul(10)
            .and_then(Self::checked)
            .ok_or_else(|| QuantileError { value: format!("p{percent}") })
    }

    /// A quantile from tenths of a percent, 1 to 999.
    ///
    /// # Errors
    /// [`QuantileError`] for 0, and above 999.
    pub fn tenths(tenths: u32) -> Result<Self, QuantileError> {
        Self::checked(tenths).ok_or_else(|| QuantileError { value: format!("{tenths}/{ALL}") })
    }

    /// None and all are no quantiles: no request is that fast, and one of many says nothing of the others.
    fn checked(tenths: u32) -> Option<Self> {
        u16::try_from(tenths).ok().filter(|tenths| (1..ALL).contains(tenths)).map(Self)
    }

    /// In tenths of a percent, 1 to 999.
    pub const fn as_tenths(self) -> u16 {
        self.0
    }

    /// As a fraction, above 0 and below 1.
    pub fn as_fraction(self) -> f64 {
        f64::from(self.0) / f64::from(ALL)
    }
}

impl fmt::Display for Quantile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 10, self.0 % 10);
        let text = if part == 0 { format!("p{whole}") } else { format!("p{whole}.{part}") };
        f.pad(&text)
    }
}

impl FromStr for Quantile {
    type Err = QuantileError;

    fn from_str(text: &str) -> Result<Self, QuantileError> {
        let refused = || QuantileError { value: format!("{:?}", text.chars().take(40).collect::<String>()) };
        text.strip_prefix('p').and_then(tenths).and_then(Self::checked).ok_or_else(refused)
    }
}

/// `95` is 950 tenths of a percent, `99.9` is 999.
fn tenths(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let fits = digits(whole) && digits(part) && whole.len() <= 2 && part.len() == 1;
    fits.then(|| format!("{whole}{part}").parse().ok())?
}

impl TryFrom<String> for Quantile {
    type Error = QuantileError;
    fn try_from(text: String) -> Result<Self, QuantileError> {
        text.parse()
    }
}

impl From<Quantile> for String {
    fn from(quantile: Quantile) -> String {
        quantile.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quantile_reads_back_what_it_prints() {
        for tenths in 1..1000 {
            let quantile = Quantile::tenths(tenths).unwrap();
            assert_eq!(quantile.to_string().parse(), Ok(quantile));
        }
        assert_eq!(format!("{:>6}|", Quantile::P99_9), " p99.9|");
    }

    #[test]
    fn refuses_what_is_no_quantile_and_says_what_is_one() {
        for bad in ["", "p", "95", "p0", "p0.0", "p100", "p95.", "p.5", "p95.55", "p-1", "P95", "p 5"] {
            assert!(bad.parse::<Quantile>().is_err(), "{bad}");
        }
        let texts = [
            (Quantile::percent(0), "p0"),
            (Quantile::percent(100), "p100"),
            (Quantile::tenths(1000), "1000/1000"),
        ]
        .map(|(refused, value)| (refused.unwrap_err().to_string(), value));
        for (text, value) in texts {
            assert!(text.starts_with(&format!("quantile {value} is not allowed: ")), "{text}");
        }
    }

    #[test]
    fn json_is_the_plain_text_and_is_checked() {
        assert_eq!(serde_json::to_string(&Quantile::P99_9).unwrap(), r#""p99.9""#);
        assert!(serde_json::from_str::<Quantile>(r#""p100""#).is_err());
    }
}

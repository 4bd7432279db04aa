use std::fmt;
use std::time::Duration;

use crate::model::{Unit, human_duration};

/// A number as people write it, in millionths: exact, so that what is printed reads back as the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Decimal(u64);

/// A value that a metric is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Quantity {
    /// In percent.
    Share(Decimal),
    Latency(Duration),
    Rate(Decimal),
    Bytes(u64),
    Plain(Decimal),
}

const MILLION: u64 = 1_000_000;

/// From large to small, as the largest that fits is printed.
const BYTES: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl Decimal {
    pub(super) const HUNDRED: Decimal = Decimal(100 * MILLION);
    pub(super) const WHOLE_DIGITS: usize = 12;
    pub(super) const PART_DIGITS: usize = 6;

    /// Of the digits before the point and those after it; none when there are too many.
    pub(super) fn of(whole: &str, part: &str) -> Option<Self> {
        let fits = whole.len() <= Self::WHOLE_DIGITS && part.len() <= Self::PART_DIGITS;
        let whole: u64 = fits.then(|| whole.parse().ok())??;
        let part: u64 = format!("{part:0<6}").parse().ok()?;
        Some(Self(whole * MILLION + part))
    }

    pub(super) fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// A hundred times as much, for a share that was written as a fraction.
    pub(super) fn in_percent(self) -> Self {
        Self(self.0.saturating_mul(100))
    }

    pub(super) fn is_below_one(self) -> bool {
        self.0 < MILLION
    }

    #[allow(clippy::cast_precision_loss, reason = "beyond 2^53 millionths a threshold need not be exact")]
    pub(super) fn number(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl Quantity {
    /// So many of a unit of bytes; none when that is no whole number of bytes or too many to be written.
    pub(super) fn bytes(count: Decimal, unit: &str) -> Option<Self> {
        let (_, size) = BYTES.iter().find(|(name, _)| *name == unit)?;
        let millionths = u128::from(count.0) * u128::from(*size);
        let bytes = u64::try_from(millionths / u128::from(MILLION)).ok()?;
        let (many, _) = in_bytes(bytes);
        let fits = millionths % u128::from(MILLION) == 0 && many.to_string().len() <= Decimal::WHOLE_DIGITS;
        fits.then_some(Quantity::Bytes(bytes))
    }

    pub(super) fn unit(self) -> Unit {
        match self {
            Quantity::Share(_) => Unit::Share,
            Quantity::Latency(_) => Unit::Seconds,
            Quantity::Rate(_) => Unit::PerSecond,
            Quantity::Bytes(_) => Unit::Bytes,
            Quantity::Plain(_) => Unit::Plain,
        }
    }

    /// As samples count it: a share from 0 to 1, seconds, bytes.
    #[allow(clippy::cast_precision_loss, reason = "nobody measures memory to the byte beyond 2^53")]
    pub(super) fn number(self) -> f64 {
        match self {
            Quantity::Share(percent) => percent.number() / 100.0,
            Quantity::Latency(duration) => duration.as_secs_f64(),
            Quantity::Rate(number) | Quantity::Plain(number) => number.number(),
            Quantity::Bytes(bytes) => bytes as f64,
        }
    }
}

fn in_bytes(bytes: u64) -> (u64, &'static str) {
    let fitting = BYTES.iter().find(|(_, size)| bytes >= *size && bytes.is_multiple_of(*size));
    fitting.map_or((bytes, "B"), |(name, size)| (bytes / size, name))
}

/// A measured number, rounded to what a person reads.
pub(super) fn measured(number: f64, unit: Unit) -> String {
    match unit {
        Unit::Share => format!("{}%", rounded(number * 100.0)),
        Unit::Seconds if number < 1.0 => format!("{}ms", rounded(number * 1000.0)),
        Unit::Seconds => format!("{}s", rounded(number)),
        Unit::PerSecond => format!("{}/s", rounded(number)),
        Unit::Bytes => measured_bytes(number),
        Unit::Plain => rounded(number),
    }
}

#[allow(clippy::cast_precision_loss, reason = "powers of two are exact")]
fn measured_bytes(number: f64) -> String {
    let fitting = BYTES.iter().find(|(_, size)| number >= *size as f64);
    fitting.map_or_else(
        || format!("{}B", rounded(number)),
        |(name, size)| format!("{}{name}", rounded(number / *size as f64)),
    )
}

/// Two digits after the point, four below one: `21.3`, `0.0012`.
fn rounded(number: f64) -> String {
    let text = match number.abs() {
        large if large >= 1e15 => return format!("{number:e}"),
        large if large >= 1.0 => format!("{number:.2}"),
        _ => format!("{number:.4}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / MILLION, self.0 % MILLION);
        if part == 0 {
            return write!(f, "{whole}");
        }
        write!(f, "{whole}.{}", format!("{part:06}").trim_end_matches('0'))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Quantity::Share(percent) => write!(f, "{percent}%"),
            Quantity::Latency(duration) => f.write_str(&human_duration::show(*duration)),
            Quantity::Rate(number) => write!(f, "{number}/s"),
            Quantity::Plain(number) => write!(f, "{number}"),
            Quantity::Bytes(bytes) => {
                let (many, unit) = in_bytes(*bytes);
                write!(f, "{many}{unit}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_is_short() {
        let cases = [
            (0.213, Unit::Share, "21.3%"),
            (0.001, Unit::Share, "0.1%"),
            (0.0, Unit::Share, "0%"),
            (1.25, Unit::Seconds, "1.25s"),
            (0.34, Unit::Seconds, "340ms"),
            (536_870_912.0, Unit::Bytes, "512MiB"),
            (12.0, Unit::PerSecond, "12/s"),
            (3e20, Unit::Plain, "3e20"),
        ];
        for (number, unit, text) in cases {
            assert_eq!(measured(number, unit), text);
        }
    }

    #[test]
    fn thresholds_are_exact() {
        assert_eq!(Quantity::Share(Decimal(7 * MILLION)).number().to_bits(), 0.07_f64.to_bits());
        let half = Decimal(1_500_000);
        assert_eq!(Quantity::bytes(half, "GiB").unwrap().to_string(), "1536MiB");
        assert_eq!(Quantity::bytes(half, "B"), None);
        assert_eq!(Decimal::of("1", "05").unwrap().to_string(), "1.05");
    }
}

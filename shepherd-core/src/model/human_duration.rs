//! Durations as people write them (`90s`, `5m`, `1h30m`), in print and in JSON.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// `1h30m`: humantime's form without its spaces, so that it stays one word.
pub(crate) fn show(duration: Duration) -> String {
    humantime::format_duration(duration).to_string().replace(' ', "")
}

pub(crate) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&show(*duration))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text).map_err(|error| {
        serde::de::Error::custom(format!("duration {text:?}: {error}; write it like 90s, 5m or 1h30m"))
    })
}

/// Piece by piece, as humantime panics where pieces add up to more than a duration can be.
fn parse(text: &str) -> Result<Duration, humantime::DurationError> {
    let (mut sum, mut start, mut in_unit) = (Duration::ZERO, 0, false);
    let add = |sum: Duration, piece: &str| {
        let more = humantime::parse_duration(piece)?;
        sum.checked_add(more).ok_or(humantime::DurationError::NumberOverflow)
    };
    for (at, c) in text.char_indices() {
        if in_unit && c.is_ascii_digit() {
            sum = add(sum, text.get(start..at).unwrap_or_default())?;
            (start, in_unit) = (at, false);
        }
        in_unit |= c.is_alphabetic();
    }
    add(sum, text.get(start..).unwrap_or_default())
}

/// The same for a duration that may be absent.
pub(crate) mod option {
    use super::{Deserialize, Deserializer, Duration, Serializer};

    #[allow(clippy::ref_option, reason = "the signature that serde asks for")]
    pub(crate) fn serialize<S: Serializer>(duration: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::serialize(duration, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        #[derive(Deserialize)]
        struct Human(#[serde(with = "super")] Duration);
        Ok(Option::<Human>::deserialize(from)?.map(|human| human.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_one_word_that_reads_back() {
        for (millis, text) in [(90_000, "1m30s"), (5_400_000, "1h30m"), (250, "250ms"), (0, "0s")] {
            let duration = Duration::from_millis(millis);
            assert_eq!(show(duration), text);
            assert_eq!(humantime::parse_duration(text).unwrap(), duration);
        }
    }

    #[test]
    fn no_text_is_too_large() {
        assert!(humantime_agrees("1h 30m 5s") && humantime_agrees("1.5h") && humantime_agrees("2 days 3ms"));
        assert!(
            humantime_agrees("") && humantime_agrees("h") && humantime_agrees("0") && humantime_agrees("5")
        );
        assert_eq!(parse(&show(Duration::MAX)), Ok(Duration::MAX));
        assert_eq!(parse("18446744073709551615s1000ms"), Err(humantime::DurationError::NumberOverflow));
    }

    fn humantime_agrees(text: &str) -> bool {
        parse(text) == humantime::parse_duration(text)
    }
}

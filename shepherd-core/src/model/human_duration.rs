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
    humantime::parse_duration(&text).map_err(|error| {
        serde::de::Error::custom(format!("duration {text:?}: {error}; write it like 90s, 5m or 1h30m"))
    })
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
}

//! What the values of arguments may be. What they are refused for stands behind the argument's name.

use std::time::Duration;

use shepherd_core::model::Revision;

/// The name of something in the cluster, or of a process.
pub(crate) fn name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("it is empty; write a name".to_owned());
    }
    Ok(text.to_owned())
}

#[allow(dead_code, reason = "an operator is asked for revisions by annotations")]
pub(crate) fn revision(text: &str) -> Result<Revision, String> {
    Revision::new(text).map_err(|error| error.to_string())
}

pub(crate) fn time(text: &str) -> Result<Duration, String> {
    const MOST: Duration = Duration::from_hours(24);
    // humantime panics on what adds up to more than a duration can be, which takes more letters than these.
    const LETTERS: usize = 12;
    match humantime::parse_duration(text.get(..LETTERS).unwrap_or(text)) {
        Ok(time) if text.len() <= LETTERS && time <= MOST => Ok(time),
        Ok(_) => Err("write a time up to 24h".to_owned()),
        Err(error) => Err(format!("{error}; write a time such as 5s, 90s or 1m30s")),
    }
}

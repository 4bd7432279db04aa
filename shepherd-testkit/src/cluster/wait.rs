use std::time::{Duration, Instant};

use super::error::ClusterError;

/// Long enough for the slowest machine; what takes so long is broken.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Looks again and again until the look answers `Ok(Ok(..))`. What it answered last is in the error.
pub(super) async fn until<T>(
    what: &str,
    patience: Duration,
    mut look: impl AsyncFnMut() -> Result<Result<T, String>, ClusterError>,
) -> Result<T, ClusterError> {
    let begun = Instant::now();
    loop {
        match look().await? {
            Ok(seen) => return Ok(seen),
            Err(last) if begun.elapsed() > patience => {
                return Err(ClusterError::Late { what: what.to_owned(), waited: patience, last: Some(last) });
            }
            Err(_) => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}

//! Calls to the outside that are no effects: a time-out around each, and a panic in an adapter is its error.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::ports::{Clock, PortError};

/// What comes of `call`, which is made for `what`, within the limit.
pub(super) async fn within<T, E: From<PortError>>(
    clock: &dyn Clock,
    limit: Duration,
    what: &str,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let mut call = pin!(call);
    // After a panic the call is not polled again.
    let caught = poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))).unwrap_or_else(|_| {
            Poll::Ready(Err(PortError::permanent("driver", format!("the adapter panicked: {what}")).into()))
        })
    });
    tokio::select! {
        biased;
        result = caught => result,
        () = clock.sleep(limit) => {
            let limit = humantime::format_duration(limit);
            Err(PortError::transient("driver", format!("no answer within {limit}: {what}")).into())
        }
    }
}

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// The most polls after which a call is dropped; one that needs more is dropped at each of the first so many.
pub(super) const MOST_POLLS: usize = 24;

/// Polls a call so often and then drops it, as a time-out or a crash would; its answer if it came before.
pub(super) async fn cut<T>(polls: usize, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    let mut left = polls;
    poll_fn(move |context| {
        let answer = call.as_mut().poll(context).map(Some);
        left = left.saturating_sub(1);
        if left == 0 && answer.is_pending() { Poll::Ready(None) } else { answer }
    })
    .await
}

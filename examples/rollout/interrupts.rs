//! Counts how often Ctrl-C was pressed.

use tokio::sync::watch;

pub(crate) struct Interrupts(watch::Receiver<u32>);

impl Interrupts {
    /// Listens from now on: Ctrl-C does not end the process any more.
    pub(crate) fn listen() -> Self {
        let (count, times) = watch::channel(0);
        tokio::spawn(async move {
            // It fails where there are no signals, and then Ctrl-C ends the process as it always did.
            while tokio::signal::ctrl_c().await.is_ok() {
                count.send_modify(|count| *count += 1);
            }
        });
        Self(times)
    }

    /// How often, once that has changed. May be dropped at any time.
    pub(crate) async fn next(&mut self) -> u32 {
        if self.0.changed().await.is_err() {
            return std::future::pending().await;
        }
        *self.0.borrow_and_update()
    }
}

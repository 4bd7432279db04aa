//! Counts how often the program was asked to end: by Ctrl-C, or as service managers do it.

use tokio::sync::watch;

pub(crate) struct Interrupts(watch::Receiver<u32>);

impl Interrupts {
    /// Listens from now on: neither Ctrl-C nor SIGTERM ends the process any more.
    pub(crate) fn listen() -> Self {
        let (count, times) = watch::channel(0);
        tokio::spawn({
            let count = count.clone();
            async move {
                // It fails where there are no signals, and then Ctrl-C ends the process as it always did.
                while tokio::signal::ctrl_c().await.is_ok() {
                    count.send_modify(|count| *count += 1);
                }
            }
        });
        #[cfg(unix)]
        tokio::spawn(async move {
            let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
            if let Ok(mut terminate) = terminate {
                while terminate.recv().await.is_some() {
                    count.send_modify(|count| *count += 1);
                }
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

    /// Whether it was asked at all.
    #[allow(dead_code, reason = "not every program begins something else when something has ended")]
    pub(crate) fn any(&self) -> bool {
        *self.0.borrow() > 0
    }
}

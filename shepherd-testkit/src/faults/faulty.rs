use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use shepherd_core::ports::{Clock, PortError};

use super::{Call, Fault, Faults, Garbage};

/// A port that goes wrong as planned, and is the port that it decorates otherwise. It is every port that the
/// decorated one is. Clones are the same one.
///
/// ```
/// # use std::sync::Arc;
/// # use shepherd_core::model::{FailureKind, Replicas, Revision};
/// # use shepherd_core::ports::Workload;
/// # use shepherd_testkit::{SimClock, world::{SharedWorld, World}};
/// use shepherd_testkit::faults::{Call, Fault, FaultPlan, Faults, Faulty};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let clock = Arc::new(SimClock::manual());
/// # let world = SharedWorld::new(World::serving(Revision::new("v1")?, Replicas::new(3)), clock.clone());
/// let faults = Faults::from(FaultPlan::new().nth(Call::ObserveWorkload, 2, Fault::Fail(FailureKind::Denied)));
/// let workload = Faulty::new(world.workload(), faults, clock);
/// assert!(workload.observe().await.is_ok());
/// assert_eq!(workload.observe().await.unwrap_err().kind(), FailureKind::Denied);
/// # Ok(())
/// # }
/// ```
pub struct Faulty<P> {
    pub(super) port: Arc<P>,
    faults: Faults,
    clock: Arc<dyn Clock>,
}

impl<P> Clone for Faulty<P> {
    fn clone(&self) -> Self {
        Self { port: self.port.clone(), faults: self.faults.clone(), clock: self.clock.clone() }
    }
}

impl<P> Faulty<P> {
    /// `port`, going wrong as `faults` says, in the time of `clock`.
    pub fn new(port: P, faults: Faults, clock: Arc<dyn Clock>) -> Self {
        Self { port: Arc::new(port), faults, clock }
    }

    /// Calls, or goes wrong. What `call` makes owns what it needs: a late call outlives its caller.
    pub(super) async fn call<T, E, F>(&self, of: Call, call: impl FnOnce(Arc<P>) -> F) -> Result<T, E>
    where
        T: Garbage + Send + 'static,
        E: From<PortError> + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let fault = self.faults.next(of);
        let port = self.port.clone();
        match fault {
            None => call(port).await,
            Some(Fault::Fail(kind)) => Err(PortError::from(Fault::failure(kind)).into()),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::AnswerLost) => {
                // Whatever came of it: nobody hears of it.
                drop(call(port).await);
                std::future::pending().await
            }
            Some(Fault::Late(after)) => self.late(after, call(port)).await,
            Some(Fault::Slow(time)) => {
                self.clock.sleep(time).await;
                call(port).await
            }
            Some(Fault::Garbage) => call(port).await.map(T::garbage),
            Some(Fault::Panic) => panicked(of),
        }
    }

    /// Waits until the caller gives up; then, and so much later, it is done.
    async fn late<T: Send + 'static>(
        &self,
        after: Duration,
        call: impl Future<Output = T> + Send + 'static,
    ) -> ! {
        let clock = self.clock.clone();
        let given_up = GivenUp(Some(Box::new(move || {
            tokio::spawn(async move {
                clock.sleep(after).await;
                call.await;
            });
        })));
        std::future::pending::<()>().await;
        drop(given_up);
        unreachable!("nothing that is pending for ever ends")
    }
}

/// Does something when it is dropped: when the caller has given up.
struct GivenUp(Option<Box<dyn FnOnce() + Send>>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        if let Some(act) = self.0.take() {
            act();
        }
    }
}

#[allow(clippy::panic, reason = "it is what was asked for")]
fn panicked(of: Call) -> ! {
    panic!("{of:?} panics on purpose")
}

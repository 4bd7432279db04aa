use std::fmt::{Debug, Display};

use shepherd_core::model::FailureKind;
use shepherd_core::ports::PortError;

use super::{Broken, Opened, Patience};

/// What every check of one promise is made of: its name, so that what breaks it says which promise it was.
pub(super) struct Promise {
    name: &'static str,
    patience: Patience,
}

impl Promise {
    pub(super) fn new(name: &'static str, patience: Patience) -> Self {
        Self { name, patience }
    }

    pub(super) fn broken(&self, seen: impl Into<String>) -> Broken {
        Broken::new(self.name, seen)
    }

    pub(super) fn opened<T>(&self, opened: Opened<T>) -> Result<T, Broken> {
        opened.map_err(|error| self.broken(format!("the fixture could not open the adapter: {error}")))
    }

    pub(super) fn holds(&self, kept: bool, otherwise: impl Display) -> Result<(), Broken> {
        if kept { Ok(()) } else { Err(self.broken(otherwise.to_string())) }
    }

    pub(super) fn same<T: PartialEq + Debug>(&self, what: &str, seen: &T, wanted: &T) -> Result<(), Broken> {
        self.holds(seen == wanted, format_args!("{what} is {seen:?} where {wanted:?} was promised"))
    }

    pub(super) fn ok<T, E: Display>(&self, what: &str, answer: Result<T, E>) -> Result<T, Broken> {
        answer.map_err(|error| self.broken(format!("{what} failed: {error}")))
    }

    /// Calls as the driver does: again while the failure is a passing one.
    pub(super) async fn settled<T>(
        &self,
        call: impl AsyncFn() -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        let mut last = None;
        let answer = self.patience.until(async || match call().await {
            Err(error) if error.kind().is_passing() => {
                last = Some(error);
                Ok(None)
            }
            answer => answer.map(Some),
        });
        match answer.await {
            Ok(Some(answer)) => Ok(answer),
            Err(error) => Err(error),
            Ok(None) => Err(last.unwrap_or_else(|| PortError::transient("adapter", "it never answered"))),
        }
    }

    pub(super) async fn done<T>(
        &self,
        what: &str,
        call: impl AsyncFn() -> Result<T, PortError>,
    ) -> Result<T, Broken> {
        let answer = self.settled(call).await;
        self.ok(what, answer)
    }

    pub(super) async fn refused<T>(
        &self,
        what: &str,
        kind: FailureKind,
        call: impl AsyncFn() -> Result<T, PortError>,
    ) -> Result<(), Broken> {
        // The driver would try a conflict again, and be refused again.
        let refused = async || match call().await {
            Err(error) if error.kind() == kind => Ok(true),
            answer => answer.map(|_| false),
        };
        match self.settled(refused).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.broken(format!("{what} must be refused as {kind}, but was accepted"))),
            Err(error) => {
                Err(self.broken(format!("{what} must be refused as {kind}, but failed with: {error}")))
            }
        }
    }

    /// Waits until `look` answers true.
    pub(super) async fn until(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> Result<bool, Broken>,
    ) -> Result<(), Broken> {
        let waited =
            self.patience.until(async || look().await.map(|true_now| true_now.then_some(()))).await?;
        let limit = self.patience.limit();
        waited.ok_or_else(|| self.broken(format!("{what}: not within {limit:?}")))
    }
}

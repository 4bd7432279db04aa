//! A router in memory that breaks one promise, or none.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use shepherd_core::model::{
    Exposure, Fence, Mark, Match, Matching, Reason, Route, RouterCapabilities, Routing, Traffic, Weight,
    admit,
};
use shepherd_core::ports::{PortError, TrafficRouter};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    ForgetsToSayWhatItCan,
    ShowsOneStepLess,
    NeverInEffect,
    AwaitsWhatIsInEffect,
    RefusesTheSameAgain,
    KeepsOldMatches,
    OffKeepsMirror,
    RoundsWeights,
    DropsMatches,
    TakesAnyCookieForItsOwn,
    DropsMirrors,
    RefusesMirrors,
    TouchesOthers,
    KeepsItToItself,
    LosesTheCause,
    LosesTheMark,
    ClaimTakesOff,
    NeverSwaps,
    SwapsAtEveryClaim,
    SwapsInPart,
    SwapsInTwoParts,
    SwapsUnasked,
    StaysSwapped,
    ClaimForgetsOff,
    ClaimDoesNothing,
    OldOwnersClaim,
    OldOwnersLower,
    OldOwnersTakeOff,
    LaterOwnersAreRefused,
    RaisesAfterOff,
    OffIsForAllRollouts,
    OffRaises,
    LateDecisions,
    WritesInTwoParts,
    ClaimsInTwoParts,
    ReadsThenWrites,
    StuckAfterDrop,
}

#[derive(Default, Clone)]
pub(super) struct Backend {
    exposure: Exposure,
    mark: Option<Mark>,
    pub(super) others: u32,
    swapped: bool,
    half_done: bool,
}

#[derive(Clone)]
pub(super) struct Router {
    pub(super) backend: Arc<Mutex<Backend>>,
    pub(super) can: RouterCapabilities,
    pub(super) fault: Option<Fault>,
}

impl Router {
    pub(super) fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    pub(super) fn with<T>(&self, change: impl FnOnce(&mut Backend) -> T) -> T {
        change(&mut self.backend.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn able(&self, asked: &Exposure) -> Result<(), PortError> {
        let fits = asked.weight.rounded_to(self.can.finest_weight) == asked.weight;
        let matches = self.can.matches.beyond(&asked.matches).is_none()
            || self.is(Fault::DropsMatches)
            || self.is(Fault::TakesAnyCookieForItsOwn);
        let mirror = asked.mirror.is_zero() || self.can.mirror || self.is(Fault::DropsMirrors);
        let refuses = self.is(Fault::RefusesMirrors) && !asked.mirror.is_zero();
        let fits = fits || self.is(Fault::RoundsWeights);
        if fits && matches && mirror && !refuses {
            Ok(())
        } else {
            Err(PortError::unsupported("proof", "cannot do that"))
        }
    }

    /// What may be written where `backend` stands.
    fn admitted(&self, backend: &Backend, asked: &Route) -> Result<Route, PortError> {
        let mut stored = backend.mark.clone();
        let over = |mark: &Mark| mark.fence.epoch > asked.mark.fence.epoch;
        let off = asked.mark.traffic == Traffic::Off;
        let lowers = !asked.exposure.raises(&backend.exposure);
        if let Some(mark) = &mut stored {
            let forgets = (self.is(Fault::OldOwnersLower) && lowers && !off && over(mark))
                || (self.is(Fault::OldOwnersTakeOff) && off && over(mark))
                || (self.is(Fault::RaisesAfterOff) && mark.traffic == Traffic::Off && !over(mark))
                || (self.is(Fault::LateDecisions) && mark.generation > asked.mark.generation);
            if forgets {
                *mark = asked.mark.clone();
            }
            if self.is(Fault::RefusesTheSameAgain) && *mark == asked.mark {
                return Err(PortError::fenced("proof", "had that"));
            }
            if self.is(Fault::LaterOwnersAreRefused)
                && mark.fence.epoch > shepherd_core::model::Epoch::new(1)
                && mark.fence.rollout.as_str().ends_with("#1")
            {
                return Err(PortError::fenced("proof", "first come"));
            }
        }
        if self.is(Fault::OffRaises) {
            asked.mark.admit(stored.as_ref())?;
            return Ok(asked.clone());
        }
        Ok(admit(stored.as_ref(), &backend.exposure, asked)?)
    }

    /// Whether a claim makes the side that serves the stable one.
    fn swaps(&self, backend: &Backend, fence: &Fence) -> bool {
        let can = (self.can.swaps && !self.is(Fault::NeverSwaps)) || self.is(Fault::SwapsUnasked);
        let begins = fence.begins(backend.mark.as_ref()) || self.is(Fault::SwapsAtEveryClaim);
        let part = self.is(Fault::SwapsInPart) && !backend.exposure.is_off();
        can && begins && (backend.exposure.is_all() || part)
    }

    fn shape(&self, before: &Exposure, route: &mut Route) {
        let exposure = &mut route.exposure;
        if self.is(Fault::RoundsWeights) {
            exposure.weight = exposure.weight.rounded_to(self.can.finest_weight);
        }
        if self.is(Fault::DropsMatches) {
            exposure.matches.clear();
        }
        if self.is(Fault::TakesAnyCookieForItsOwn) {
            for one in &mut exposure.matches {
                if let Match::Cookie { value, .. } = one {
                    Matching::ALWAYS.clone_into(value);
                }
            }
        }
        if self.is(Fault::DropsMirrors) {
            exposure.mirror = Weight::ZERO;
        }
        if self.is(Fault::KeepsOldMatches) && !exposure.is_off() {
            exposure.matches.extend(before.matches.iter().cloned());
            exposure.matches.sort_by_key(ToString::to_string);
            exposure.matches.dedup();
            exposure.matches.reverse();
        }
        if self.is(Fault::OffKeepsMirror) && exposure.is_off() {
            exposure.mirror = before.mirror;
        }
        if self.is(Fault::LosesTheCause) {
            route.mark.cause = None;
        }
    }

    fn write(&self, backend: &mut Backend, mut route: Route) {
        self.shape(&backend.exposure, &mut route);
        if self.is(Fault::StaysSwapped) && backend.swapped && route.exposure.is_all() {
            route.exposure = Exposure::OFF;
        }
        backend.exposure = route.exposure;
        backend.mark = (self.can.fenced && !self.is(Fault::LosesTheMark)).then_some(route.mark);
        backend.others += u32::from(self.is(Fault::TouchesOthers));
    }
}

#[async_trait]
impl TrafficRouter for Router {
    fn capabilities(&self) -> RouterCapabilities {
        let forgets =
            self.is(Fault::ForgetsToSayWhatItCan) && self.with(|backend| !backend.exposure.is_off());
        let mut can = self.can;
        can.matches = if forgets { Matching::None } else { can.matches };
        can
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        tokio::task::yield_now().await;
        if !self.can.fenced || self.is(Fault::ClaimDoesNothing) {
            return Ok(());
        }
        let before = self.with(|backend| backend.mark.clone());
        let mark = match before {
            Some(mark) if self.is(Fault::OldOwnersClaim) && mark.fence.epoch > fence.epoch => {
                Mark { fence: fence.clone(), ..mark }
            }
            _ if self.is(Fault::ClaimForgetsOff) => Mark::claimed(None, fence)?,
            Some(mark) if self.is(Fault::OffIsForAllRollouts) => Mark { fence: fence.clone(), ..mark },
            before => Mark::claimed(before.as_ref(), fence)?,
        };
        if self.is(Fault::ClaimsInTwoParts) {
            self.with(|backend| backend.mark = None);
            tokio::task::yield_now().await;
        }
        if self.is(Fault::SwapsInTwoParts) && self.with(|backend| self.swaps(backend, fence)) {
            self.with(|backend| backend.exposure = Exposure::OFF);
            tokio::task::yield_now().await;
        }
        self.with(|backend| {
            if self.is(Fault::ClaimTakesOff) || self.swaps(backend, fence) {
                backend.exposure = Exposure::OFF;
                backend.swapped = true;
            }
            backend.mark = Some(mark);
        });
        Ok(())
    }

    async fn apply(&self, route: &Route) -> Result<(), PortError> {
        self.able(&route.exposure)?;
        if self.is(Fault::StuckAfterDrop) {
            if self.with(|backend| std::mem::replace(&mut backend.half_done, true)) {
                return Err(PortError::permanent("proof", "locked"));
            }
            tokio::task::yield_now().await;
            self.with(|backend| backend.half_done = false);
        }
        tokio::task::yield_now().await;
        if self.is(Fault::ReadsThenWrites) {
            let mut read = self.with(|backend| backend.clone());
            let route = self.admitted(&read, route)?;
            tokio::task::yield_now().await;
            self.write(&mut read, route);
            self.with(|backend| *backend = read);
            return Ok(());
        }
        if self.is(Fault::WritesInTwoParts) {
            self.with(|backend| {
                self.admitted(backend, route).map(|route| backend.exposure = route.exposure)
            })?;
            tokio::task::yield_now().await;
        }
        self.with(|backend| self.admitted(backend, route).map(|route| self.write(backend, route)))
    }

    async fn observe(&self) -> Result<Routing, PortError> {
        let Backend { mut exposure, mark, .. } = self.with(|backend| backend.clone());
        if self.is(Fault::ShowsOneStepLess) && exposure.weight == Weight::percent(25).unwrap_or_default() {
            exposure.weight = Weight::percent(24).unwrap_or_default();
        }
        let awaits = self.is(Fault::AwaitsWhatIsInEffect).then(|| Reason::new("the proof"));
        Ok(Routing { exposure, mark, in_effect: !self.is(Fault::NeverInEffect), awaits })
    }
}

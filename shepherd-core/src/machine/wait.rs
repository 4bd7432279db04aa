//! What a machine waits for now, since when, until when, and what it does then.

use super::rollout_machine::Machine;
use super::{Effect, Then, Waiting, WaitingFor};
use crate::model::{Elapsed, Exposure, People, Reason, Replicas, Routing, Track};
use crate::plan::{Action, OnFailure};

impl Machine {
    /// What it waits for now, since when, until when, and what it does then.
    pub(super) fn waiting(&self) -> Waiting {
        let now = self.now();
        let left = |at: Option<Elapsed>| at.map(|at| at - now);
        if self.state.outcome.is_some() {
            return Waiting {
                on: WaitingFor::Nothing,
                since: std::time::Duration::ZERO,
                left: None,
                then: Then::Wait,
            };
        }
        if let Some(recovery) = self.recovery() {
            let (since, at) = (now - recovery.since, Some(recovery.alarm_at));
            return Waiting { on: self.recovery_waiting(), since, left: left(at), then: Then::Escalate };
        }
        if let Some(hold) = &self.state.hold {
            let on = WaitingFor::Person(hold.reason.clone());
            return Waiting { on, since: now - hold.since, left: None, then: Then::Wait };
        }
        if !self.state.attach.done {
            let began = self.state.attach.began.unwrap_or(now);
            let at = began + self.plan.attention().blind;
            let then = if self.state.begun { Then::RollBack } else { Then::Refuse };
            let on = self.unseen().unwrap_or(WaitingFor::Attachment);
            return Waiting { on, since: now - began, left: left(Some(at)), then };
        }
        let (at, since) = (self.stage_due(), now - self.state.run.entered);
        let then = if at.is_some() { self.stage_then() } else { Then::Wait };
        Waiting { on: self.stage_waiting(), since, left: left(at), then }
    }

    /// What the present stage waits for.
    fn stage_waiting(&self) -> WaitingFor {
        let unanswered = self
            .state
            .outstanding
            .iter()
            .find(|(_, effect)| effect.is_gated() && !matches!(effect, Effect::RunHook(_)));
        if let Some((_, effect)) = unanswered {
            return WaitingFor::Answer(Reason::new(effect.to_string()));
        }
        let action = self.stage().action();
        if let Some(unseen) = self.unseen().filter(|_| !matches!(action, Action::Approve(_))) {
            return unseen;
        }
        match action {
            Action::Scale { track, replicas } => self.waiting_ready(*track, *replicas),
            action @ (Action::Expose(_) | Action::Switch) => {
                self.waiting_exposure(&action.exposure().unwrap_or(Exposure::OFF))
            }
            Action::Bake(time) => WaitingFor::Bake { observed: self.state.run.observed, wanted: *time },
            Action::Check(_) => WaitingFor::Gate(self.state.run.said.clone()),
            Action::Approve(approval) => {
                let given = People::of(&self.state.run.approvals);
                WaitingFor::Approval { given, needed: approval.needed }
            }
            Action::Promote => self.waiting_ready(Track::Stable, self.plan.replicas()),
            Action::Retire { .. } => WaitingFor::Drain,
            Action::Hook(_) => WaitingFor::Hook,
        }
    }

    fn waiting_exposure(&self, exposure: &Exposure) -> WaitingFor {
        let routing = &self.state.routing;
        if routing.exposure == *exposure && (routing.accepted.is_some() || self.may_route()) {
            self.waiting_effect()
        } else {
            let grows = self.growing(exposure);
            self.waiting_ready(grows, self.plan.needed(grows, exposure))
        }
    }

    fn waiting_effect(&self) -> WaitingFor {
        let kept = self.state.fresh_routing().and_then(Routing::kept_by);
        kept.map_or(WaitingFor::Effect, |why| WaitingFor::Router(why.clone()))
    }

    fn waiting_ready(&self, track: Track, wanted: Replicas) -> WaitingFor {
        let ready = self.state.ready(track).unwrap_or_default();
        let seen = self.state.workload().map(|workload| workload.track(track));
        let said = seen.and_then(|seen| {
            let said = seen.failing.as_ref().or(seen.awaits.as_ref()).cloned();
            said.or_else(|| unreached(seen.unreached))
        });
        let failing = if track == Track::Stable { self.edit_awaited(said.as_ref()).or(said) } else { said };
        WaitingFor::Ready { track, ready, wanted, failing }
    }

    /// What somebody has made of stable, and what its replicas say.
    fn edit_awaited(&self, said: Option<&Reason>) -> Option<Reason> {
        let runs = self.edited()?;
        let remedy = match said {
            // What comes after a promotion was watched by nobody, and users do not go there by themselves.
            _ if self.promoted() => "; undo that",
            Some(_) => "; mend that, or undo it",
            None => "",
        };
        let said = said.map(|said| format!(": {said}")).unwrap_or_default();
        Some(Reason::new(format!("somebody has made it {runs}{remedy}{said}")))
    }

    fn stage_then(&self) -> Then {
        match (self.promoted(), self.stage().failure()) {
            (true, _) => Then::Escalate,
            (false, OnFailure::RollBack) => Then::RollBack,
            (false, OnFailure::Pause) => Then::Pause,
        }
    }

    pub(super) fn recovery_waiting(&self) -> WaitingFor {
        let unanswered = self
            .state
            .outstanding
            .iter()
            .find(|(_, effect)| matches!(effect, Effect::Route(_) | Effect::Deploy { .. }));
        match unanswered {
            Some((_, effect)) => {
                let said = self.state.run.said.as_ref().map(|said| format!(" ({said})")).unwrap_or_default();
                WaitingFor::Answer(format!("{effect}{said}").into())
            }
            None => self.unseen().unwrap_or_else(|| self.waiting_back()),
        }
    }

    /// What the way back waits for when its writes were accepted.
    fn waiting_back(&self) -> WaitingFor {
        if self.awaits_owner() {
            self.waiting_ready(Track::Stable, self.plan.replicas())
        } else if self.is_off(false) && self.routed() {
            WaitingFor::Drain
        } else if self.routed() && self.state.routing.exposure.is_off() {
            self.waiting_effect()
        } else {
            self.waiting_ready(Track::Stable, self.plan.replicas())
        }
    }

    fn awaits_owner(&self) -> bool {
        self.state.fresh(Track::Stable).is_some_and(|stable| stable.awaits.is_some())
    }

    /// Why the last look has failed, when it has.
    fn unseen(&self) -> Option<WaitingFor> {
        self.state.seen.blind_since?;
        let failure = self.state.seen.blind_failure.as_ref()?;
        Some(WaitingFor::Sight(Reason::new(failure.to_string())))
    }
}

fn unreached(more: Replicas) -> Option<Reason> {
    let why = "nothing sends to them: look at the selector of their Service";
    (more > Replicas::ZERO).then(|| Reason::new(format!("{more} more are, and {why}")))
}

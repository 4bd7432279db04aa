use std::sync::{Arc, Mutex};

use tokio::sync::{Semaphore, broadcast, mpsc, oneshot, watch};
use tracing::Instrument;

use super::Stopped;
use super::bound::Ports;
use super::effects::{Effects, Performed};
use super::fences::{Asker, Fences, Standing};
use super::handle::{End, Handle, Lever, Request};
use super::lease::Lease;
use super::perform::Performer;
use super::saves::{Saves, Version};
use super::within::within;
use crate::machine::{
    Command, Effect, EffectId, Event, Input, Machine, Outcome, Phase, Refusal, Save, Status,
};
use crate::model::{Elapsed, Failure, FailureKind, Target};
use crate::ports::{Owner, PortError, Sequence, StoreError};

/// Drives one machine: performs what it wants, tells it what came of it, and keeps the store behind it.
pub(super) struct Task {
    machine: Machine,
    target: Target,
    owner: Owner,
    ports: Ports,
    performer: Arc<Performer>,
    /// Tells what waits for a permit that the rollout is being taken back.
    recovering: watch::Sender<bool>,
    effects: Effects,
    saves: Saves,
    requests: mpsc::Receiver<Request>,
    status: watch::Sender<Arc<Status>>,
    /// Shared, so that the room that is kept for those who lag is small.
    events: broadcast::Sender<Arc<Event>>,
    end: watch::Sender<End>,
    acknowledgements: Vec<Acknowledgement>,
    stepped: Elapsed,
    lease: Lease,
    fences: Fences,
}

/// Somebody waits until what a lever did survives a crash.
struct Acknowledgement {
    version: Version,
    /// Taking users off may answer sooner: when this write, or a later one of the way back, was accepted.
    off: Option<EffectId>,
    reply: oneshot::Sender<Result<(), Refusal>>,
}

/// What a task begins with.
pub(super) struct Assignment {
    pub(super) machine: Machine,
    pub(super) sequence: Sequence,
    pub(super) owner: Owner,
    pub(super) ports: Ports,
    pub(super) permits: Option<Arc<Semaphore>>,
}

const WAITING_REQUESTS: usize = 4;
const KEPT_EVENTS: usize = 32;

impl Task {
    /// Begins to drive, in a task of its own.
    pub(super) fn spawn(assignment: Assignment) -> Handle {
        let (request_sender, requests) = mpsc::channel(WAITING_REQUESTS);
        let (status, status_receiver) = watch::channel(Arc::new(assignment.machine.status()));
        let (events, first_events) = broadcast::channel(KEPT_EVENTS);
        let (end, end_receiver) = watch::channel(None);
        let handle = Handle {
            requests: request_sender,
            status: status_receiver,
            events: events.downgrade(),
            first_events: Arc::new(Mutex::new(Some(first_events))),
            end: end_receiver,
        };
        let task = Box::new(Self::new(assignment, requests, status, events, end));
        let span = tracing::info_span!("rollout", id = %task.machine.rollout(), target = %task.target);
        tokio::spawn(task.run().instrument(span));
        handle
    }

    fn new(
        assignment: Assignment,
        requests: mpsc::Receiver<Request>,
        status: watch::Sender<Arc<Status>>,
        events: broadcast::Sender<Arc<Event>>,
        end: watch::Sender<End>,
    ) -> Self {
        let Assignment { machine, sequence, owner, ports, permits } = assignment;
        let plan = machine.plan();
        let target = plan.target().clone();
        let call_timeout = plan.attention().call_timeout;
        let (recovering, recovering_receiver) = watch::channel(false);
        let performer = Performer {
            ports: ports.clone(),
            target: target.clone(),
            rollout: machine.rollout().clone(),
            stable: plan.stable().clone(),
            candidate: plan.candidate().clone(),
            metrics: machine.metrics().to_vec(),
            call_timeout,
            permits,
            recovering: recovering_receiver,
        };
        let (store, clock) = (ports.store.clone(), ports.clock.clone());
        let epoch = machine.epoch();
        let lease = Lease::new(store.clone(), clock.clone(), target.clone(), epoch, call_timeout);
        let saves = Saves::new(store, clock, target.clone(), epoch, sequence, call_timeout);
        let now = ports.clock.now().elapsed;
        Self {
            machine,
            target,
            owner,
            ports,
            performer: Arc::new(performer),
            recovering,
            effects: Effects::default(),
            saves,
            requests,
            status,
            events,
            end,
            acknowledgements: Vec::new(),
            stepped: now,
            lease,
            fences: Fences::default(),
        }
    }

    /// Boxed, as the future would hold an owned task twice: as its argument and as its variable.
    async fn run(mut self: Box<Self>) {
        let end = self.drive().await;
        match &end {
            Ok(()) => tracing::info!("the rollout is through"),
            Err(stopped) => tracing::warn!(%stopped, "the rollout is not driven any more"),
        }
        let epoch = self.machine.epoch();
        if !self.saves.is_closed() {
            // Who was superseded has nothing left to release, and a store that fails frees the target by its lease.
            let releasing = self.ports.store.release(&self.target, epoch);
            let limit = self.performer.call_timeout;
            if let Err(error) = within(&*self.ports.clock, limit, "release the target", releasing).await {
                tracing::debug!(%error, "the target was not released");
            }
        }
        match (end, self.machine.outcome().cloned()) {
            (Err(stopped), _) => self.tell_end(Err(stopped)),
            // The watching after the promotion may have added what is wanted next.
            (Ok(()), Some(outcome)) => drop(self.end.send_replace(Some(Ok(outcome)))),
            (Ok(()), None) => {}
        }
    }

    async fn drive(&mut self) -> Result<(), Stopped> {
        self.step(Input::Tick);
        loop {
            self.begin();
            if self.machine.is_done()
                && self.saves.is_idle()
                && self.effects.is_empty()
                && self.fences.is_idle()
            {
                return Ok(());
            }
            self.next().await?;
        }
    }

    /// Waits for the next thing to happen, and tells the machine.
    async fn next(&mut self) -> Result<(), Stopped> {
        let wait = self.next_due() - self.ports.clock.now().elapsed;
        let clock = self.ports.clock.clone();
        let claiming = self.fences.is_claiming();
        // A renewal that comes to an end while the ownership does tells nothing.
        let owning = !claiming && !self.saves.is_closing();
        tokio::select! {
            biased;
            Some(request) = self.requests.recv() => self.requested(request).await,
            performed = self.effects.next() => {
                self.performed(performed);
                Ok(())
            }
            (standing, refused) = self.fences.known() => self.fenced(standing, refused),
            // What the present epoch is told while a later one is being claimed means nothing.
            saved = self.saves.ended(), if !claiming => self.saved(saved),
            renewed = self.lease.ended(), if owning => renewed.map_err(stopped),
            () = clock.sleep(wait) => {
                self.step(Input::Tick);
                Ok(())
            }
        }
    }

    fn next_due(&self) -> Elapsed {
        let wake = self.machine.pending().wake_in.map(|wait| self.stepped + wait);
        let claiming = self.fences.is_claiming();
        let save = self.saves.due().filter(|_| !claiming);
        let renewal = self.lease.due().filter(|_| !claiming && !self.saves.is_closing());
        let due = [wake, save, renewal].into_iter().flatten().min();
        due.unwrap_or(self.stepped + self.machine.plan().attention().beat)
    }

    fn step(&mut self, input: Input) -> Option<Refusal> {
        let now = self.ports.clock.now();
        self.stepped = now.elapsed;
        let step = self.machine.step(now, input);
        self.saves.want(step.save, now.elapsed);
        if step.save == Save::Now && self.acknowledgements.is_empty() && self.is_telling_the_end() {
            // When people have been told, that is to be kept as well.
            self.saves.put_off(now.elapsed);
        }
        let status = Arc::new(self.machine.status());
        self.recovering.send_replace(status.phase == Phase::Recovering);
        self.status.send_replace(status);
        for event in step.events {
            tracing::info!(stage = %self.status.borrow().stage, "{}", event.what);
            // Nobody has to listen.
            let _ = self.events.send(Arc::new(event));
        }
        step.refused
    }

    fn is_telling_the_end(&self) -> bool {
        let telling = |(_, effect): &(EffectId, &Effect)| matches!(effect, Effect::Notify(_));
        self.machine.outcome().is_some() && self.machine.pending().effects.iter().any(telling)
    }

    /// Begins what is pending and may begin. What is gated waits for all that must be saved at once; what takes users off
    /// waits for nothing.
    fn begin(&mut self) {
        let now = self.ports.clock.now();
        if !self.fences.is_claiming() {
            let machine = &self.machine;
            let last = machine.is_done() && self.effects.is_empty() && self.fences.is_idle();
            self.saves.begin(now.elapsed, last, || machine.snapshot());
            if !self.saves.is_closing() {
                self.lease.begin(now);
            }
        }
        let saved = self.saves.hold_nothing_up();
        let stage = &self.machine.plan().stages()[usize::from(self.status.borrow().index)];
        let pending = self.machine.pending().effects;
        self.effects.keep(|id| pending.iter().any(|(one, _)| *one == id));
        for (id, effect) in pending {
            if !self.effects.is_running(id) && !self.fences.holds(id) && (saved || !effect.is_gated()) {
                self.effects.begin(id, effect.clone(), stage, self.performer.clone());
            }
        }
    }

    async fn requested(&mut self, request: Request) -> Result<(), Stopped> {
        let Lever { by, command, reply } = match request {
            Request::Detach => return Err(self.detached().await),
            Request::Lever(lever) => *lever,
        };
        // A way back that has begun already, and the haste of one that is forced, are known to the store alone.
        let off = matches!(command, Command::Abort { .. } | Command::RollBack { force: false, .. })
            && self.status.borrow().phase != Phase::Recovering;
        tracing::info!(%by, ?command, "a lever was pulled");
        if let Some(refusal) = self.step(Input::Commanded { by, command }) {
            // Who asked may have gone.
            let _ = reply.send(Err(refusal));
            return Ok(());
        }
        let version = self.saves.want(Save::No, self.stepped);
        let off = off.then(|| self.offs().into_iter().min()).flatten();
        self.acknowledgements.push(Acknowledgement { version, off, reply });
        Ok(())
    }

    /// The outstanding writes that take users off.
    fn offs(&self) -> Vec<EffectId> {
        let pending = self.machine.pending().effects;
        pending.into_iter().filter(|(_, effect)| self.takes_off(effect)).map(|(id, _)| id).collect()
    }

    /// Where no router takes part, users leave with the replicas.
    fn takes_off(&self, effect: &Effect) -> bool {
        if self.machine.plan().mode().routed() { effect.is_off() } else { effect.takes_back() }
    }

    /// What is under way is let go, and what was decided is kept, if the store takes it in time.
    async fn detached(&mut self) -> Stopped {
        let clock = self.ports.clock.clone();
        let began = clock.now().elapsed;
        let until = began + self.performer.call_timeout;
        self.saves.want_now(began);
        while !self.saves.is_idle() {
            let now = clock.now().elapsed;
            if now >= until {
                let late = PortError::transient("store", "the last state was not saved before it was let go");
                return stopped(late.into());
            }
            self.saves.begin(now, true, || self.machine.snapshot());
            let next = self.saves.due().map_or(until, |due| due.min(until));
            let ended = tokio::select! {
                biased;
                ended = self.saves.ended() => ended,
                () = clock.sleep(next - now) => continue,
            };
            if let Err(stopped) = self.saved(ended) {
                return stopped;
            }
        }
        Stopped::Detached
    }

    fn performed(&mut self, performed: Performed) {
        let (id, result) = performed;
        match result {
            Ok(answer) => {
                let before = self.offs();
                self.step(Input::Answered { effect: id, answer });
                // An off whose answer is still to come may be seen to stand already: it is not asked for any more.
                let through = self.offs().is_empty();
                let accepted = before.into_iter().filter(|off| *off == id || through).max();
                self.acknowledge(|waiting| waiting.off.is_some() && waiting.off <= accepted);
            }
            Err(failure) if failure.kind == FailureKind::Fenced => self.refused(id, failure),
            Err(failure) => {
                self.step(Input::Failed { effect: id, failure });
            }
        }
    }

    /// A fence refused a write: the store knows what that means.
    fn refused(&mut self, id: EffectId, failure: Failure) {
        let claiming = self.machine.pending().effects.iter().any(|(one, effect)| {
            *one == id && matches!(effect, Effect::ClaimRouting(_) | Effect::ClaimWorkload(_))
        });
        let asker = Asker {
            ports: self.ports.clone(),
            target: self.target.clone(),
            owner: self.owner.clone(),
            epoch: self.machine.epoch(),
            limit: self.performer.call_timeout,
        };
        self.fences.refused(id, failure, claiming, asker);
    }

    fn fenced(
        &mut self,
        standing: Result<Standing, StoreError>,
        refused: Vec<(EffectId, Failure)>,
    ) -> Result<(), Stopped> {
        let known = match standing {
            Ok(Standing::Another) => return Err(Stopped::Superseded),
            Ok(Standing::Us) => true,
            Ok(Standing::UsAbove(epoch)) => {
                let snapshot = self.machine.snapshot();
                self.machine = Machine::resume(snapshot, epoch)
                    .map_err(|error| stopped(PortError::permanent("driver", error.to_string()).into()))?;
                self.saves.restart(epoch, self.ports.clock.now().elapsed);
                self.lease.restart(epoch);
                true
            }
            Err(error) => {
                tracing::warn!(%error, "cannot tell whether another owner has taken over");
                false
            }
        };
        for (effect, mut failure) in refused {
            if !known {
                // It may be found out by the next try.
                failure.kind = FailureKind::Transient;
            }
            self.step(Input::Failed { effect, failure });
        }
        Ok(())
    }

    fn saved(&mut self, result: Result<(), StoreError>) -> Result<(), Stopped> {
        result.map_err(stopped)?;
        let saved = self.saves.saved();
        self.acknowledge(|waiting| waiting.version <= saved);
        let ended = self.machine.outcome().filter(|_| self.saves.all_saved()).cloned();
        if let Some(outcome) = ended {
            self.tell_end(Ok(outcome));
        }
        Ok(())
    }

    fn acknowledge(&mut self, which: impl Fn(&Acknowledgement) -> bool) {
        for waiting in self.acknowledgements.extract_if(.., |waiting| which(waiting)) {
            // Who asked may have gone.
            let _ = waiting.reply.send(Ok(()));
        }
    }

    /// The first end that is told stands.
    fn tell_end(&self, end: Result<Outcome, Stopped>) {
        self.end.send_if_modified(|told| {
            let first = told.is_none();
            if first {
                *told = Some(end);
            }
            first
        });
    }
}

fn stopped(error: StoreError) -> Stopped {
    match error {
        StoreError::Superseded { .. } => Stopped::Superseded,
        error => Stopped::Store(Arc::new(error)),
    }
}

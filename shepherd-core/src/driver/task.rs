use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, broadcast, mpsc, oneshot, watch};
use tracing::Instrument;

use super::effects::{Effects, Performed};
use super::handle::{End, Handle, Lever, Request};
use super::perform::Performer;
use super::saves::{Saves, Version};
use super::{Ports, Stopped};
use crate::machine::{
    Command, Effect, EffectId, Event, Input, Machine, Outcome, Phase, Refusal, Save, Status,
};
use crate::model::{Elapsed, FailureKind, Target};
use crate::ports::{Claim, Owner, PortError, Sequence, StoreError};

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
    renewed: Elapsed,
}

/// Somebody waits until what a lever did survives a crash.
struct Acknowledgement {
    version: Version,
    /// Taking users off may answer sooner: when the router has accepted it.
    off: bool,
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

/// How often an owner says that it lives.
const RENEWED_EVERY: Duration = Duration::from_secs(10);
const WAITING_REQUESTS: usize = 4;
const KEPT_EVENTS: usize = 32;

impl Task {
    /// Begins to drive, in a task of its own.
    pub(super) fn spawn(assignment: Assignment) -> Handle {
        let (request_sender, requests) = mpsc::channel(WAITING_REQUESTS);
        let (status, status_receiver) = watch::channel(Arc::new(assignment.machine.status()));
        let (events, _) = broadcast::channel(KEPT_EVENTS);
        let (end, end_receiver) = watch::channel(None);
        let handle = Handle {
            requests: request_sender,
            status: status_receiver,
            events: events.downgrade(),
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
        let saves = Saves::new(store, clock, target.clone(), machine.epoch(), sequence, call_timeout);
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
            renewed: now,
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
        // Who was superseded has nothing left to release, and a store that fails frees the target by its lease.
        if let Err(error) = self.ports.store.release(&self.target, epoch).await {
            tracing::debug!(%error, "the target was not released");
        }
        match (end, self.machine.outcome().cloned()) {
            (Err(stopped), _) => self.tell_end(Err(stopped)),
            // The watching after the promotion may have added what is wanted next.
            (Ok(()), Some(outcome)) => drop(self.end.send_replace(Some(Ok(outcome)))),
            (Ok(()), None) => {}
        }
    }

    async fn drive(&mut self) -> Result<(), Stopped> {
        // The first save keeps the plan. Nothing that brings the candidate forward begins before it.
        self.saves.want_now(self.stepped);
        self.step(Input::Tick);
        loop {
            self.begin();
            if self.machine.is_done() && self.saves.is_idle() && self.effects.is_empty() {
                return Ok(());
            }
            self.next().await?;
        }
    }

    /// Waits for the next thing to happen, and tells the machine.
    async fn next(&mut self) -> Result<(), Stopped> {
        let wait = self.next_due() - self.ports.clock.now().elapsed;
        let clock = self.ports.clock.clone();
        tokio::select! {
            biased;
            Some(request) = self.requests.recv() => self.requested(request).await,
            performed = self.effects.next() => self.performed(performed).await,
            saved = self.saves.ended() => self.saved(saved),
            () = clock.sleep(wait) => {
                self.renew().await?;
                self.step(Input::Tick);
                Ok(())
            }
        }
    }

    fn next_due(&self) -> Elapsed {
        let wake = self.machine.pending().wake_in.map(|wait| self.stepped + wait);
        let renewal = self.renewed + RENEWED_EVERY;
        [wake, self.saves.due()].into_iter().flatten().fold(renewal, Elapsed::min)
    }

    fn step(&mut self, input: Input) -> Option<Refusal> {
        let now = self.ports.clock.now();
        self.stepped = now.elapsed;
        let step = self.machine.step(now, input);
        self.saves.want(step.save, now.elapsed);
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

    /// Begins what is pending and may begin. What is gated waits for the save that holds it; what takes users off
    /// waits for nothing.
    fn begin(&mut self) {
        let now = self.ports.clock.now().elapsed;
        let machine = &self.machine;
        self.saves.begin(now, || machine.snapshot());
        let saved = self.saves.all_saved();
        let pending = self.machine.pending().effects;
        self.effects.keep(|id| pending.iter().any(|(one, _)| *one == id));
        for (id, effect) in pending {
            if !self.effects.is_running(id) && (saved || !effect.is_gated()) {
                self.effects.begin(id, effect.clone(), self.performer.clone());
            }
        }
    }

    async fn requested(&mut self, request: Request) -> Result<(), Stopped> {
        let Lever { by, command, reply } = match request {
            Request::Detach => return Err(self.detached().await),
            Request::Lever(lever) => *lever,
        };
        let off = matches!(command, Command::Abort { .. } | Command::RollBack { .. });
        tracing::info!(%by, ?command, "a lever was pulled");
        if let Some(refusal) = self.step(Input::Commanded { by, command }) {
            // Who asked may have gone.
            let _ = reply.send(Err(refusal));
            return Ok(());
        }
        let version = self.saves.want(Save::No, self.stepped);
        self.acknowledgements.push(Acknowledgement { version, off, reply });
        Ok(())
    }

    /// What is under way is let go, and what was decided is kept.
    async fn detached(&mut self) -> Stopped {
        self.saves.want_now(self.stepped);
        while !self.saves.is_idle() {
            self.saves.begin(self.ports.clock.now().elapsed, || self.machine.snapshot());
            if let Err(error) = self.saves.ended().await {
                return Stopped::Store(Arc::new(error));
            }
        }
        Stopped::Detached
    }

    async fn performed(&mut self, performed: Performed) -> Result<(), Stopped> {
        let (id, result) = performed;
        let off = self.machine.pending().effects.iter().any(|(one, effect)| *one == id && effect.is_off());
        match result {
            Ok(answer) => {
                self.step(Input::Answered { effect: id, answer });
                if off {
                    self.acknowledge(|waiting| waiting.off);
                }
            }
            Err(failure) => {
                if failure.kind == FailureKind::Fenced {
                    self.fenced(id).await?;
                }
                self.step(Input::Failed { effect: id, failure });
            }
        }
        Ok(())
    }

    /// A fence refused a write. Either a later owner is there, or marks were seen that no store knows of.
    async fn fenced(&mut self, id: EffectId) -> Result<(), Stopped> {
        let ours = self.machine.epoch();
        match self.ports.store.load(&self.target).await {
            Ok(Some((epoch, _))) if epoch > ours => return Err(Stopped::Superseded),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot tell whether another owner has taken over");
                return Ok(());
            }
        }
        let claiming = self.machine.pending().effects.iter().any(|(one, effect)| {
            *one == id && matches!(effect, Effect::ClaimRouting(_) | Effect::ClaimWorkload(_))
        });
        if claiming { self.claim_above().await } else { Ok(()) }
    }

    /// The store is younger than the marks outside: the epoch is counted on from them.
    async fn claim_above(&mut self) -> Result<(), Stopped> {
        let seen = self.ports.seen_epoch().await;
        let stopped = |error: StoreError| Stopped::Store(Arc::new(error));
        let now = self.ports.clock.now();
        let claim = Claim::new(self.owner.clone(), now.wall).at_least(seen.next()).stealing();
        let claimed = self.ports.store.claim(&self.target, &claim).await.map_err(stopped)?;
        let snapshot = self.machine.snapshot();
        self.machine = Machine::resume(snapshot, claimed.epoch)
            .map_err(|error| stopped(PortError::permanent("driver", error.to_string()).into()))?;
        let (store, clock) = (self.ports.store.clone(), self.ports.clock.clone());
        let limit = self.performer.call_timeout;
        self.saves = Saves::new(store, clock, self.target.clone(), claimed.epoch, Sequence::default(), limit);
        self.saves.want_now(now.elapsed);
        Ok(())
    }

    fn saved(&mut self, result: Result<(), StoreError>) -> Result<(), Stopped> {
        match result {
            Ok(()) => {}
            Err(StoreError::Superseded { .. }) => return Err(Stopped::Superseded),
            Err(error) => return Err(Stopped::Store(Arc::new(error))),
        }
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

    async fn renew(&mut self) -> Result<(), Stopped> {
        let now = self.ports.clock.now();
        if now.elapsed - self.renewed < RENEWED_EVERY {
            return Ok(());
        }
        self.renewed = now.elapsed;
        match self.ports.store.renew(&self.target, self.machine.epoch(), now.wall).await {
            Err(StoreError::Superseded { .. }) => Err(Stopped::Superseded),
            Err(error) => {
                tracing::warn!(%error, "cannot say that this owner lives");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

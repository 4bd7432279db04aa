use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::meter::Meter;
use super::reading;
use super::script::{Ending, Fate, PodScript};
use super::server::{Identity, Server};
use super::state::State;

/// Pauses of a crash loop: a tenth of a kubelet's, which begin at 10 s and end at 5 minutes.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const FIRST_PULL: Duration = Duration::from_millis(300);
const AGAIN: Duration = Duration::from_millis(100);

/// One pod from its address to its end.
pub(super) struct Life {
    api: Api<Pod>,
    name: String,
    uid: String,
    pod: watch::Receiver<Pod>,
    meter: Arc<Meter>,
    written: Option<State>,
}

/// Why a part of a life is over.
enum Turn {
    /// It was told to end; the server is what still answers.
    End(Option<Server>),
    /// Its process ended by itself.
    Exited(i32),
    /// It is asked to do something else, from the beginning.
    Again,
    /// The pod is gone from the API server.
    Gone,
}

impl Life {
    pub(super) fn new(client: &Client, pod: watch::Receiver<Pod>) -> Self {
        let (name, uid, namespace) = {
            let pod = pod.borrow();
            (pod.name_any(), pod.uid().unwrap_or_default(), pod.namespace().unwrap_or_default())
        };
        let api = Api::namespaced(client.clone(), &namespace);
        Self { api, name, uid, pod, meter: Arc::default(), written: None }
    }

    pub(super) async fn live(mut self) {
        let mut restarts = 0;
        let mut pause = None;
        loop {
            match self.run(restarts).await {
                Turn::Again => {}
                Turn::Gone => return,
                Turn::End(server) => return self.end(server).await,
                Turn::Exited(code) if !reading::restarts_after(&self.pod.borrow(), code) => {
                    self.write(State::Completed { code, restarts }).await;
                    return self.end(None).await;
                }
                Turn::Exited(code) => {
                    self.write(State::Exited { code, restarts }).await;
                    // What is not in the status was seen by nobody.
                    let shown = self.when(|pod| reading::has_terminated(pod).then_some(())).await;
                    if let Err(turn) = shown {
                        return self.leave(turn).await;
                    }
                    match self.back_off(code, restarts, &mut pause).await {
                        Turn::Again => restarts += 1,
                        turn => return self.leave(turn).await,
                    }
                }
            }
        }
    }

    async fn leave(&mut self, turn: Turn) {
        if !matches!(turn, Turn::Gone) {
            self.end(None).await;
        }
    }

    /// From the address to the first turn.
    async fn run(&mut self, restarts: u32) -> Turn {
        let address = match self.when(reading::address).await {
            Ok(address) => address,
            Err(turn) => return turn,
        };
        let script = self.script();
        if script.fate == Fate::CannotBePulled {
            return self.pull_in_vain(restarts).await;
        }
        if let Fate::Exits { code, after: Duration::ZERO } = script.fate {
            self.write(State::Running { restarts }).await;
            return self.pass(script.start).await.unwrap_or(Turn::Exited(code));
        }
        if !script.start.is_zero() {
            self.write(State::Running { restarts }).await;
            if let Some(turn) = self.pass(script.start).await {
                return turn;
            }
        }
        loop {
            match self.listen(address, script.clone()).await {
                Ok(server) => return self.serve(server, script, restarts).await,
                // The pod before it at this address is still closing.
                Err(_) => {
                    if let Some(turn) = self.pass(AGAIN).await {
                        return turn;
                    }
                }
            }
        }
    }

    async fn serve(&mut self, server: Server, mut script: PodScript, restarts: u32) -> Turn {
        let begun = Instant::now();
        loop {
            if self.is_ending() {
                return Turn::End(Some(server));
            }
            let ready = script.ready && reading::gates_are_open(&self.pod.borrow());
            self.write(if ready { State::Ready { restarts } } else { State::Running { restarts } }).await;
            let exit = match script.fate {
                Fate::Exits { code, after } => Some((code, begun + after)),
                _ => None,
            };
            tokio::select! {
                changed = self.pod.changed() => {
                    if changed.is_err() {
                        return Turn::Gone;
                    }
                    let next = self.script();
                    if next.fate == Fate::CannotBePulled {
                        return Turn::Again;
                    }
                    server.follow(next.clone());
                    script = next;
                }
                () = sleep_until(exit.map_or(begun, |(_, at)| at)), if exit.is_some() => {
                    return Turn::Exited(exit.map_or(0, |(code, _)| code));
                }
            }
        }
    }

    /// Answers on while it drains, and is gone when its grace period is over at the latest.
    async fn end(&mut self, server: Option<Server>) {
        // A process that ended before stays as it is until somebody deletes the pod.
        if self.when(|pod| pod.metadata.deletion_timestamp.is_some().then_some(())).await.is_err()
            && !self.is_ending()
        {
            return;
        }
        let seconds = self.pod.borrow().metadata.deletion_grace_period_seconds.unwrap_or(30);
        let grace = Duration::from_secs(seconds.try_into().unwrap_or(0));
        let script = self.script();
        match (script.ending, server) {
            (Ending::Never, server) => {
                // It answers as before, until the pod is gone.
                while self.pod.changed().await.is_ok() {}
                drop(server);
                return;
            }
            (Ending::Ignores, server) => {
                sleep(grace).await;
                drop(server);
            }
            (Ending::Drains, None) => {}
            (Ending::Drains, Some(server)) => {
                server.drain();
                let drained = async {
                    sleep(script.drain).await;
                    server.close().await;
                };
                // What is not done then is killed.
                let _ = timeout(grace, drained).await;
            }
        }
        self.write(State::Gone).await;
    }

    async fn back_off(&mut self, code: i32, restarts: u32, pause: &mut Option<Duration>) -> Turn {
        let Some(length) = *pause else {
            // The first restart is at once.
            *pause = Some(FIRST_PAUSE);
            return self.pass(AGAIN).await.unwrap_or(Turn::Again);
        };
        *pause = Some((length * 2).min(LONGEST_PAUSE));
        if let Some(turn) = self.pass(AGAIN).await {
            return turn;
        }
        let message =
            format!("back-off {length:?} restarting failed container, exit code {code}, pod={}", self.name);
        self.write(State::Waiting { reason: "CrashLoopBackOff", message, restarts }).await;
        self.pass(length).await.unwrap_or(Turn::Again)
    }

    async fn pull_in_vain(&mut self, restarts: u32) -> Turn {
        let image = reading::image(&self.pod.borrow());
        let message = format!("failed to pull and unpack image \"{image}\": not found");
        self.write(State::Waiting { reason: "ErrImagePull", message, restarts }).await;
        if let Some(turn) = self.pass(FIRST_PULL).await {
            return turn;
        }
        let message = format!("Back-off pulling image \"{image}\"");
        self.write(State::Waiting { reason: "ImagePullBackOff", message, restarts }).await;
        loop {
            if let Err(turn) = self.changed().await {
                return turn;
            }
            if self.script().fate != Fate::CannotBePulled {
                return Turn::Again;
            }
        }
    }

    async fn listen(&self, address: Ipv4Addr, script: PodScript) -> std::io::Result<Server> {
        let image = reading::image(&self.pod.borrow());
        let identity = Arc::new(Identity { pod: self.name.clone(), image });
        let ports = reading::ports(&self.pod.borrow());
        Server::listen(address, &ports, identity, Arc::clone(&self.meter), script).await
    }

    /// Lets time pass unless something comes up.
    async fn pass(&mut self, time: Duration) -> Option<Turn> {
        let until = Instant::now() + time;
        loop {
            tokio::select! {
                () = sleep_until(until) => return None,
                turn = self.changed() => if let Err(turn) = turn { return Some(turn) },
            }
        }
    }

    /// Waits for something that the pod will tell.
    async fn when<T>(&mut self, tells: impl Fn(&Pod) -> Option<T>) -> Result<T, Turn> {
        loop {
            let told = tells(&self.pod.borrow_and_update());
            if let Some(told) = told {
                return Ok(told);
            }
            self.changed().await?;
        }
    }

    async fn changed(&mut self) -> Result<(), Turn> {
        if self.is_ending() {
            return Err(Turn::End(None));
        }
        self.pod.changed().await.map_err(|_| Turn::Gone)?;
        if self.is_ending() { Err(Turn::End(None)) } else { Ok(()) }
    }

    fn is_gone(&self) -> bool {
        self.pod.has_changed().is_err()
    }

    fn is_ending(&self) -> bool {
        self.pod.borrow().metadata.deletion_timestamp.is_some()
    }

    /// A script that cannot be understood is that of a process that is well; the pod's owner is told by the parser.
    fn script(&self) -> PodScript {
        PodScript::of(&self.pod.borrow()).unwrap_or_default()
    }

    async fn write(&mut self, state: State) {
        if self.written.as_ref() == Some(&state) {
            return;
        }
        loop {
            match state.write(&self.api, &self.name, &self.uid).await {
                Ok(()) => break,
                // Gone, or another pod of that name.
                Err(kube::Error::Api(status)) if [404, 422].contains(&status.code) => break,
                Err(kube::Error::Api(status)) if status.code == 409 && self.is_gone() => break,
                // Others write faster, or the API server is away: a kubelet would try again, too.
                Err(_) => sleep(AGAIN).await,
            }
        }
        self.written = Some(state);
    }
}

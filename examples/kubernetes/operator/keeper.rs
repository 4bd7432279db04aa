use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use shepherd_core::driver::{Handle, Stopped};
use shepherd_core::machine::{Happening, Outcome};
use shepherd_core::model::Revision;
use shepherd_core::plan::{Mode, Plan};
use shepherd_core::ports::{Clock, SystemClock};
use tokio::sync::watch;

use super::Operator;
use super::wish::{IMAGE, ROUTE, Wish, answer, serves};
use crate::common::Trouble;
use crate::common::say::say;

/// How long after what failed it is tried again.
const PAUSE: Duration = Duration::from_secs(10);

/// Sees to it that one Deployment gets what it asks for. There is one for each, so that everything is told once.
pub(super) struct Keeper {
    operator: Arc<Operator>,
    name: String,
    wish: watch::Receiver<Wish>,
    /// What stood in the way the last time.
    told: String,
}

impl Keeper {
    pub(super) fn new(operator: Arc<Operator>, name: String, wish: watch::Receiver<Wish>) -> Self {
        Self { operator, name, wish, told: String::new() }
    }

    /// Begins with a look into the store: what is under way there goes on, whatever is asked for.
    pub(super) async fn keep(mut self) {
        loop {
            let done = self.turn().await;
            if self.operator.is_closing() {
                return;
            }
            match done {
                Ok(true) => {}
                Ok(false) => self.asked().await,
                Err(why) => {
                    self.complain(why);
                    self.stirred().await;
                }
            }
        }
    }

    /// One rollout, or a refusal. Answers whether there was something to do.
    async fn turn(&mut self) -> Result<bool, Trouble> {
        let seen = self.wish.borrow_and_update().clone();
        let begun = self.operator.begun(&self.name).await?;
        if begun.is_none() && seen.untried().is_none() {
            return Ok(false);
        }
        // The watch may not know yet what was written last.
        let deployment = self.operator.deployment(&self.name).await?;
        let wish = deployment.as_ref().map(Wish::of).unwrap_or_default();
        match (begun, deployment, wish.untried()) {
            // One that has ended is only watched, and another image ends that.
            (Some(begun), _, image)
                if begun.outcome().is_none()
                    || image.is_none_or(|image| image == begun.plan().candidate()) =>
            {
                self.go_on(begun.plan(), &wish).await?;
            }
            (_, Some(deployment), Some(image)) => self.begin(&deployment, &wish, image).await?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    async fn go_on(&mut self, begun: &Plan, wish: &Wish) -> Result<(), Trouble> {
        let candidate = begun.candidate();
        let resumed = match way(begun.mode(), wish) {
            Ok(route) => self.operator.resume(&self.name, route).await,
            Err(why) => Err(Trouble::input(why)),
        };
        let handle = resumed
            .map_err(|why| Trouble::Stuck(format!("{candidate} is under way and cannot go on: {why}")))?;
        match handle {
            Some(handle) => self.drive(&handle).await,
            None => Ok(()),
        }
    }

    async fn begin(&mut self, deployment: &Deployment, wish: &Wish, image: &Revision) -> Result<(), Trouble> {
        if serves(deployment, image) {
            return self.refuse(image, &format!("{image} already serves")).await;
        }
        match self.operator.start(&self.name, wish.route.as_deref(), image).await {
            Ok(handle) => self.drive(&handle).await,
            Err(Trouble::Input(why)) => self.refuse(image, &why).await,
            Err(stuck) => Err(stuck),
        }
    }

    /// Nothing is under way, and this image is not tried again. What another operator has come to meanwhile stays.
    async fn refuse(&self, image: &Revision, why: &str) -> Result<(), Trouble> {
        let Some(deployment) = self.operator.deployment(&self.name).await? else { return Ok(()) };
        if Wish::of(&deployment).untried() != Some(image) {
            return Ok(());
        }
        let version = deployment.metadata.resource_version.as_deref();
        if self.operator.annotate(&self.name, version, answer(Some(image), why)).await? {
            self.say(why);
        }
        Ok(())
    }

    /// Until its end, whatever else is asked for meanwhile.
    async fn drive(&mut self, handle: &Handle) -> Result<(), Trouble> {
        self.told.clear();
        let mut events = handle.events();
        let mut after = self.give_way(handle).await;
        loop {
            tokio::select! {
                biased;
                event = events.next() => match event {
                    Some(event) => self.tell(&event.what),
                    None => break,
                },
                () = self.stirred(), if after.is_none() => after = self.give_way(handle).await,
            }
        }
        match handle.done().await {
            // The process before may have asked for what comes after it.
            Ok(outcome) => {
                let next = outcome.report().next.as_ref().map(|next| next.revision.clone());
                self.ended(&outcome, after.or(next).as_ref()).await;
            }
            // The next process goes on.
            Err(Stopped::Detached) if self.operator.is_closing() => {}
            Err(stopped) => return Err(stopped.into()),
        }
        Ok(())
    }

    /// Ends it when another image is asked for, which is then answered.
    async fn give_way(&mut self, handle: &Handle) -> Option<Revision> {
        let status = handle.status();
        let other = |wish: &Wish| wish.image.clone().filter(|image| *image != status.candidate);
        other(&self.wish.borrow_and_update())?;
        // The watch may not know yet what this rollout was begun for.
        let deployment = self.operator.deployment(&self.name).await.ok()??;
        let wish = Wish::of(&deployment);
        let image = other(&wish)?;
        if status.outcome.is_some() {
            wish.untried()?;
            handle.detach().await;
            return Some(image);
        }
        let reverts = image == status.stable;
        // What cannot be rolled out is no reason to end what is.
        if !reverts && let Err(why) = self.operator.plan(&self.name, wish.route.as_deref(), &image).await {
            self.complain(format!("{image} cannot come, and {} goes on: {why}", status.candidate));
            return None;
        }
        let by = self.operator.actor.clone();
        // Refused when it has ended meanwhile, which is as good.
        drop(if reverts {
            handle.abort(by, format!("{image} is wanted again")).await
        } else {
            handle.supersede(by, image.clone()).await
        });
        Some(image)
    }

    /// `after` is the image that it had to give way to. Written until it stands there: otherwise what was taken back
    /// would be tried again.
    async fn ended(&mut self, outcome: &Outcome, after: Option<&Revision>) {
        let report = outcome.report();
        let said = format!("{} was {}: {}", report.candidate, outcome.ending(), outcome.why());
        self.say(&said);
        let promoted = matches!(outcome, Outcome::Promoted(_));
        let tried = match after {
            None => Some(&report.candidate),
            Some(image) if *image == report.stable && !promoted => Some(image),
            Some(_) => None,
        };
        while let Err(why) = self.operator.annotate(&self.name, None, answer(tried, &said)).await {
            self.complain(format!("the outcome could not be written: {why}"));
            SystemClock::new().sleep(PAUSE).await;
        }
    }

    /// Until an image is asked for that was not tried.
    async fn asked(&mut self) {
        self.told.clear();
        // What the watch told before was looked at already, and may be behind.
        while self.wish.changed().await.is_ok() && self.wish.borrow().untried().is_none() {}
    }

    /// Until something else is asked for, or a while is over.
    async fn stirred(&mut self) {
        let clock = SystemClock::new();
        tokio::select! {
            _ = self.wish.changed() => {}
            () = clock.sleep(PAUSE) => {}
        }
    }

    fn tell(&self, what: &Happening) {
        self.say(what);
        if matches!(what, Happening::Paused(_)) {
            self.say(format_args!(
                "it stays paused until {IMAGE} asks for another image, or for the one before"
            ));
        }
    }

    /// Once for as long as it is the same.
    fn complain(&mut self, why: impl Display) {
        let why = why.to_string();
        if why != self.told {
            self.say(format_args!("{why}; tried again every {} s", PAUSE.as_secs()));
            self.told = why;
        }
    }

    fn say(&self, what: impl Display) {
        say(format_args!("{}: {what}", self.name));
    }
}

/// The route by which a rollout goes on: it stays with or without one, as it was begun.
fn way(mode: Mode, wish: &Wish) -> Result<Option<&str>, String> {
    match mode {
        Mode::Split => {
            let route = wish.route.as_deref();
            let gone =
                || format!("it was begun by a route, which {ROUTE} no longer names; write it there again");
            route.map(Some).ok_or_else(gone)
        }
        Mode::Ratio(_) => Ok(None),
        _ => Err("another program has begun it, in a way of its own; run that one again".to_owned()),
    }
}

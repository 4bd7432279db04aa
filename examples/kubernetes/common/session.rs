use std::time::Duration;

use shepherd_core::driver::{Handle, Rollout, StartError};
use shepherd_core::machine::{Outcome, Phase, Snapshot, Status};
use shepherd_core::model::Revision;
use shepherd_core::ports::{Clock, SystemClock};
use shepherd_kube::preflight::{Preflight, PreflightError, Report};

use super::Trouble;
use super::drive::{came_too_late, drive, tell, user};
use super::interrupts::Interrupts;
use super::say::say;

/// How often, and how many times, it is looked whether what has just ended is out of the way.
const AGAIN: (Duration, u32) = (Duration::from_secs(1), 60);

/// One image that is to be rolled out, whatever was begun there before.
pub(crate) struct Session<'a> {
    pub(crate) rollout: Rollout,
    pub(crate) image: Revision,
    pub(crate) steal: bool,
    pub(crate) preflight: Preflight<'a>,
    pub(crate) interrupts: Interrupts,
}

impl Session<'_> {
    /// Returns the exit code of how it ended.
    pub(crate) async fn run(mut self, begun: Option<Snapshot>) -> Result<u8, Trouble> {
        let goes_on = begun.as_ref().is_some_and(|begun| *begun.plan().candidate() == self.image);
        if !goes_on && !self.made_way(begun).await? {
            return Ok(1);
        }
        let handle = self.begin().await?;
        if goes_on {
            say("going on with the rollout that was begun before, as it was asked at first");
        }
        let outcome = drive(&handle, &mut self.interrupts).await?;
        let code = tell(&outcome)?;
        came_too_late(&outcome);
        Ok(code)
    }

    /// Whether nothing is in the way of the image any more, and nobody has asked to end meanwhile.
    async fn made_way(&mut self, begun: Option<Snapshot>) -> Result<bool, Trouble> {
        let begun = begun.filter(|begun| begun.outcome().is_none());
        let reverts = begun.as_ref().is_some_and(|begun| *begun.plan().stable() == self.image);
        if begun.is_some() && !reverts && !self.can_begin().await? {
            return Ok(false);
        }
        let displaced = if begun.is_some() { self.displace().await? } else { None };
        // One that was refused had not begun: it is in nobody's way.
        if let Some(outcome) = displaced.filter(|outcome| !matches!(outcome, Outcome::Refused { .. })) {
            tell(&outcome)?;
            let wanted = outcome.report().next.as_ref().is_some_and(|next| next.revision == self.image);
            if self.interrupts.any() || !wanted {
                came_too_late(&outcome);
                return Ok(false);
            }
        }
        // What is found in the midst of a rollout is how that left things: it is looked when nothing is under way.
        let looked = checked(&self.preflight, begun.is_some());
        let Some(report) = unless_asked(&mut self.interrupts, looked).await else {
            return Ok(self.not_begun());
        };
        let report = report?;
        let not_ready = |error| match &begun {
            None => Trouble::input(error),
            Some(begun) => Trouble::Stuck(format!(
                "{} is not under way any more, and {} cannot begin: {error}",
                begun.plan().candidate(),
                self.image
            )),
        };
        report.ready().map_err(not_ready)?;
        report.warnings().filter(|one| one.of_candidate).for_each(say);
        Ok(true)
    }

    /// What would happen, of which nothing does.
    pub(crate) async fn foretell(mut self, begun: Option<Snapshot>) -> Result<u8, Trouble> {
        let begun = begun.filter(|begun| begun.outcome().is_none());
        if let Some(begun) = begun.as_ref().map(Snapshot::plan) {
            let (before, image) = (begun.candidate(), &self.image);
            if before == image {
                say(format_args!("{image} is under way already, and would be gone on with:"));
                say(begun.dry_run().to_string().trim_end());
                return Ok(0);
            }
            let ended = "would be taken back, or finished where it is being promoted already";
            say(format_args!("{before} is under way, and {ended}"));
            if begun.stable() == image {
                return Ok(0);
            }
            say("then:");
        }
        let plan = self.rollout.plan(self.image.clone()).await?;
        say(plan.dry_run().to_string().trim_end());
        let looked = self.preflight.clone().check();
        let Some(report) = unless_asked(&mut self.interrupts, looked).await else {
            self.not_begun();
            return Ok(1);
        };
        let report = report?;
        report.warnings().for_each(say);
        if begun.is_none() {
            report.ready()?;
        } else {
            report.possible()?;
        }
        Ok(0)
    }

    async fn begin(&self) -> Result<Handle, StartError> {
        if self.steal {
            self.rollout.steal(self.image.clone()).await
        } else {
            self.rollout.start(self.image.clone()).await
        }
    }

    /// What cannot be rolled out is no reason to end what is. Answers whether nobody has asked to end meanwhile.
    async fn can_begin(&mut self) -> Result<bool, Trouble> {
        let looked = async {
            self.rollout.plan(self.image.clone()).await?;
            Ok(self.preflight.clone().check().await?.possible()?)
        };
        match unless_asked(&mut self.interrupts, looked).await {
            Some(possible) => possible.map(|()| true),
            None => Ok(self.not_begun()),
        }
    }

    fn not_begun(&self) -> bool {
        say(format_args!("asked to end: {} was not begun", self.image));
        false
    }

    /// Ends another image's rollout in favour of this one. Beginning this one would do so too, and tell nobody meanwhile.
    /// None where it has ended already.
    async fn displace(&mut self) -> Result<Option<Outcome>, Trouble> {
        let image = &self.image;
        let found = if self.steal { self.rollout.take_over().await? } else { self.rollout.resume().await? };
        let Some(handle) = found.filter(|handle| is_in_the_way(&handle.status(), image)) else {
            return Ok(None);
        };
        // Refused when it has ended meanwhile, which is as good.
        drop(handle.supersede(user().map_err(Trouble::input)?, image.clone()).await);
        let status = handle.status();
        let before = &status.candidate;
        match status.phase {
            Phase::Recovering => say(format_args!("{before} is under way and gives way first")),
            Phase::Forward => {
                say(format_args!("{before} is being promoted already; {image} comes after it"));
            }
            _ => {}
        }
        drive(&handle, &mut self.interrupts).await.map(Some)
    }
}

/// What is only watched after its promotion gives way to whatever begins.
fn is_in_the_way(status: &Status, image: &Revision) -> bool {
    status.outcome.is_none() && status.candidate != *image
}

/// None when somebody asks to end before it is done.
async fn unless_asked<T>(interrupts: &mut Interrupts, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        _ = interrupts.next() => None,
        done = work => Some(done),
    }
}

/// As it is when the last pods of what has just `ended` have ended, too, or that takes too long.
async fn checked(preflight: &Preflight<'_>, ended: bool) -> Result<Report, PreflightError> {
    let (every, times) = AGAIN;
    for _ in 1..times {
        let report = preflight.clone().check().await?;
        if !(ended && report.is_passing()) {
            return Ok(report);
        }
        SystemClock::new().sleep(every).await;
    }
    preflight.clone().check().await
}

use std::time::Duration;

use shepherd_core::driver::{Handle, Rollout, StartError};
use shepherd_core::machine::{Outcome, Phase, Snapshot};
use shepherd_core::model::Revision;
use shepherd_core::plan::Plan;
use shepherd_core::ports::{Clock, SystemClock};
use shepherd_kube::preflight::{Preflight, Report};

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
        let (mut goes_on, mut displaced) = (false, None);
        match begun {
            Some(begun) if *begun.plan().candidate() == self.image => goes_on = true,
            Some(begun) if begun.outcome().is_none() => {
                let outcome = self.displace(begun.plan()).await?;
                tell(&outcome)?;
                let wanted = outcome.report().next.as_ref().is_some_and(|next| next.revision == self.image);
                if self.interrupts.any() || !wanted {
                    came_too_late(&outcome);
                    return Ok(1);
                }
                displaced = Some(begun.plan().candidate().clone());
            }
            _ => {}
        }
        if !goes_on {
            self.prepared(displaced).await?;
        }
        let handle = self.begin(&self.image).await?;
        if goes_on {
            say("going on with the rollout that was begun before, as it was asked at first");
        }
        let outcome = drive(&handle, &mut self.interrupts).await?;
        let code = tell(&outcome)?;
        came_too_late(&outcome);
        Ok(code)
    }

    /// What would happen, of which nothing does.
    pub(crate) async fn foretell(self, begun: Option<Snapshot>) -> Result<u8, Trouble> {
        if let Some(begun) = begun.filter(|begun| begun.outcome().is_none()) {
            let (plan, image) = (begun.plan(), &self.image);
            if plan.candidate() == image {
                say(format_args!("{image} is under way already, and would be gone on with:"));
                say(plan.dry_run().to_string().trim_end());
                return Ok(0);
            }
            if plan.stable() == image {
                say(format_args!("{} is under way, and would be taken back", plan.candidate()));
                return Ok(0);
            }
            say(format_args!("{} is under way, and would give way first; then:", plan.candidate()));
        }
        let plan = self.rollout.plan(self.image).await?;
        say(plan.dry_run().to_string().trim_end());
        let report = self.preflight.check().await?;
        report.warnings().for_each(say);
        report.ready()?;
        Ok(0)
    }

    async fn begin(&self, image: &Revision) -> Result<Handle, StartError> {
        if self.steal {
            self.rollout.steal(image.clone()).await
        } else {
            self.rollout.start(image.clone()).await
        }
    }

    /// Ends another image's rollout in favour of this one. Beginning this one would do so too, and tell nobody meanwhile.
    async fn displace(&mut self, begun: &Plan) -> Result<Outcome, Trouble> {
        let (before, image) = (begun.candidate(), &self.image);
        if begun.stable() != image {
            // What cannot be rolled out is no reason to end what is.
            self.rollout.plan(image.clone()).await?;
        }
        let handle = self.begin(before).await?;
        // Refused when it has ended meanwhile, which is as good.
        drop(handle.supersede(user().map_err(Trouble::input)?, image.clone()).await);
        if handle.status().phase == Phase::Recovering {
            say(format_args!("{before} is under way and gives way first"));
        } else {
            say(format_args!("{before} is being promoted already; {image} comes after it"));
        }
        drive(&handle, &mut self.interrupts).await
    }

    /// What is found in the midst of a rollout is how that left things, so it is looked only when nothing is under way.
    async fn prepared(&self, displaced: Option<Revision>) -> Result<(), Trouble> {
        let Some(before) = displaced else { return Ok(self.preflight.clone().check().await?.ready()?) };
        let not_ready = |error| {
            Trouble::Stuck(format!(
                "{before} is not under way any more, and {} cannot begin: {error}",
                self.image
            ))
        };
        self.cleared().await?.ready().map_err(not_ready)
    }

    /// As it is when the last pods of what has just ended have ended, too, or that takes too long.
    async fn cleared(&self) -> Result<Report, Trouble> {
        let (every, times) = AGAIN;
        for _ in 1..times {
            let report = self.preflight.clone().check().await?;
            if !report.is_passing() || self.interrupts.any() {
                return Ok(report);
            }
            SystemClock::new().sleep(every).await;
        }
        Ok(self.preflight.clone().check().await?)
    }
}

use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use shepherd_core::machine::Status;

use super::text;
use crate::ground::time;
use crate::out::Out;
use crate::traffic::Traffic;

/// Progress bars at the bottom, events above them.
pub(crate) struct Live {
    bars: MultiProgress,
    stages: ProgressBar,
    waiting: ProgressBar,
    split: ProgressBar,
    tracks: ProgressBar,
    guards: Vec<ProgressBar>,
    begun: Instant,
}

impl Live {
    pub(super) fn on(out: Out) -> Self {
        let bars = MultiProgress::with_draw_target(out.draw_target());
        let add = |template| bars.add(bar(0, template));
        Self {
            stages: add("\n{bar:40.cyan/dim} stage {pos} of {len}  {wide_msg}"),
            waiting: add("  {wide_msg}"),
            split: add("  {wide_msg}"),
            tracks: add("  {wide_msg}"),
            guards: Vec::new(),
            begun: time::now(),
            bars,
        }
    }

    pub(super) fn say(&self, what: &str) {
        // A terminal that has gone away is no reason to stop.
        let _ = self.bars.println(format!("{}  {what}", text::stamp(self.begun)));
    }

    pub(super) fn show(&mut self, status: &Status, traffic: &Traffic) {
        self.stages.set_length(status.stages.get().into());
        self.stages.set_position(status.index.number().get().into());
        self.stages.set_message(status.stage.to_string());
        self.waiting.set_message(status.waiting.on.to_string());
        self.split.set_message(text::split(status, traffic));
        self.tracks.set_message(text::tracks(status, traffic));
        while self.guards.len() < status.guards.len() {
            self.guards.push(self.bars.add(bar(100, "  {bar:20.red/dim} {wide_msg}")));
        }
        for (bar, guard) in self.guards.iter().zip(&status.guards) {
            bar.set_position(if guard.active { text::percent(guard.progress.share) } else { 0 });
            bar.set_message(text::guard(guard));
        }
    }

    pub(super) fn close(&self) {
        // As above.
        let _ = self.bars.clear();
    }
}

fn bar(length: u64, template: &str) -> ProgressBar {
    // The templates are constants; one that were wrong would only look plainer.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style.progress_chars("━╸─"))
}

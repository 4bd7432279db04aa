//! The words of both views.

use std::time::{Duration, Instant};

use shepherd_core::guard::ComparisonProgress;
use shepherd_core::machine::{GuardStatus, Status};
use shepherd_core::model::{Replicas, Track};

use crate::traffic::Traffic;

/// How long it has been.
pub(super) fn stamp(begun: Instant) -> String {
    format!("{:6.1}s", begun.elapsed().as_secs_f64())
}

pub(super) fn stage(status: &Status) -> String {
    let Status { stage, index, stages, waiting, .. } = status;
    format!("{stage} ({}/{stages}): {}", index.number(), waiting.on)
}

/// The weight that is wanted, and the share that was measured.
pub(super) fn split(status: &Status, traffic: &Traffic) -> String {
    // Where replicas share the traffic no weight is wanted of anybody.
    let wanted = if status.routed { format!("wanted {}, ", status.exposure) } else { String::new() };
    let measured = traffic.share().map_or_else(|| "not yet".to_owned(), |share| format!("{share:.1}%"));
    format!("{} {wanted}measured {measured} of {:.0}/s", status.candidate, traffic.per_second())
}

pub(super) fn tracks(status: &Status, traffic: &Traffic) -> String {
    let of = |track, revision, ready: Option<Replicas>| {
        let ready = ready.map_or_else(String::new, |ready| format!(" {ready} ready"));
        let got = traffic.of(track).map_or_else(
            || "no requests".to_owned(),
            |(failed, p95)| format!("{failed:.1}% errors, p95 {}", millis(p95)),
        );
        format!("{track} {revision}{ready}: {got}")
    };
    let [stable, candidate] = status.ready;
    let stable = of(Track::Stable, &status.stable, stable);
    format!("{stable} | {}", of(Track::Candidate, &status.candidate, candidate))
}

/// What a guard sees, and how close it is to firing.
pub(super) fn guard(status: &GuardStatus) -> String {
    let GuardStatus { guard, active, progress, .. } = status;
    if !active {
        return format!("{guard}: not watching");
    }
    let seen: Vec<String> = progress.comparisons.iter().map(seen).collect();
    let near = percent(progress.share);
    let held = if progress.held.is_zero() {
        String::new()
    } else {
        format!(", held for {} of {}", millis(progress.held), millis(progress.needed))
    };
    format!("{guard}: {}{held}, {near}% of the way", seen.join(", "))
}

fn seen(comparison: &ComparisonProgress) -> String {
    let ComparisonProgress { metric, candidate, stable, .. } = comparison;
    let candidate = candidate.as_deref().unwrap_or("unknown");
    let stable = stable.as_ref().map_or_else(String::new, |stable| format!(" (stable {stable})"));
    format!("{metric} {candidate}{stable}")
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped just before")]
pub(super) fn percent(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * 100.0).round() as u64
}

/// Times of any size in few letters.
fn millis(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{}ms", time.as_millis())
    } else {
        format!("{:.1}s", time.as_secs_f64())
    }
}

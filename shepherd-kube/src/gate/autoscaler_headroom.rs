use async_trait::async_trait;
use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition, HorizontalPodAutoscalerSpec,
    HorizontalPodAutoscalerStatus, MetricStatus,
};
use shepherd_core::model::{Track, Verdict};
use shepherd_core::ports::{CheckContext, HealthGate, PortError};

use super::Tracks;
use crate::watch::Version;

/// Passes while the `HorizontalPodAutoscaler` of a track's Deployment may still add replicas: at least one, or as many
/// as are [asked for](Self::spare).
///
/// It fails with the numbers: how many there are and may be, and what load asks for them. Where no autoscaler scales
/// the Deployment, or where it says that it cannot, the verdict is inconclusive.
///
/// # Cancel safety
/// It only reads.
///
/// ```no_run
/// # fn example(tracks: shepherd_kube::gate::Tracks) {
/// let gate = shepherd_kube::gate::AutoscalerHeadroom::of(tracks).spare(2);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct AutoscalerHeadroom {
    pub(super) tracks: Tracks,
    spare: u32,
}

impl AutoscalerHeadroom {
    /// Asks about these.
    pub fn of(tracks: Tracks) -> Self {
        Self { tracks, spare: 1 }
    }

    /// So many replicas must be left.
    #[must_use]
    pub fn spare(mut self, replicas: u32) -> Self {
        self.spare = replicas;
        self
    }

    fn judge(&self, autoscaler: &HorizontalPodAutoscaler) -> Verdict {
        let name = autoscaler.metadata.name.as_deref().unwrap_or_default();
        let unknown = |why: &str| Verdict::Inconclusive(format!("autoscaler {name}: {why}").into());
        let Some(spec) = spec(autoscaler) else { return unknown("it says nothing yet") };
        let Some(status) = &autoscaler.status else { return unknown("it says nothing yet") };
        if let Some(why) = inactive(status) {
            return unknown(&why);
        }
        let (there, wanted) = (status.current_replicas.unwrap_or(0), status.desired_replicas);
        let left = spec.max_replicas - there.max(wanted);
        let most = spec.max_replicas;
        let numbers =
            format!("autoscaler {name}: {there} replicas, {wanted} wanted, {most} allowed{}", load(status));
        if i64::from(left) >= i64::from(self.spare) {
            Verdict::Pass(numbers.into())
        } else {
            Verdict::Fail(format!("{numbers}; {} must be left", self.spare).into())
        }
    }

    async fn find(&self, track: Track) -> Result<Option<HorizontalPodAutoscaler>, PortError> {
        let place = format!("autoscalers of {}", self.tracks.place(track));
        let all: Vec<HorizontalPodAutoscaler> = self.tracks.list(&place, "", Version::FIRST).await?;
        let scales = |autoscaler: &HorizontalPodAutoscaler| {
            let target = spec(autoscaler).map(|spec| spec.scale_target_ref);
            target.is_some_and(|target| target.kind == "Deployment" && target.name == self.tracks.name(track))
        };
        Ok(all.into_iter().find(scales))
    }
}

#[async_trait]
impl HealthGate for AutoscalerHeadroom {
    async fn check(&self, context: &CheckContext) -> Result<Verdict, PortError> {
        let none = || format!("no autoscaler scales {}", self.tracks.place(context.track));
        Ok(match self.find(context.track).await? {
            Some(autoscaler) => self.judge(&autoscaler),
            None => Verdict::Inconclusive(none().into()),
        })
    }
}

/// Versions of the API disagree on whether there may be none.
#[allow(clippy::useless_conversion, reason = "in some versions it is one, in some it is none")]
fn spec(autoscaler: &HorizontalPodAutoscaler) -> Option<HorizontalPodAutoscalerSpec> {
    Option::from(autoscaler.spec.clone())
}

/// Why it does not scale: its numbers are then those of an earlier time.
fn inactive(status: &HorizontalPodAutoscalerStatus) -> Option<String> {
    let is_off = |one: &&HorizontalPodAutoscalerCondition| {
        matches!(one.type_.as_str(), "ScalingActive" | "AbleToScale") && one.status == "False"
    };
    let off = status.conditions.iter().flatten().find(is_off)?;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    Some(format!("{}: {}", text(&off.reason), text(&off.message)))
}

fn load(status: &HorizontalPodAutoscalerStatus) -> String {
    let used = |metric: &MetricStatus| {
        let resource = metric.resource.as_ref()?;
        Some(format!("; {} is used to {}%", resource.name, resource.current.average_utilization?))
    };
    status.current_metrics.iter().flatten().filter_map(used).collect()
}

//! The words that everything else is written in: what is rolled out, where its traffic goes, what was seen.
//!
//! Plain values without behaviour of their own beyond validation, printing and comparison. Nothing here reads a
//! clock or touches the outside.

mod count;
mod exposure;
mod failure;
pub(crate) mod human_duration;
mod mark;
mod matching;
mod measurement;
mod metric;
mod name;
mod quantile;
mod replicas;
mod routing;
mod sample;
mod stage_index;
mod target;
mod time;
mod track;
mod track_spec;
mod verdict;
mod weight;
mod workload_state;

pub use count::{People, Requests, Times};
pub use exposure::{Exposure, Match};
pub use failure::{Failure, FailureKind};
pub use mark::{Epoch, Fence, Generation, Mark, Route, Traffic, admit};
pub use matching::Matching;
pub use measurement::{Cursor, Measurement, Reading};
pub use metric::{Metric, Unit, UnknownMetric};
pub use name::{Actor, GateName, HookName, NameError, Revision, RolloutId, StageName};
pub use quantile::{Quantile, QuantileError};
pub use replicas::Replicas;
pub use routing::{RouterCapabilities, Routing};
pub use sample::{Bucket, Histogram, Sample, SampleError};
pub use stage_index::StageIndex;
pub use target::Target;
pub use time::{Elapsed, Now, Timestamp};
pub use track::Track;
pub use track_spec::TrackSpec;
pub use verdict::{Reason, Verdict};
pub use weight::{Weight, WeightError};
pub use workload_state::{TrackState, WorkloadState};

//! Gates that ask the cluster about one track: each is one question, and answers in the words of the pods themselves.
//!
//! All of them are asked about the Deployment of a track, which [`Tracks`] names. They look at the pods of its present
//! revision only. Where that is not the revision that is asked about, where there is no such Deployment, or where it
//! wants no replicas, nothing can be said, and the verdict is inconclusive. When the API server cannot be asked it is
//! an error.
//!
//! ```no_run
//! # async fn example(rollout: shepherd_core::driver::RolloutBuilder) -> Result<(), Box<dyn std::error::Error>> {
//! use shepherd_kube::gate::{Endpoints, NoCrashLoops, Restarts, Tracks};
//!
//! let client = kube::Client::try_default().await?;
//! let tracks = Tracks::new(client, "shop", "web").container("app");
//! let rollout = rollout
//!     .gate("no-crash-loops".parse()?, NoCrashLoops::of(tracks.clone()))
//!     .gate("restarts".parse()?, Restarts::of(tracks.clone(), 2))
//!     .gate("endpoints".parse()?, Endpoints::of(tracks, "web", "web-candidate"));
//! # Ok(())
//! # }
//! ```

mod autoscaler_headroom;
mod endpoints;
mod grounded;
mod images_pulled;
mod no_crash_loops;
mod pods_ready;
mod replica_count;
mod restarts;
mod side;
mod tracks;

pub use autoscaler_headroom::AutoscalerHeadroom;
pub use endpoints::Endpoints;
pub use images_pulled::ImagesPulled;
pub use no_crash_loops::NoCrashLoops;
pub use pods_ready::PodsReady;
pub use replica_count::ReplicaCount;
pub use restarts::Restarts;
pub use tracks::Tracks;

//! Looking before anything is changed: whether a rollout has all that it needs here, and what to do about what it has
//! not.
//!
//! Each adapter knows what it needs, and says so as [`Grounded`]. All of it is asked at once, and nothing is changed:
//! what would be written first is sent as a dry run.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use shepherd_kube::preflight::Preflight;
//! use shepherd_kube::router::GatewayRoute;
//! use shepherd_kube::workload::DeploymentPair;
//!
//! let client = kube::Client::try_default().await?;
//! let pair = DeploymentPair::new(client.clone(), "shop", "web");
//! let route = GatewayRoute::http(client.clone(), "shop", "web");
//!
//! let report = Preflight::of(&client).workload(&pair).router(&route).check().await?;
//! println!("{report}");
//! report.ready()?;
//! # Ok(())
//! # }
//! ```

mod access;
mod autoscalers;
mod error;
mod finding;
mod findings;
mod grounded;
mod images;
mod in_place;
mod lookup;
mod owners;
#[allow(clippy::module_inception, reason = "one main type per file, and it has the name of its room")]
mod preflight;
mod pulled;
mod quantity;
mod quotas;
mod references;
mod rehearsal;
mod report;
mod selectors;
mod served;
mod server;
mod template;
mod twins;

pub(crate) use access::{Need, WATCHED};
pub(crate) use autoscalers::scales;
pub(crate) use findings::Met;
pub(crate) use in_place::InPlaceGround;
pub(crate) use lookup::list;
pub(crate) use owners::applied_by;
pub(crate) use rehearsal::mark as rehearsed_mark;
pub(crate) use selectors::{catches, sends_to, text as selector_text};
pub(crate) use twins::Twins;

pub use error::PreflightError;
pub use finding::{Finding, Severity};
pub use findings::Findings;
pub use grounded::Grounded;
pub use images::Images;
pub use preflight::Preflight;
pub use report::Report;

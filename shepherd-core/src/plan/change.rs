use crate::guard::Guard;
use crate::model::{Replicas, Revision, RouterCapabilities, Target};

use super::{Attention, Ground};

/// What is asked of a strategy: move a target from one revision to another, on this ground, under these guards.
///
/// ```
/// use shepherd_core::model::{Replicas, Revision, RouterCapabilities};
/// use shepherd_core::plan::Change;
/// use shepherd_core::strategy::{Canary, Strategy};
///
/// let change = Change::new("shop/web".parse()?, Revision::new("shop:v1")?, Revision::new("shop:v2")?)
///     .replicas(Replicas::new(4))
///     .router(RouterCapabilities::weighted())
///     .guard("error_rate > 5% for 2m".parse()?);
/// println!("{}", Canary::default().plan(&change)?.dry_run());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Change {
    /// What is rolled out.
    pub target: Target,
    /// What serves now.
    pub stable: Revision,
    /// What is coming.
    pub candidate: Revision,
    /// How many replicas serve all of the traffic.
    pub replicas: Replicas,
    /// What the router can do, when one takes part.
    pub router: Option<RouterCapabilities>,
    /// What it works on, in the words of its adapters.
    pub ground: Ground,
    /// What triggers a rollback.
    pub guards: Vec<Guard>,
    /// How closely it is watched.
    pub attention: Attention,
}

impl Change {
    /// A change of one replica without a router and without guards.
    pub fn new(target: Target, stable: Revision, candidate: Revision) -> Self {
        Self {
            target,
            stable,
            candidate,
            replicas: Replicas::new(1),
            router: None,
            ground: Ground::default(),
            guards: Vec::new(),
            attention: Attention::default(),
        }
    }

    /// The same with so many replicas serving all of the traffic.
    #[must_use]
    pub fn replicas(mut self, replicas: Replicas) -> Self {
        self.replicas = replicas;
        self
    }

    /// The same with a router.
    #[must_use]
    pub fn router(mut self, capabilities: RouterCapabilities) -> Self {
        self.router = Some(capabilities);
        self
    }

    /// The same on this ground.
    #[must_use]
    pub fn ground(mut self, ground: Ground) -> Self {
        self.ground = ground;
        self
    }

    /// The same under one guard more.
    #[must_use]
    pub fn guard(mut self, guard: Guard) -> Self {
        self.guards.push(guard);
        self
    }

    /// The same, watched so closely.
    #[must_use]
    pub fn attention(mut self, attention: Attention) -> Self {
        self.attention = attention;
        self
    }
}

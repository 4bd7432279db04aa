/// One of the two Deployments. Which track it is, is another question: where a promotion moves the Service instead of
/// the pods, they change roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The one that people own.
    Owned,
    /// The one that Shepherd makes after it.
    Made,
}

impl Side {
    pub(super) const BOTH: [Side; 2] = [Side::Owned, Side::Made];

    pub(super) const fn other(self) -> Self {
        match self {
            Side::Owned => Side::Made,
            Side::Made => Side::Owned,
        }
    }
}

/// Which Deployment is which track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cast {
    pub(super) stable: Side,
    pub(super) candidate: Side,
}

impl Cast {
    /// As it is where roles never change.
    pub(super) const FIXED: Cast = Cast { stable: Side::Owned, candidate: Side::Made };
}

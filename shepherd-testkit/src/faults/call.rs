use shepherd_core::machine::Effect;

/// A kind of call to the outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Call {
    /// Of a router.
    ClaimRouting,
    /// Of a router.
    Route,
    /// Of a router.
    ObserveRouting,
    /// Of a workload.
    ClaimWorkload,
    /// Of a workload.
    Deploy,
    /// Of a workload.
    ObserveWorkload,
    /// Of a metrics source.
    Measure,
    /// Of a gate.
    Check,
    /// Of a hook.
    RunHook,
    /// Of a notifier.
    Notify,
    /// Of a store.
    ClaimTarget,
    /// Of a store.
    Renew,
    /// Of a store.
    Save,
    /// Of a store: the last snapshot, and the target is free.
    Close,
    /// Of a store.
    Release,
    /// Of a store.
    Load,
    /// Of a store.
    List,
    /// Of a store.
    Clear,
}

impl Call {
    /// Those that a machine's effects make.
    pub const OF_EFFECTS: [Call; 10] = [
        Call::ClaimRouting,
        Call::Route,
        Call::ObserveRouting,
        Call::ClaimWorkload,
        Call::Deploy,
        Call::ObserveWorkload,
        Call::Measure,
        Call::Check,
        Call::RunHook,
        Call::Notify,
    ];

    /// The one that an effect makes; none for an effect that this testkit does not know.
    pub fn of(effect: &Effect) -> Option<Self> {
        Some(match effect {
            Effect::ClaimRouting(_) => Call::ClaimRouting,
            Effect::Route(_) => Call::Route,
            Effect::ObserveRouting => Call::ObserveRouting,
            Effect::ClaimWorkload(_) => Call::ClaimWorkload,
            Effect::Deploy { .. } => Call::Deploy,
            Effect::ObserveWorkload => Call::ObserveWorkload,
            Effect::Measure { .. } => Call::Measure,
            Effect::Check { .. } => Call::Check,
            Effect::RunHook(_) => Call::RunHook,
            Effect::Notify(_) => Call::Notify,
            _ => return None,
        })
    }
}

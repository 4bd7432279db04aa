use serde_json::Value;

use crate::object::annotation;

/// What named the class of an Ingress before it had a field.
pub(super) const OLD_CLASS: &str = "kubernetes.io/ingress.class";

/// The annotations of the controller, under its prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into() }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn canary(&self) -> String {
        self.of("canary")
    }

    pub(super) fn weight(&self) -> String {
        self.of("canary-weight")
    }

    pub(super) fn total(&self) -> String {
        self.of("canary-weight-total")
    }

    pub(super) fn header(&self) -> String {
        self.of("canary-by-header")
    }

    pub(super) fn header_value(&self) -> String {
        self.of("canary-by-header-value")
    }

    pub(super) fn header_pattern(&self) -> String {
        self.of("canary-by-header-pattern")
    }

    pub(super) fn cookie(&self) -> String {
        self.of("canary-by-cookie")
    }

    pub(super) fn affinity(&self) -> String {
        self.of("affinity")
    }

    pub(super) fn canary_affinity(&self) -> String {
        self.of("affinity-canary-behavior")
    }

    /// Whether they are what the controller heeds when it was told nothing else.
    pub(super) fn are_usual(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an Ingress is a canary of another one.
    pub(super) fn is_canary(&self, ingress: &Value) -> bool {
        annotation(ingress, &self.canary())
            .is_some_and(|text| ["1", "t", "T", "true", "True", "TRUE"].contains(&text))
    }

    /// Whether users are kept on the pod that served them first.
    pub(super) fn is_sticky(&self, ingress: &Value) -> bool {
        annotation(ingress, &self.affinity()) == Some("cookie")
    }

    fn of(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self::new("nginx.ingress.kubernetes.io")
    }
}

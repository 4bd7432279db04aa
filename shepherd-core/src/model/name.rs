use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a text cannot be used as a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?} is not a usable name: {allowed}; choose another text")]
pub struct NameError {
    what: &'static str,
    value: String,
    allowed: &'static str,
}

impl NameError {
    pub(super) fn new(what: &'static str, value: &str, allowed: &'static str) -> Self {
        // A name that is a whole file by mistake must not flood the log.
        let value = value.chars().take(80).collect();
        Self { what, value, allowed }
    }
}

const LONGEST: usize = 512;

fn checked(what: &'static str, text: &str) -> Result<Arc<str>, NameError> {
    let allowed = "1 to 512 printable characters, no space at either end";
    let fits = !text.is_empty()
        && text.len() <= LONGEST
        && text.trim() == text
        && !text.chars().any(char::is_control);
    if fits { Ok(text.into()) } else { Err(NameError::new(what, text, allowed)) }
}

/// A newtype over a short shared text: cheap to clone, checked when made, a plain string in JSON.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text when it is a usable name.
            ///
            /// # Errors
            /// [`NameError`] when it is empty, longer than 512 bytes, has control characters, or begins or ends
            /// with a space.
            pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
                checked($what, text.as_ref()).map(Self)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = NameError;
            fn try_from(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.to_string()
            }
        }
    };
}

name! {
    /// A version of the target that can be deployed again: an image, a template hash, a Helm revision.
    ///
    /// ```
    /// # use shepherd_core::model::Revision;
    /// assert_eq!(Revision::new("shop:v2")?.to_string(), "shop:v2");
    /// assert!(Revision::new("").is_err());
    /// # Ok::<(), shepherd_core::model::NameError>(())
    /// ```
    Revision, "revision"
}
name! {
    /// One attempt to move a target from its stable revision to a candidate; unique for its target.
    RolloutId, "rollout id"
}
name! {
    /// The name of a stage, unique within its plan.
    StageName, "stage"
}
name! {
    /// The name under which a [health gate](crate::plan::Action::Check) is bound.
    GateName, "gate"
}
name! {
    /// The name under which a [hook](crate::plan::Action::Hook) is bound.
    HookName, "hook"
}
name! {
    /// Who pulled a lever: a person, a pipeline, a team.
    Actor, "actor"
}

impl RolloutId {
    /// The id of the rollout of `target` that began at `epoch`. Epochs of a target only grow, so no two rollouts
    /// of it share an id.
    pub fn of(target: &super::Target, epoch: super::Epoch) -> Self {
        Self(format!("{target}#{epoch}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_cannot_be_printed_or_told_apart() {
        for bad in ["", " v2", "v2 ", "v\n2", &"x".repeat(513)] {
            let error = Revision::new(bad).unwrap_err().to_string();
            assert!(error.starts_with("revision "), "{error}");
        }
    }

    #[test]
    fn json_is_the_plain_text_and_is_checked() {
        let revision = Revision::new("shop:v2").unwrap();
        assert_eq!(serde_json::to_string(&revision).unwrap(), r#""shop:v2""#);
        assert!(serde_json::from_str::<Revision>(r#""""#).is_err());
    }
}

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::NameError;

/// What is rolled out: a workload in a place. Written `name`, `namespace/name` or `cluster:namespace/name`.
///
/// ```
/// # use shepherd_core::model::Target;
/// let target: Target = "eu-1:shop/web".parse()?;
/// assert_eq!((target.cluster(), target.namespace(), target.name()), (Some("eu-1"), Some("shop"), "web"));
/// assert_eq!(target.to_string(), "eu-1:shop/web");
/// # Ok::<(), shepherd_core::model::NameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Target {
    cluster: Option<String>,
    namespace: Option<String>,
    name: String,
}

const ALLOWED: &str = "write `name`, `namespace/name` or `cluster:namespace/name`, each part 1 to 253 letters, \
                       digits, `-`, `_` or `.`, beginning with a letter or digit";

impl Target {
    /// The cluster, when one was named.
    pub fn cluster(&self) -> Option<&str> {
        self.cluster.as_deref()
    }

    /// The namespace, when one was named.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The workload's own name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn part(text: &str) -> Option<String> {
    let fits = text.len() <= 253
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    fits.then(|| text.to_owned())
}

impl FromStr for Target {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let refused = || NameError::new("target", text, ALLOWED);
        let (cluster, place) = match text.split_once(':') {
            Some((cluster, place)) => (Some(part(cluster).ok_or_else(refused)?), place),
            None => (None, text),
        };
        let (namespace, name) = match place.split_once('/') {
            Some((namespace, name)) => (Some(part(namespace).ok_or_else(refused)?), name),
            None => (None, place),
        };
        if cluster.is_some() && namespace.is_none() {
            return Err(refused());
        }
        Ok(Self { cluster, namespace, name: part(name).ok_or_else(refused)? })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(cluster) = &self.cluster {
            write!(f, "{cluster}:")?;
        }
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

impl TryFrom<String> for Target {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Target> for String {
    fn from(target: Target) -> String {
        target.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_prints() {
        for text in ["web", "shop/web", "eu-1:shop/web"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_what_would_name_another_place() {
        for bad in ["", "/web", "shop/", "eu:web", "a/b/c", "../web", "shop/we b", "a:b:c/d"] {
            assert!(bad.parse::<Target>().is_err(), "{bad}");
        }
    }
}

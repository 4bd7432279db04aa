use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use super::Version;

/// Since when the spec of an object is what it is, as far as one version after the other was seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Age {
    /// The version in which it became so, or was first seen so.
    pub(crate) since: Version,
    /// Tells specs apart, and objects that have one name after the other.
    spec: u64,
    /// How many specs it has had, where the server counts them; of a Deployment it counts the annotations, too.
    generation: Option<i64>,
}

impl Age {
    /// Of an object that was never seen before.
    pub(crate) fn of(object: &Value) -> Self {
        let metadata = &object["metadata"];
        Self {
            since: Version::of(object),
            spec: hash([&metadata["uid"], &object["spec"]]),
            generation: metadata["generation"].as_i64(),
        }
    }

    /// What comes next after `before`.
    pub(crate) fn after(mut self, before: Self) -> Self {
        if self.spec == before.spec {
            self.since = before.since;
        }
        self
    }

    /// What comes some time after `before`; what was in between is not known. A spec that went and came again was counted
    /// twice at least.
    pub(crate) fn later_than(self, before: Self) -> Self {
        let stayed =
            self.generation.zip(before.generation).is_some_and(|(now, then)| (0..=1).contains(&(now - then)));
        if stayed { self.after(before) } else { self }
    }
}

fn hash(parts: [&Value; 2]) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.map(Value::to_string).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_status_changes_nothing() {
        let at = |version: &str, replicas: u32, ready: u32| {
            Age::of(&json!({
                "metadata": {"name": "web", "resourceVersion": version},
                "spec": {"replicas": replicas}, "status": {"ready": ready},
            }))
        };
        let seen = at("7", 2, 0);
        let ready = at("9", 2, 2).after(seen);
        assert_eq!(ready.since, Version::parse("7"));
        assert_eq!(at("12", 3, 2).after(ready).since, Version::parse("12"));
        assert_eq!(at("12", 2, 2).later_than(ready).since, Version::parse("12"), "it may have been another");
    }

    #[test]
    fn a_spec_that_is_counted_is_known_again_after_a_gap() {
        let at = |version: &str, generation: u64| {
            let metadata = json!({"name": "web", "resourceVersion": version, "generation": generation});
            Age::of(&json!({"metadata": metadata, "spec": {"replicas": 2}}))
        };
        assert_eq!(at("12", 3).later_than(at("7", 3)).since, Version::parse("7"));
        assert_eq!(
            at("12", 4).later_than(at("7", 3)).since,
            Version::parse("7"),
            "an annotation was counted"
        );
        assert_eq!(at("12", 5).later_than(at("7", 3)).since, Version::parse("12"), "it came again");
    }
}

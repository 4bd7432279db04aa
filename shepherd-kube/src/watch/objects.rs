use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::kept::Kept;

/// All objects of a kind in a namespace, by their names and by their labels.
#[derive(Default)]
pub(super) struct Objects {
    by_name: BTreeMap<Arc<str>, Kept>,
    /// The names of those that carry a label, written `key=value`.
    by_label: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
}

impl Objects {
    pub(super) fn get(&self, name: &str) -> Option<&Kept> {
        self.by_name.get(name)
    }

    pub(super) fn put(&mut self, kept: Kept) {
        let kept = match self.remove(&kept.name) {
            Some(before) => kept.after(&before),
            None => kept,
        };
        for label in &kept.labels {
            self.by_label.entry(label.clone()).or_default().insert(kept.name.clone());
        }
        self.by_name.insert(kept.name.clone(), kept);
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<Kept> {
        let kept = self.by_name.remove(name)?;
        for label in &kept.labels {
            if let Some(names) = self.by_label.get_mut(label) {
                names.remove(name);
                if names.is_empty() {
                    self.by_label.remove(label);
                }
            }
        }
        Some(kept)
    }

    /// The same objects at a later time, of which what was in between is not known.
    pub(super) fn later(&self, all: Vec<Kept>) -> Self {
        let known = |kept: Kept| match self.by_name.get(&kept.name) {
            Some(before) => kept.later_than(before),
            None => kept,
        };
        all.into_iter().map(known).collect()
    }

    /// Those that a selector of equalities selects, in the order of their names, as the server lists them: `a=b,c=d`,
    /// or everything where it is empty.
    pub(super) fn select(&self, selector: &str) -> Vec<&Kept> {
        let terms = selector.split(',').filter(|term| !term.is_empty());
        let Some(sets) = terms.map(|term| self.by_label.get(term)).collect::<Option<Vec<_>>>() else {
            // Nothing carries one of the labels.
            return Vec::new();
        };
        let Some(fewest) = sets.iter().min_by_key(|names| names.len()) else {
            return self.by_name.values().collect();
        };
        let all = fewest.iter().filter(|name| sets.iter().all(|names| names.contains(*name)));
        all.filter_map(|name| self.by_name.get(name)).collect()
    }
}

impl FromIterator<Kept> for Objects {
    fn from_iter<T: IntoIterator<Item = Kept>>(all: T) -> Self {
        let mut objects = Self::default();
        for kept in all {
            objects.put(kept);
        }
        objects
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn object(name: &str, labels: &Value) -> Kept {
        Kept::of(json!({"metadata": {"name": name, "resourceVersion": "1", "labels": labels}}))
    }

    fn selected<'o>(objects: &'o Objects, selector: &str) -> Vec<&'o str> {
        objects.select(selector).into_iter().map(|kept| &*kept.name).collect()
    }

    #[test]
    fn selects_as_the_server_does() {
        let mut objects: Objects = [
            object("b", &json!({"app": "web", "track": "stable"})),
            object("a", &json!({"app": "web"})),
            object("c", &json!({"app": "api"})),
            object("d", &Value::Null),
        ]
        .into_iter()
        .collect();
        assert_eq!(selected(&objects, "app=web"), ["a", "b"]);
        assert_eq!(selected(&objects, "app=web,track=stable"), ["b"]);
        assert_eq!(selected(&objects, "track=stable,app=api"), [""; 0]);
        assert_eq!(selected(&objects, "app=none"), [""; 0]);
        assert_eq!(selected(&objects, ""), ["a", "b", "c", "d"]);
        objects.put(object("b", &json!({"app": "api"})));
        assert_eq!(selected(&objects, "app=web"), ["a"]);
        assert_eq!(selected(&objects, "app=api"), ["b", "c"]);
        objects.remove("b");
        assert_eq!(selected(&objects, "app=api"), ["c"]);
        assert_eq!(selected(&objects, "track=stable"), [""; 0]);
    }
}

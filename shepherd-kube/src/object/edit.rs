use json_patch::{AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation};
use jsonptr::PointerBuf;
use serde_json::{Map, Value};

/// What shall be different about an object: one JSON patch in which every change is preceded by a test of what stood
/// there. It goes through as a whole, and only on the object that it was made for.
///
/// A `resourceVersion` would be no such test: every write of a status changes it.
pub(crate) struct Edit<'o> {
    object: &'o Value,
    tests: Vec<PatchOperation>,
    changes: Vec<PatchOperation>,
    annotations: Map<String, Value>,
}

/// A field of an object: the keys on the way to it, and the places in lists.
pub(crate) type Path<'p> = &'p [&'p str];

impl<'o> Edit<'o> {
    /// Nothing is different yet.
    pub(crate) fn of(object: &'o Value) -> Self {
        let mut edit = Self { object, tests: Vec::new(), changes: Vec::new(), annotations: Map::new() };
        edit.relies_on(&["metadata", "uid"]);
        edit
    }

    /// Nothing is changed here, but what is changed elsewhere makes sense only while this stands.
    pub(crate) fn relies_on(&mut self, path: Path<'_>) {
        let stands = value(self.object, path).cloned();
        // The server takes a test for null as one that the field is missing, and wants its parent to be there.
        let there =
            (1..path.len()).take_while(|length| value(self.object, &path[..*length]).is_some()).count();
        let path = if stands.is_some() { path } else { &path[..=there] };
        let test = TestOperation { path: pointer(path), value: stands.unwrap_or(Value::Null) };
        self.tests.push(PatchOperation::Test(test));
    }

    /// Makes a field this. Its parent must be there.
    pub(crate) fn set(&mut self, path: Path<'_>, new: Value) {
        self.relies_on(path);
        let old = value(self.object, path);
        let path = pointer(path);
        match old {
            Some(old) if *old == new => {}
            Some(_) => self.changes.push(PatchOperation::Replace(ReplaceOperation { path, value: new })),
            None => self.changes.push(PatchOperation::Add(AddOperation { path, value: new })),
        }
    }

    /// Puts an element into a list, before the one that is there now.
    pub(crate) fn insert(&mut self, path: Path<'_>, new: Value) {
        self.changes.push(PatchOperation::Add(AddOperation { path: pointer(path), value: new }));
    }

    /// Takes a field away, when it is there.
    pub(crate) fn remove(&mut self, path: Path<'_>) {
        if value(self.object, path).is_some() {
            self.relies_on(path);
            self.changes.push(PatchOperation::Remove(RemoveOperation { path: pointer(path) }));
        }
    }

    /// Makes an annotation this.
    pub(crate) fn annotate(&mut self, key: &str, text: String) {
        if value(self.object, &["metadata", "annotations"]).is_some() {
            self.set(&["metadata", "annotations", key], text.into());
        } else {
            self.annotations.insert(key.to_owned(), text.into());
        }
    }

    /// Takes an annotation away, when it is there.
    pub(crate) fn unannotate(&mut self, key: &str) {
        self.remove(&["metadata", "annotations", key]);
    }

    /// Whether the object is as it shall be.
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.annotations.is_empty()
    }

    /// Tests first: nothing is changed when one of them fails.
    pub(crate) fn into_patch(mut self) -> Patch {
        if !self.annotations.is_empty() {
            let all = std::mem::take(&mut self.annotations);
            self.set(&["metadata", "annotations"], Value::Object(all));
        }
        Patch(self.tests.into_iter().chain(self.changes).collect())
    }
}

/// The field of an object, when it is there.
pub(crate) fn value<'v>(object: &'v Value, path: Path<'_>) -> Option<&'v Value> {
    path.iter().try_fold(object, |value, key| match value {
        Value::Array(all) => all.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    })
}

fn pointer(path: Path<'_>) -> PointerBuf {
    PointerBuf::from_tokens(path.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patched(object: &Value, edit: impl FnOnce(&mut Edit<'_>)) -> (Value, Value) {
        let mut made = Edit::of(object);
        edit(&mut made);
        let patch = made.into_patch();
        let mut after = object.clone();
        // Missing fields are tested as null by the server, which the crate does not do.
        let changes = patch.0.iter().filter(|op| !matches!(op, PatchOperation::Test(_))).cloned().collect();
        json_patch::patch(&mut after, &Patch(changes)).unwrap();
        (serde_json::to_value(&patch).unwrap(), after)
    }

    #[test]
    fn every_change_is_tested_for_what_stood_there() {
        let object = json!({"metadata": {"uid": "u1"}, "spec": {"rules": [{"weight": 10}], "host": "a"}});
        let (patch, after) = patched(&object, |edit| {
            edit.set(&["spec", "rules", "0", "weight"], 25.into());
            edit.set(&["spec", "paused"], true.into());
            edit.remove(&["spec", "host"]);
        });
        assert_eq!(
            patch,
            json!([
                {"op": "test", "path": "/metadata/uid", "value": "u1"},
                {"op": "test", "path": "/spec/rules/0/weight", "value": 10},
                {"op": "test", "path": "/spec/paused", "value": null},
                {"op": "test", "path": "/spec/host", "value": "a"},
                {"op": "replace", "path": "/spec/rules/0/weight", "value": 25},
                {"op": "add", "path": "/spec/paused", "value": true},
                {"op": "remove", "path": "/spec/host"},
            ])
        );
        assert_eq!(after["spec"], json!({"rules": [{"weight": 25}], "paused": true}));
    }

    #[test]
    fn the_first_annotations_of_an_object_come_in_one_map() {
        let object = json!({"metadata": {"uid": "u1"}});
        let (_, after) = patched(&object, |edit| {
            edit.annotate("a/b", "1".to_owned());
            edit.annotate("c", "2".to_owned());
        });
        assert_eq!(after["metadata"]["annotations"], json!({"a/b": "1", "c": "2"}));
        let (patch, after) = patched(&after, |edit| edit.annotate("a/b", "3".to_owned()));
        assert_eq!(patch[1]["path"], "/metadata/annotations/a~1b");
        assert_eq!(after["metadata"]["annotations"], json!({"a/b": "3", "c": "2"}));
    }

    #[test]
    fn what_is_missing_is_tested_where_its_parent_ends() {
        let object = json!({"metadata": {"uid": "u1"}});
        let (patch, _) = patched(&object, |edit| edit.relies_on(&["metadata", "annotations", "a"]));
        assert_eq!(patch[1], json!({"op": "test", "path": "/metadata/annotations", "value": null}));
    }

    #[test]
    fn what_is_as_it_shall_be_needs_no_write() {
        let object = json!({"metadata": {"uid": "u1", "annotations": {"a": "1"}}, "spec": {"x": 1}});
        let mut edit = Edit::of(&object);
        edit.set(&["spec", "x"], 1.into());
        edit.annotate("a", "1".to_owned());
        edit.unannotate("b");
        edit.remove(&["spec", "y"]);
        assert!(edit.is_empty());
    }
}

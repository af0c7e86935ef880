//! How a contract reads a record: nested where it speaks of nested objects, flat where it names
//! dotted keys.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::Documents;
use crate::{Attributes, flatten};

/// The keys that a schema names for the record as a whole, whichever branch names them.
///
/// A record is read as its emitter wrote it, with two exceptions. What the schema names by a
/// dotted key (`http.route`) is found there also if it was sent nested. And what it names without
/// one (`payload`) is put together if it was sent as dotted keys (`payload.id`). So a contract
/// means the same for every way in which a record can be sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reading {
    names: BTreeSet<String>,
}

/// Keywords whose values are schemas for the same value.
const IN_PLACE: [&str; 5] = ["if", "then", "else", "not", "$ref"];
const IN_PLACE_LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
const IN_PLACE_MAPS: [&str; 2] = ["dependentSchemas", "dependencies"];

impl Reading {
    pub(crate) fn of(schema: &Value, documents: &Documents) -> Self {
        let mut names = Names {
            documents,
            found: BTreeSet::new(),
            visited: BTreeSet::new(),
        };
        names.walk(schema, schema);
        Self { names: names.found }
    }

    /// A reading that looks for one key.
    pub(crate) fn one(key: &str) -> Self {
        Self {
            names: [key.to_owned()].into(),
        }
    }

    /// The record as the schema speaks of it.
    pub(crate) fn read<'r>(&self, sent: &'r Value) -> Cow<'r, Value> {
        let Value::Object(object) = sent else {
            return Cow::Borrowed(sent);
        };
        if !self.differs(object) {
            return Cow::Borrowed(sent);
        }
        let mut view = self.lay_flat(object);
        for name in &self.names {
            self.find_nested(name, object, &mut view);
            self.put_together(name, &mut view);
        }
        Cow::Owned(Value::Object(view))
    }

    fn differs(&self, object: &Attributes) -> bool {
        let is_asked_flat = |key: &str| self.names.iter().any(|name| extends(name, key));
        let is_asked_nested = |key: &str| self.names.iter().any(|name| extends(key, name));
        object
            .iter()
            .any(|(key, value)| value.is_object() && is_asked_flat(key) || is_asked_nested(key))
    }

    /// Flattens the objects of which the schema names parts and not the whole.
    fn lay_flat(&self, object: &Attributes) -> Attributes {
        let is_laid_flat = |key: &str, value: &Value| {
            value.is_object()
                && !self.names.contains(key)
                && self.names.iter().any(|name| extends(name, key))
        };
        let (nested, mut view): (Attributes, Attributes) = object
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .partition(|(key, value)| is_laid_flat(key, value));
        for (key, value) in flatten(nested) {
            view.entry(key).or_insert(value);
        }
        view
    }

    /// A dotted name of which the whole is named too: there it is found twice.
    fn find_nested(&self, name: &str, object: &Attributes, view: &mut Attributes) {
        if view.contains_key(name) {
            return;
        }
        let parts = name.match_indices('.').map(|(at, _)| name.split_at(at));
        for (key, rest) in parts {
            let Some(inner) = object.get(key).filter(|_| self.names.contains(key)) else {
                continue;
            };
            if let Some(value) = walk_down(inner, &rest[1..]) {
                view.insert(name.to_owned(), value.clone());
                return;
            }
        }
    }

    /// A name of which only parts were sent, as dotted keys.
    fn put_together(&self, name: &str, view: &mut Attributes) {
        if view.contains_key(name) {
            return;
        }
        let parts: Vec<String> = view
            .keys()
            .filter(|key| extends(key, name))
            .cloned()
            .collect();
        if parts.is_empty() {
            return;
        }
        let mut whole = Attributes::new();
        for part in parts {
            let value = if self.names.contains(&part) {
                view[&part].clone()
            } else {
                view.remove(&part).unwrap_or_default()
            };
            hang(&mut whole, &part[name.len() + 1..], value);
        }
        view.insert(name.to_owned(), Value::Object(whole));
    }
}

/// Whether `longer` is `key` with a dot and more.
fn extends(longer: &str, key: &str) -> bool {
    longer
        .strip_prefix(key)
        .is_some_and(|rest| rest.len() > 1 && rest.starts_with('.'))
}

/// The value at a dotted path, whichever of its dots are of keys.
fn walk_down<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let object = value.as_object()?;
    object.get(path).or_else(|| {
        let mut splits = path.match_indices('.').map(|(at, _)| path.split_at(at));
        splits.find_map(|(key, rest)| walk_down(object.get(key)?, &rest[1..]))
    })
}

/// Puts a value at a dotted path. Where a shorter key holds a scalar already, the rest stays flat.
fn hang(object: &mut Attributes, path: &str, value: Value) {
    if let Some((key, rest)) = path.split_once('.').filter(|(_, rest)| !rest.is_empty()) {
        let inner = object
            .entry(key)
            .or_insert_with(|| Value::Object(Attributes::new()));
        if let Value::Object(inner) = inner {
            return hang(inner, rest, value);
        }
    }
    object.insert(path.to_owned(), value);
}

/// Collects the names that a schema and what it refers to give to keys of the same value.
struct Names<'d> {
    documents: &'d Documents,
    found: BTreeSet<String>,
    /// Addresses of the schemas that were walked, so that none is walked twice.
    visited: BTreeSet<usize>,
}

impl Names<'_> {
    fn walk(&mut self, schema: &Value, root: &Value) {
        let Value::Object(keywords) = schema else {
            return;
        };
        if !self.visited.insert(std::ptr::from_ref(schema) as usize) {
            return;
        }
        for map in [
            "properties",
            "dependentRequired",
            "dependentSchemas",
            "dependencies",
        ] {
            let keys = keywords.get(map).and_then(Value::as_object);
            self.found
                .extend(keys.into_iter().flat_map(Attributes::keys).cloned());
        }
        let required = keywords.get("required").and_then(Value::as_array);
        let required = required.into_iter().flatten().filter_map(Value::as_str);
        self.found.extend(required.map(str::to_owned));
        for key in IN_PLACE.iter().filter_map(|key| keywords.get(*key)) {
            match key {
                Value::String(reference) => self.follow(reference, root),
                other => self.walk(other, root),
            }
        }
        let lists = IN_PLACE_LISTS.iter().filter_map(|key| keywords.get(*key));
        for branch in lists.filter_map(Value::as_array).flatten() {
            self.walk(branch, root);
        }
        let maps = IN_PLACE_MAPS.iter().filter_map(|key| keywords.get(*key));
        for branch in maps
            .filter_map(Value::as_object)
            .flat_map(Attributes::values)
        {
            self.walk(branch, root);
        }
    }

    fn follow(&mut self, reference: &str, root: &Value) {
        let (address, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let documents = self.documents;
        let document = if address.is_empty() {
            Some(root)
        } else {
            documents.get(address)
        };
        if let Some(document) = document
            && let Some(target) = document.pointer(fragment)
        {
            self.walk(target, document);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(schema: &Value, sent: &Value, expected: &Value) {
        let reading = Reading::of(schema, &Documents::default());
        assert_eq!(&*reading.read(sent), expected, "{schema}");
    }

    #[test]
    fn a_record_is_read_as_the_schema_speaks() {
        let nested = json!({"http": {"route": "/", "status": 5}, "n": {"a.b": {}}});
        let flat = json!({"http.route": "/", "http.status": 5, "n": {"a.b": {}}});
        // It names neither: as it was sent.
        check(&json!({}), &nested, &nested);
        check(&json!({}), &flat, &flat);
        // It names dotted keys: the object that they are of is laid flat.
        let dotted = json!({"properties": {"http.route": {}}});
        check(&dotted, &nested, &flat);
        check(&dotted, &flat, &flat);
        // It names the whole: dotted keys are put together.
        let whole = json!({"required": ["http"]});
        check(&whole, &nested, &nested);
        check(&whole, &flat, &nested);
        // It names both: both are there.
        let both = json!({"allOf": [dotted, whole]});
        let seen =
            json!({"http": {"route": "/", "status": 5}, "http.route": "/", "n": {"a.b": {}}});
        check(&both, &nested, &seen);
        check(&both, &flat, &seen);
    }

    #[test]
    fn names_are_found_through_references_and_branches() {
        let base = json!({"$ref": "log_record.v1"});
        let sent = json!({"service": {"name": "a", "x": {"y": 1}}, "payload": {"b": {"c": 1}}});
        check(
            &base,
            &sent,
            &json!({"service.name": "a", "service.x.y": 1, "payload": {"b": {"c": 1}}}),
        );
        let local = json!({"if": {"$ref": "#/$defs/a"}, "$defs": {"a": {"$ref": "#", "required": ["payload.b"]}}});
        check(
            &local,
            &json!({"payload": {"b": {"c": 1}}}),
            &json!({"payload.b": {"c": 1}}),
        );
    }

    #[test]
    fn keys_that_are_in_each_others_way_are_all_kept() {
        let whole = json!({"properties": {"a": {}}});
        check(
            &whole,
            &json!({"a.b": 1, "a.b.c": 2}),
            &json!({"a": {"b": 1, "b.c": 2}}),
        );
        check(
            &whole,
            &json!({"a": 1, "a.b": 2}),
            &json!({"a": 1, "a.b": 2}),
        );
        check(
            &whole,
            &json!({"a.": 1, "a": {}}),
            &json!({"a.": 1, "a": {}}),
        );
        let dotted = json!({"properties": {"a.b": {}}});
        check(
            &dotted,
            &json!({"a": {"b": 1}, "a.b": 2}),
            &json!({"a.b": 2}),
        );
    }
}

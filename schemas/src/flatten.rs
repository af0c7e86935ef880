use serde_json::Value;

use crate::Attributes;

/// Flattens nested objects to dotted keys: `{"http":{"route":"/"}}` becomes `{"http.route":"/"}`.
///
/// Arrays stay as they are. A key that is written both ways keeps its flat value. An empty object
/// stays, since it is a value that somebody sent.
pub fn flatten(object: Attributes) -> Attributes {
    if !object.values().any(is_nested) {
        return object;
    }
    let (nested, mut flat): (Attributes, Attributes) =
        object.into_iter().partition(|(_, value)| is_nested(value));
    for (key, value) in nested {
        if let Value::Object(inner) = value {
            for (path, leaf) in flatten(inner) {
                flat.entry(format!("{key}.{path}")).or_insert(leaf);
            }
        }
    }
    flat
}

fn is_nested(value: &Value) -> bool {
    value.as_object().is_some_and(|inner| !inner.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(input: &Value, expected: &Value) {
        let Value::Object(object) = input.clone() else {
            panic!("a case is an object")
        };
        assert_eq!(&Value::Object(flatten(object)), expected);
    }

    #[test]
    fn nested_objects_become_dotted_keys() {
        check(&json!({"a": 1}), &json!({"a": 1}));
        check(
            &json!({"a": {"b": {"c": 1}, "d": 2}}),
            &json!({"a.b.c": 1, "a.d": 2}),
        );
        check(&json!({"a": {"b": 1}, "a.b": 2}), &json!({"a.b": 2}));
        check(
            &json!({"a": [{"b": 1}], "e": {}}),
            &json!({"a": [{"b": 1}], "e": {}}),
        );
    }
}

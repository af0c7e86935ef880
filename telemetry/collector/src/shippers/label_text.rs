use serde_json::Value;
use watchfire_schemas::Attributes;

/// The labels of a stream as Loki writes them: `{app="shop", env="prod"}`.
pub(super) fn labels(text: &str) -> Result<Attributes, String> {
    let wrong = |what: &str| format!("labels {text:?}: {what}");
    let inner = text.trim().strip_prefix('{');
    let inner = inner.and_then(|text| text.strip_suffix('}'));
    let mut rest = inner
        .ok_or_else(|| wrong("expected {name=\"value\", …}"))?
        .trim();
    let mut labels = Attributes::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or_else(|| wrong("expected a ="))?;
        let after = after.trim_start();
        let length = quoted_length(after).ok_or_else(|| wrong("expected a value in quotes"))?;
        let (quoted, after) = after.split_at(length);
        let value = serde_json::from_str::<String>(quoted);
        let value = value.map_err(|_| wrong("a value has an escape that is not known"))?;
        let name = name.trim();
        if name.is_empty() {
            return Err(wrong("a name is empty"));
        }
        labels.insert(name.to_owned(), Value::String(value));
        rest = after.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(after) => after.trim_start(),
            None if rest.is_empty() => rest,
            None => return Err(wrong("expected a comma")),
        };
    }
    Ok(labels)
}

/// How long the text in quotes is that stands at the start.
fn quoted_length(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate();
    if bytes.next()?.1 != b'"' {
        return None;
    }
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_quoted_values() {
        let check = |text: &str, expected: Result<&str, &str>| {
            let found = labels(text).map(|labels| Value::Object(labels).to_string());
            match expected {
                Ok(json) => assert_eq!(found.as_deref(), Ok(json)),
                Err(part) => assert!(found.unwrap_err().contains(part), "{text}"),
            }
        };
        check("{}", Ok("{}"));
        check(
            r#"{app="shop", env="a,b=\"c\""}"#,
            Ok(r#"{"app":"shop","env":"a,b=\"c\""}"#),
        );
        check(r#"{app="shop",}"#, Ok(r#"{"app":"shop"}"#));
        check("app", Err("expected {"));
        check("{app}", Err("expected a ="));
        check("{app=shop}", Err("in quotes"));
        check(r#"{app="shop}"#, Err("in quotes"));
        check(r#"{app="a" env="b"}"#, Err("comma"));
    }
}

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// A nested way to name the service.
#[derive(Deserialize)]
struct Nested {
    #[serde(default)]
    name: Option<IgnoredAny>,
}

/// Writes a line, with `service` put first where it is an object that names no service. Anything
/// else is written as it is: what is wrong with it, the server says.
pub(super) fn with_service(line: &[u8], service: &str, out: &mut Vec<u8>) {
    let lacks_one = line.starts_with(b"{") && names_no_service(line);
    if !lacks_one {
        return out.extend_from_slice(line);
    }
    let name = serde_json::Value::from(service).to_string();
    out.extend_from_slice(b"{\"service.name\":");
    out.extend_from_slice(name.as_bytes());
    let rest = line[1..].trim_ascii_start();
    if !rest.starts_with(b"}") {
        out.push(b',');
    }
    out.extend_from_slice(rest);
}

fn names_no_service(line: &[u8]) -> bool {
    let Ok(object) = serde_json::from_slice::<BTreeMap<String, &RawValue>>(line) else {
        return false;
    };
    let nested = object.get("service");
    let nested = nested.and_then(|value| serde_json::from_str::<Nested>(value.get()).ok());
    !object.contains_key("service.name") && nested.and_then(|nested| nested.name).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_without_a_service_gets_one() {
        let check = |line: &str, expected: &str| {
            let mut out = Vec::new();
            with_service(line.as_bytes(), "a \"b\"", &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{line}");
        };
        check(r#"{ "m":1}"#, r#"{"service.name":"a \"b\"","m":1}"#);
        check("{}", r#"{"service.name":"a \"b\""}"#);
        check(
            r#"{"service":{"version":"1"}}"#,
            r#"{"service.name":"a \"b\"","service":{"version":"1"}}"#,
        );
        for kept in [
            r#"{"service.name":"x"}"#,
            r#"{"service":{"name":"x"}}"#,
            r#"{"service":"#,
            "[1]",
            "text",
        ] {
            check(kept, kept);
        }
    }
}

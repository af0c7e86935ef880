//! What the label `operation` says of a span.
//!
//! It is the span's name. But some instrumentations put what varies into it: the path of a request
//! with its ids, a statement with its values. Then each request would begin series of its own. So a
//! path in a name is shown without its ids, or by the route that the span tells; and once a service
//! has many operations, new names are masked as patterns of log lines are.

use std::borrow::Cow;

use serde_json::Value;
use watchfire_schemas::Span;

use crate::message_template::message_template;

/// What stands in a path for an id.
const ID: &str = "{id}";

/// A name is shown as far as this, in bytes.
const LONGEST: usize = 200;

/// The operation of a span. `is_crowded` says whether its service has many already.
pub(super) fn operation(span: &Span, is_crowded: bool) -> Cow<'_, str> {
    let name = shortened(&span.name);
    if !may_vary(name) {
        return name.into();
    }
    let Some(masked) = without_ids(name) else {
        return if is_crowded {
            message_template(name).into()
        } else {
            name.into()
        };
    };
    match span.attributes.get("http.route").and_then(Value::as_str) {
        Some(route) if !route.is_empty() => match name.split_once(' ') {
            Some((method, _)) => format!("{method} {route}").into(),
            None => route.to_owned().into(),
        },
        _ => masked.into(),
    }
}

/// Whether anything in a name can be an id: a machine writes digits.
fn may_vary(name: &str) -> bool {
    name.bytes().any(|byte| byte.is_ascii_digit())
}

fn shortened(name: &str) -> &str {
    if name.len() <= LONGEST {
        return name;
    }
    let end = (0..=LONGEST).rev().find(|at| name.is_char_boundary(*at));
    &name[..end.unwrap_or(0)]
}

/// A name with the ids of its path masked and without a query; `None` if there are none.
fn without_ids(name: &str) -> Option<String> {
    let first = name.find('/')?;
    let (before, path) = name.split_at(first);
    let plain = path.split(['?', '#']).next().unwrap_or(path);
    let mut masked = String::with_capacity(name.len());
    masked.push_str(before);
    let mut is_changed = plain.len() < path.len();
    for (index, segment) in plain.split('/').enumerate() {
        if index > 0 {
            masked.push('/');
        }
        // What follows a blank is no path any more.
        let (segment, rest) = match segment.find(' ') {
            Some(blank) => segment.split_at(blank),
            None => (segment, ""),
        };
        let is_id = index > 0 && is_id(segment);
        masked.push_str(if is_id { ID } else { segment });
        masked.push_str(rest);
        is_changed |= is_id;
    }
    is_changed.then_some(masked)
}

/// Whether a machine made a part of a path.
fn is_id(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let letters = segment.bytes().filter(u8::is_ascii_alphabetic).count();
    if digits == 0 {
        return false;
    }
    let is_hex = segment
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let is_token = segment
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'=');
    letters == 0
        || (is_hex && segment.len() >= 8)
        || (is_token && segment.len() >= 20)
        || (digits >= 4 && digits >= letters)
}

#[cfg(test)]
mod tests {
    use super::super::tests::span;
    use super::*;

    fn check(name: &str, expected: &str) {
        assert_eq!(operation(&span(1, name, 0.1), false), expected);
    }

    #[test]
    fn ids_in_paths_are_masked() {
        check("GET /users/123", "GET /users/{id}");
        check("GET /users/123/orders?page=2", "GET /users/{id}/orders");
        check(
            "/v1/cart/0b1f6c2e-8d5c-4e0e-9b0a-5d8f3f6c2b11/items",
            "/v1/cart/{id}/items",
        );
        check("GET /o/5f2b8c9d1e3a", "GET /o/{id}");
        check("GET /day/2026-11-22", "GET /day/{id}");
        check("PUT /files/order-20261122", "PUT /files/{id}");
    }

    #[test]
    fn names_that_people_gave_stay() {
        for name in [
            "GET /api/v2/users",
            "hipstershop.CartService/AddItem2",
            "/oauth2/token",
            "SELECT shop.orders",
            "HTTP GET",
            "GET /users/{id}",
            "orders process",
            "step 2",
            "/s3/bucket",
            "GET /addedbeef",
        ] {
            check(name, name);
        }
    }

    #[test]
    fn a_route_is_better_than_a_mask() {
        let mut one = span(1, "GET /users/123", 0.1);
        one.attributes
            .insert("http.route".to_owned(), "/users/:user".into());
        assert_eq!(operation(&one, false), "GET /users/:user");
        one.name = "GET /users".to_owned();
        assert_eq!(operation(&one, false), "GET /users");
    }

    #[test]
    fn a_crowded_service_has_other_names_masked_too() {
        let one = span(1, "job 4711", 0.1);
        assert_eq!(operation(&one, false), "job 4711");
        assert_eq!(operation(&one, true), "job <num>");
        let long = span(1, &"é".repeat(200), 0.1);
        assert_eq!(operation(&long, true).len(), 200);
    }
}

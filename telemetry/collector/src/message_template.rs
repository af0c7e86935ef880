use std::sync::LazyLock;

use regex::{Captures, Regex};

/// A message without what varies from one occurrence to the next: ids, numbers, addresses, times.
/// Only its first two lines that are not empty count, and of those the first 512 characters.
pub(crate) fn message_template(message: &str) -> String {
    const MOST: usize = 512;
    let lines = message
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let head: String = lines
        .take(2)
        .collect::<Vec<_>>()
        .join("\n")
        .chars()
        .take(MOST)
        .collect();
    VARYING
        .replace_all(&head, |found: &Captures<'_>| {
            let name = NAMES.iter().find(|name| found.name(name).is_some());
            match name.copied() {
                // A long word is an id only if a machine made it.
                Some("id") if !found[0].bytes().any(|byte| byte.is_ascii_digit()) => {
                    found[0].to_owned()
                }
                name => format!("<{}>", name.unwrap_or("num")),
            }
        })
        .into_owned()
}

const NAMES: [&str; 12] = [
    "url",
    "email",
    "traceparent",
    "uuid",
    "time",
    "ip",
    "mac",
    "hex",
    "assigned",
    "id",
    "duration",
    "num",
];

/// Tried in this order at each place.
static VARYING: LazyLock<Regex> = LazyLock::new(|| {
    let hex = r"[0-9a-fA-F]";
    let pattern = format!(
        r#"(?x)
        (?P<url> \b[a-z][a-z0-9+.-]*://[^\s"'<>)]+ )
        | (?P<email> \b[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+\b )
        | (?P<traceparent> \b{hex}{{2}}-{hex}{{32}}-{hex}{{16}}-{hex}{{2}}\b )
        | (?P<uuid> \b{hex}{{8}}-{hex}{{4}}-{hex}{{4}}-{hex}{{4}}-{hex}{{12}}\b )
        | (?P<time> \b\d{{4}}-\d\d-\d\d(?:[T\x20]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)? | \b\d\d:\d\d:\d\d(?:[.,]\d+)?
            | (?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\x20)?\b\d{{1,2}}[\x20/-](?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*[\x20/-]\d{{4}}\b )
        | (?P<ip> \b\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?::\d+)?\b | \[?(?:{hex}{{1,4}}:){{3,7}}{hex}{{1,4}}\]? | \b(?:{hex}{{1,4}}:){{1,6}}:(?:{hex}{{1,4}}(?::{hex}{{1,4}}){{0,6}})? )
        | (?P<mac> \b{hex}{{2}}(?::{hex}{{2}}){{5}}\b )
        | (?P<hex> \b0x{hex}+\b | \b(?:{hex}*[0-9]{hex}*[a-fA-F]{hex}*|{hex}*[a-fA-F]{hex}*[0-9]{hex}*)\b )
        | (?P<assigned> = (?: "[^"]*" | '[^']*' | true\b | false\b ) )
        | (?P<id> [0-9A-Za-z]{{16,}} )
        | (?P<duration> \d+(?:\.\d+)?\x20?(?:ns|us|µs|ms|s|m|h|seconds?|minutes?|hours?)\b )
        | (?P<num> -?\d+(?:\.\d+)?(?:[eE][+-]?\d+\b)? )"#
    );
    Regex::new(&pattern).expect("the pattern is constant, a test holds it")
});

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, expected: &str) {
        assert_eq!(message_template(message), expected, "{message}");
    }

    #[test]
    fn what_varies_is_named_by_its_kind() {
        check("order 17 failed", "order <num> failed");
        check("order-8731 user_42 v2", "order<num> user_<num> v<num>");
        check(
            "took 31.5ms, then 2 seconds",
            "took <duration>, then <duration>",
        );
        check("GET https://a.example/x?y=1 failed", "GET <url> failed");
        check("mail to ann@example.com", "mail to <email>");
        check("id 4bf92f35-77b3-4da6-a3ce-929d0e0e4736", "id <uuid>");
        check("at 2026-11-22T05:57:27.5Z", "at <time>");
        check("dial 10.0.0.7:5432: refused", "dial <ip>: refused");
        check("object at 0x7f3a deadbeef1", "object at <hex> <hex>");
        check("name=\"Ann\" ok=true", "name<assigned> ok<assigned>");
        check(
            "'NoneType' object has no attribute 'id'",
            "'NoneType' object has no attribute 'id'",
        );
        check("\n\nfirst\n\nsecond\nthird 3", "first\nsecond");
        check("café déjà vu", "café déjà vu");
        check("charge ch_3MmlLrLkdIwHu7ix0snN0B15", "charge ch_<id>");
        check("internationalization of it", "internationalization of it");
        check(
            "from fe80::1 to 2001:db8::8a2e:370:7334",
            "from <ip> to <ip>",
        );
        check("on Mon, 02 Jan 2006", "on <time>");
        check("sum 1.5e-9", "sum <num>");
        check(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "<traceparent>",
        );
    }
}

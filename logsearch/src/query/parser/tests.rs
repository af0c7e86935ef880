use super::*;

/// The tree, printed with every operator and parenthesis that its shape needs.
fn check(query: &str, expected: &str) {
    let found = match parse(query) {
        Ok(expr) => expr.to_string(),
        Err(error) => format!("column {}: {}", error.column, error.reason),
    };
    assert_eq!(found, expected, "{query}");
}

#[test]
fn words_phrases_and_operators() {
    check("", "*");
    check("  ", "*");
    check("timeout", "timeout");
    check("a b", "a b");
    check("a AND b or c", "a b or c");
    check("a (b OR c)", "a (b or c)");
    check("-a not b NOT c", "not a not b not c");
    check("not (a b)", "not (a b)");
    check(r#""disk full" conn*"#, r#""disk full" conn*"#);
    check("android order", "android order");
    check(r#""a \" b""#, r#""a \" b""#);
}

#[test]
fn fields() {
    check("service:payments", "service:payments");
    check(r#"service:"a b""#, r#"service:"a b""#);
    check("f:(a or b*)", "f:a or f:b*");
    check("f:(a not b)", "f:a not f:b");
    check("f:(>5 and <10)", "f:>5 f:<10");
    check("f:*", "f:*");
    check("f:pre*", "f:pre*");
    check(
        "@timestamp:>2026-11-22T05:57:27Z",
        "timestamp:>\"2026-11-22T05:57:27Z\"",
    );
    check("f > 5 f>=5 f:<\"5\"", "f:>5 f:>=5 f:<5");
    check("f:[1 TO 5}", "f:[1 TO 5}");
    check("f:{* TO \"5\"]", "f:[* TO 5]");
    check("http.route:/pois", "http.route:/pois");
    check("f:-5", "f:\"-5\"");
}

#[test]
fn pasted_text_stays_text() {
    check("error: disk full", "\"error:\" disk full");
    check("std::io::Error", "\"std::io::Error\"");
    check("http://host:80/x", "\"http://host:80/x\"");
    check("12:30:01", "\"12:30:01\"");
    check("a - b", "a \"-\" b");
}

#[test]
fn errors_say_where_and_what() {
    check(
        "a and",
        "column 6: expected a word, a phrase, a field or (, found the end of the query",
    );
    check("(a", "column 3: expected ), found the end of the query");
    check(
        "a)",
        "column 2: expected a word, a field, and, or, not, found )",
    );
    check(
        "()",
        "column 2: expected a word, a phrase, a field or (, found )",
    );
    check(
        "é \"x",
        "column 3: the phrase that begins here has no closing \"",
    );
    check("f:[1 5]", "column 6: expected TO, as in [1 TO 5], found 5");
    check(
        "f:>",
        "column 4: expected a value to compare with, found the end of the query",
    );
    check(
        "a*b",
        "column 2: a * stands at the end of a word; put the word in quotes to search for the sign",
    );
}

#[test]
fn nesting_and_length_are_bounded() {
    let deep = |open: &str| parse(&open.repeat(100_000)).unwrap_err().reason;
    assert_eq!(
        deep("("),
        format!("a query is nested at most {MAX_DEPTH} deep")
    );
    assert_eq!(
        deep("-("),
        format!("a query is nested at most {MAX_DEPTH} deep")
    );
    assert_eq!(
        deep("not "),
        format!("a query is nested at most {MAX_DEPTH} deep")
    );
    assert_eq!(
        deep("a "),
        format!("a query has at most {MAX_CLAUSES} clauses")
    );
}

use super::*;

/// The tree, printed with every operator and parenthesis that its shape needs.
fn check(query: &str, expected: &str) {
    let found = match parse(query) {
        Ok(query) => query.to_string(),
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
fn others_spellings() {
    check("a && b || c", "a b or c");
    check("*:*", "*");
    check("+a +service:pay -b", "a service:pay not b");
    check("\"reset by p\"*", "reset\\ by\\ p*");
    check("a -> b => c", "a \"->\" b \"=>\" c");
    check("a|b", "\"a|b\"");
}

#[test]
fn pipes() {
    check("a | count", "a | count");
    check("| count by service", "* | count by service");
    check(
        "a or b | count by @f, \"g h\"",
        "a or b | count by f, \"g h\"",
    );
    check("error|top 5 service", "error | top 5 service");
    check("a | top 404", "a | top 404");
    check("a | HIST f BY 0.50", "a | hist f by 0.5");
    check("f:x|hist timestamp by 300s", "f:x | hist timestamp by 5m");
    check("a \\| b", "a \"|\" b");
    check(
        "a | cuont by f",
        "column 5: expected count, top or hist after the pipe (the sign itself is searched in quotes), found cuont",
    );
    check(
        "a | count by",
        "column 13: expected the name of a field, found the end of the query",
    );
    check(
        "a | count by f g",
        "column 16: expected the end of the query, found g",
    );
    check("a | count by f | top g", "column 16: a query has one pipe");
    check(
        "a | count by a,b,c,d,e",
        "column 21: records are counted by at most 4 fields",
    );
    check(
        "a | top 0 f",
        "column 9: expected a number from 1 to 10000, found 0",
    );
    check(
        "a | hist f by 0",
        "column 15: expected a step above zero, such as 100, 0.5, 250ms or 5m, found 0",
    );
    check("(a | count)", "column 4: expected ), found |");
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
    let deep = |open: &str| parse(&open.repeat(10_000)).unwrap_err().reason;
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
    let many = parse(&"a ".repeat(MAX_CLAUSES + 1)).unwrap_err().reason;
    assert_eq!(many, format!("a query has at most {MAX_CLAUSES} clauses"));
    let long = parse(&"a ".repeat(MAX_BYTES)).unwrap_err().reason;
    assert_eq!(long, "a query has at most 65536 bytes; this one has 131072");
}

//! Edits of a log query that a click makes: add a clause, take one away, turn it round.

/// `field:value`, quoted where it must be.
pub(crate) fn term(field: &str, value: &str) -> String {
    let is_plain = !value.is_empty()
        && value
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'))
        && !value.starts_with('-')
        && !["and", "or", "not"].contains(&value.to_ascii_lowercase().as_str());
    if is_plain {
        format!("{field}:{value}")
    } else {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
        format!("{field}:\"{escaped}\"")
    }
}

/// The query with one more clause; unchanged if it has the clause already.
pub(crate) fn with(query: &str, clause: &str) -> String {
    let query = query.trim();
    if query.is_empty() {
        return clause.to_owned();
    }
    match clauses(query) {
        Some(clauses) if clauses.iter().any(|other| other == clause) => query.to_owned(),
        Some(_) => format!("{query} {clause}"),
        None => format!("({query}) {clause}"),
    }
}

/// The query without its clause number `index`.
pub(crate) fn without(clauses: &[String], index: usize) -> String {
    let kept = clauses.iter().enumerate().filter(|(at, _)| *at != index);
    kept.map(|(_, clause)| clause.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The query with its clause number `index` negated, or no longer.
pub(crate) fn inverted(clauses: &[String], index: usize) -> String {
    let turned = clauses.iter().enumerate().map(|(at, clause)| match at {
        _ if at != index => clause.clone(),
        _ => clause
            .strip_prefix('-')
            .map_or_else(|| format!("-{clause}"), str::to_owned),
    });
    turned.collect::<Vec<_>>().join(" ")
}

/// The clauses of a query that is a plain conjunction; `None` where `or`, `not` or a pipe makes
/// more of it than a list, or quotes and brackets do not close.
pub(crate) fn clauses(query: &str) -> Option<Vec<String>> {
    let mut clauses = Vec::new();
    let mut current = String::new();
    let (mut depth, mut in_quotes, mut is_escaped) = (0_usize, false, false);
    for c in query.chars() {
        let is_break = c.is_whitespace() && depth == 0 && !in_quotes;
        if is_break {
            if !current.is_empty() {
                clauses.push(std::mem::take(&mut current));
            }
            continue;
        }
        match c {
            '"' if !is_escaped => in_quotes = !in_quotes,
            '(' | '[' | '{' if !in_quotes => depth += 1,
            ')' | ']' | '}' if !in_quotes => depth = depth.checked_sub(1)?,
            '|' if !in_quotes && depth == 0 => return None,
            _ => {}
        }
        is_escaped = c == '\\' && !is_escaped;
        current.push(c);
    }
    if in_quotes || depth > 0 {
        return None;
    }
    if !current.is_empty() {
        clauses.push(current);
    }
    let is_operator =
        |clause: &String| ["or", "not"].contains(&clause.to_ascii_lowercase().as_str());
    if clauses.iter().any(is_operator) {
        return None;
    }
    clauses.retain(|clause| !clause.eq_ignore_ascii_case("and"));
    Some(clauses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_where_they_must_be() {
        assert_eq!(
            term("service.name", "content-api"),
            "service.name:content-api"
        );
        assert_eq!(term("message", "a \"b\" \\"), r#"message:"a \"b\" \\""#);
        assert_eq!(term("x", ""), "x:\"\"");
        assert_eq!(term("x", "or"), "x:\"or\"");
        assert_eq!(term("x", "-5"), "x:\"-5\"");
        assert_eq!(term("x", "a:b"), "x:\"a:b\"");
    }

    #[test]
    fn a_conjunction_has_clauses() {
        let query = r#"severity:ERROR AND -x:"a b" service:(a or b) word"#;
        let found = clauses(query).unwrap();
        assert_eq!(
            found,
            ["severity:ERROR", r#"-x:"a b""#, "service:(a or b)", "word"]
        );
        assert_eq!(without(&found, 0), r#"-x:"a b" service:(a or b) word"#);
        assert_eq!(
            inverted(&found, 1),
            r#"severity:ERROR x:"a b" service:(a or b) word"#
        );
        for query in ["a or b", "not a", "a | count by b", "\"a", "(a", "a)"] {
            assert_eq!(clauses(query), None, "{query}");
        }
    }

    #[test]
    fn a_clause_is_added_once_and_to_all_of_the_query() {
        assert_eq!(with("", "a:b"), "a:b");
        assert_eq!(with("c a:b", "a:b"), "c a:b");
        assert_eq!(with("c", "a:b"), "c a:b");
        assert_eq!(with("c or d", "a:b"), "(c or d) a:b");
    }
}

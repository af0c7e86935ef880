//! Edits of a log query that a click makes: add a clause, take one away, turn it round.

/// `field:value`, quoted where it must be.
pub(crate) fn term(field: &str, value: &str) -> String {
    format!("{field}:{}", quoted(value))
}

/// A value, in quotes where it must be.
pub(crate) fn quoted(value: &str) -> String {
    let is_plain = !value.is_empty()
        && value
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'))
        && !value.starts_with('-')
        && !["and", "or", "not", "to"].contains(&value.to_ascii_lowercase().as_str());
    if is_plain {
        value.to_owned()
    } else {
        format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// The query with one more clause, before its pipe; unchanged if it has the clause already. A clause
/// that says the opposite is replaced.
pub(crate) fn with(query: &str, clause: &str) -> String {
    let (filter, pipe) = split_pipe(query);
    let narrowed = match clauses(filter) {
        Some(mut clauses) => {
            let opposite = negated(clause);
            if let Some(turned) = clauses.iter_mut().find(|other| **other == opposite) {
                clause.clone_into(turned);
            } else if !clauses.iter().any(|other| other == clause) {
                clauses.push(clause.to_owned());
            }
            clauses.join(" ")
        }
        None => format!("({}) {clause}", filter.trim()),
    };
    piped(&narrowed, pipe)
}

/// The query before its pipe, and the pipe with its bar; empty if there is none.
pub(crate) fn split_pipe(query: &str) -> (&str, &str) {
    let (mut in_quotes, mut is_escaped) = (false, false);
    for (at, c) in query.char_indices() {
        match c {
            '"' if !is_escaped => in_quotes = !in_quotes,
            '|' if !in_quotes && !is_escaped => return query.split_at(at),
            _ => {}
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    (query, "")
}

/// A filter and a pipe as one query.
pub(crate) fn piped(filter: &str, pipe: &str) -> String {
    let joined = format!("{} {}", filter.trim(), pipe.trim());
    joined.trim().to_owned()
}

/// `-clause`, or the clause without its minus.
pub(crate) fn negated(clause: &str) -> String {
    clause
        .strip_prefix('-')
        .map_or_else(|| format!("-{clause}"), str::to_owned)
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
        _ => negated(clause),
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
        assert_eq!(with("c -a:b d", "a:b"), "c a:b d");
        assert_eq!(with("a:b", "-a:b"), "-a:b");
    }

    #[test]
    fn a_pipe_stays_at_the_end() {
        assert_eq!(
            split_pipe(r#"a "x|y" b\| | top f"#),
            (r#"a "x|y" b\| "#, "| top f")
        );
        assert_eq!(with("c | count by f", "f:x"), "c f:x | count by f");
        assert_eq!(with("| top f", "f:x"), "f:x | top f");
        assert_eq!(piped("a ", ""), "a");
    }
}

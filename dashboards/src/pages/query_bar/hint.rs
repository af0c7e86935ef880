//! What to do about what a query cannot mean.

use super::QueryUrl;
use crate::query_text;

/// Something to know about the query, and the query that was perhaps meant.
#[derive(Debug, Clone)]
pub(crate) struct Hint {
    pub(crate) text: String,
    /// (the name that was meant, link)
    pub(crate) instead: Option<(String, String)>,
}

/// The hint with its "did you mean" as a link.
pub(crate) fn hint(text: &str, url: &impl QueryUrl) -> Hint {
    let meant = || {
        let (_, names) = text.split_once("the field ")?;
        let (asked, meant) = names.split_once("; did you mean ")?;
        let meant = meant.strip_suffix('?')?;
        let (filter, pipe) = query_text::split_pipe(url.query());
        let query = query_text::piped(&renamed(filter, asked, meant), &renamed(pipe, asked, meant));
        let href = || url.asking(&query, url.off().to_vec());
        (query != url.query()).then(|| (meant.to_owned(), href()))
    };
    Hint {
        text: text.to_owned(),
        instead: meant(),
    }
}

/// A text with a name in place of another, where the name stands by itself.
fn renamed(text: &str, from: &str, to: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(from).filter(|_| !from.is_empty()) {
        let (head, tail) = rest.split_at(at);
        let after = &tail[from.len()..];
        let before = out.chars().chain(head.chars()).next_back();
        let stands_alone = !before.is_some_and(|c| is_part(c) && c != '-')
            && !after.chars().next().is_some_and(is_part);
        out.push_str(head);
        out.push_str(if stands_alone { to } else { from });
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::logs::state::LogsUrl;
    use crate::range::Asked;
    use watchfire_schemas::TimeRange;

    #[test]
    fn what_was_meant_is_a_link() {
        let url = LogsUrl::new(
            "usr.id:5 -usr.id:6 xusr.id:1 usr.id.x:2 | top usr.id",
            Asked::absolute(TimeRange::ALL),
        );
        let text = "no record has the field usr.id; did you mean user.id?";
        let (name, href) = hint(text, &url).instead.unwrap();
        assert_eq!(name, "user.id");
        let expected = url.with_query("user.id:5 -user.id:6 xusr.id:1 usr.id.x:2 | top user.id");
        assert_eq!(href, expected.href());
        assert!(hint("service has no order", &url).instead.is_none());
        assert_eq!(renamed("éa é", "é", "e"), "éa e");
    }
}

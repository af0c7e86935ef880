//! The clauses of the query as pills: each can be switched off, turned round or taken away.

use super::QueryUrl;
use crate::query_text;

#[derive(Debug, Clone)]
pub(crate) struct Pill {
    pub(crate) text: String,
    pub(crate) is_negative: bool,
    /// It is kept, but does not count.
    pub(crate) is_off: bool,
    /// Switches it off, or on again.
    pub(crate) switch: String,
    pub(crate) inverted: String,
    pub(crate) without: String,
}

/// None for a query that is more than a list of clauses; what is switched off is always shown.
pub(crate) fn pills(url: &impl QueryUrl) -> Vec<Pill> {
    let (filter, pipe) = query_text::split_pipe(url.query());
    let clauses = query_text::clauses(filter).unwrap_or_default();
    let again = |filter: &str| {
        let query = query_text::piped(filter, pipe);
        url.asking(&query, url.off().to_vec())
    };
    let on = clauses.iter().enumerate().map(|(index, clause)| {
        let kept = query_text::without(&clauses, index);
        let mut off = url.off().to_vec();
        off.push(clause.clone());
        Pill {
            text: clause.clone(),
            is_negative: clause.starts_with('-'),
            is_off: false,
            switch: url.asking(&query_text::piped(&kept, pipe), off),
            inverted: again(&query_text::inverted(&clauses, index)),
            without: again(&kept),
        }
    });
    let off = url.off().iter().enumerate().map(|(index, clause)| {
        let mut others = url.off().to_vec();
        others.remove(index);
        let mut turned = url.off().to_vec();
        turned[index] = query_text::negated(clause);
        let narrowed = query_text::with(url.query(), clause);
        Pill {
            text: clause.clone(),
            is_negative: clause.starts_with('-'),
            is_off: true,
            switch: url.asking(&narrowed, others.clone()),
            inverted: url.asking(url.query(), turned),
            without: url.asking(url.query(), others),
        }
    });
    on.chain(off).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::logs::state::LogsUrl;
    use crate::params::Params;

    fn shown(query: &str) -> Vec<Pill> {
        let now = "2026-11-22T06:00:00Z".parse().unwrap();
        pills(&LogsUrl::from_params(&Params::parse(query), now).unwrap())
    }

    #[test]
    fn a_pill_is_switched_off_and_on_again() {
        let on = shown("q=a:b%20-c:d%20%7C%20top%20e");
        assert_eq!(on.len(), 2);
        assert_eq!(on[0].switch, "/logs?q=-c:d%20%7C%20top%20e&off=a:b&last=1h");
        let then = shown(on[0].switch.split_once('?').unwrap().1);
        assert!(then[1].is_off && then[1].text == "a:b");
        assert_eq!(then[1].switch, "/logs?q=-c:d%20a:b%20%7C%20top%20e&last=1h");
        assert_eq!(then[1].without, "/logs?q=-c:d%20%7C%20top%20e&last=1h");
        assert_eq!(on[1].inverted, "/logs?q=a:b%20c:d%20%7C%20top%20e&last=1h");
    }

    #[test]
    fn a_query_that_is_no_list_has_no_pills_but_those_switched_off() {
        let pills = shown("q=a%20or%20b&off=x");
        assert_eq!(pills.len(), 1);
        assert_eq!(
            pills[0].switch,
            "/logs?q=(a%20or%20b)%20x&last=1h"
                .replace('(', "%28")
                .replace(')', "%29")
        );
    }
}

use std::fmt;

use serde::Serialize;

use crate::content::query::Page;

/// The links of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Links {
    #[serde(rename = "self")]
    pub(crate) this: String,
    /// Of a relationship: what is at its other end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) related: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prev: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

impl Links {
    /// The links of one page of a list: itself, first, last, and its neighbours where there are any.
    pub(crate) fn of_page(path: &str, pairs: &[(String, String)], page: Page, total: u64) -> Self {
        let last = u32::try_from(total.div_ceil(u64::from(page.size)))
            .unwrap_or(u32::MAX)
            .max(1);
        let kept = pairs.iter().filter(|(name, _)| name != "page[number]");
        let kept = kept.map(|(name, value)| format!("{}={}&", Encoded(name), Encoded(value)));
        let kept = format!("{path}?{}", kept.collect::<Vec<_>>().concat());
        let to = |number: u32| format!("{kept}page%5Bnumber%5D={number}");
        Self {
            this: to(page.number),
            related: None,
            first: Some(to(1)),
            last: Some(to(last)),
            prev: (page.number > 1).then(|| to((page.number - 1).min(last))),
            next: (page.number < last).then(|| to(page.number + 1)),
        }
    }
}

/// A text percent-encoded but for the unreserved characters and the comma.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoded<'a>(pub(crate) &'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~,".contains(c);
        let mut rest = self.0;
        while let Some(at) = rest.find(|c| !is_plain(c)) {
            let (plain, from) = rest.split_at(at);
            f.write_str(plain)?;
            let end = from.chars().next().map_or(from.len(), char::len_utf8);
            for byte in from[..end].bytes() {
                write!(f, "%{byte:02X}")?;
            }
            rest = &from[end..];
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_links_to_its_neighbours_and_keeps_the_query() {
        let pairs = [
            ("sort".to_owned(), "-name".to_owned()),
            ("page[size]".to_owned(), "2".to_owned()),
        ];
        let links =
            |number, total| Links::of_page("/api/places", &pairs, Page { number, size: 2 }, total);
        let middle = links(2, 5);
        assert_eq!(
            middle.next.as_deref(),
            Some("/api/places?sort=-name&page%5Bsize%5D=2&page%5Bnumber%5D=3")
        );
        assert_eq!(
            middle.prev.as_deref(),
            Some("/api/places?sort=-name&page%5Bsize%5D=2&page%5Bnumber%5D=1")
        );
        assert_eq!(links(3, 5).next, None);
        assert_eq!(links(1, 0).last, links(1, 0).first);
        assert_eq!(links(9, 5).prev, links(1, 5).last);
    }

    #[test]
    fn what_is_not_plain_is_encoded() {
        assert_eq!(Encoded("braga-1,2").to_string(), "braga-1,2");
        assert_eq!(Encoded("a b/É").to_string(), "a%20b%2F%C3%89");
        assert_eq!(Encoded("").to_string(), "");
    }
}

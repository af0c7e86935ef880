//! What of the services is asked for, as the URL says it.

use watchfire_schemas::Timestamp;

use crate::params::{BadParam, Params};
use crate::range::Asked;

/// Hops around a service in focus, as they are offered.
pub(super) const HOPS: [usize; 3] = [1, 2, 3];

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) asked: Asked,
    /// All of it in tables, without the map.
    pub(crate) is_list: bool,
    pub(crate) focus: Option<String>,
    pub(crate) hops: usize,
}

impl Wanted {
    pub(crate) fn from_params(params: &Params, now: Timestamp) -> Result<Self, BadParam> {
        let is_list = match params.get("view") {
            None | Some("map") => false,
            Some("list") => true,
            Some(_) => return Err(BadParam::new("view", "expected map or list")),
        };
        let hops = match params.get("hops") {
            None => HOPS[0],
            Some(hops) => hops
                .parse()
                .ok()
                .filter(|hops| HOPS.contains(hops))
                .ok_or_else(|| BadParam::new("hops", "expected 1, 2 or 3"))?,
        };
        let focus = params.get("focus").map(str::trim).unwrap_or_default();
        Ok(Self {
            asked: Asked::from_params(params, now, "1h")?,
            is_list,
            focus: (!focus.is_empty()).then(|| focus.to_owned()),
            hops,
        })
    }

    /// The parameters that a change of the range keeps.
    pub(super) fn kept(&self) -> [(&'static str, String); 3] {
        let hops = match (&self.focus, self.hops) {
            (None, _) | (_, 1) => String::new(),
            (Some(_), hops) => hops.to_string(),
        };
        let view = if self.is_list { "list" } else { "" };
        [
            ("view", view.to_owned()),
            ("focus", self.focus.clone().unwrap_or_default()),
            ("hops", hops),
        ]
    }

    pub(super) fn href(&self) -> String {
        let kept = self.kept();
        let kept: Vec<(&str, &str)> = kept.iter().map(|(name, v)| (*name, v.as_str())).collect();
        self.asked.link("/services", &kept)
    }

    /// The map around one of them.
    pub(super) fn focused(&self, name: &str) -> String {
        Self {
            focus: Some(name.to_owned()),
            is_list: false,
            ..self.clone()
        }
        .href()
    }

    pub(super) fn with_hops(&self, hops: usize) -> String {
        Self {
            hops,
            ..self.clone()
        }
        .href()
    }

    /// The same on the map or in the list.
    pub(super) fn face(&self, is_list: bool) -> String {
        Self {
            is_list,
            ..self.clone()
        }
        .href()
    }

    /// All of them.
    pub(super) fn whole(&self) -> String {
        Self {
            focus: None,
            ..self.clone()
        }
        .href()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_says_all_of_it() {
        let now = Timestamp::from_secs(1_795_327_200);
        let read = |query: &str| Wanted::from_params(&Params::parse(query), now);
        let wanted = read("focus=a%20b&hops=2&last=6h").unwrap();
        assert_eq!(wanted.href(), "/services?focus=a%20b&hops=2&last=6h");
        assert_eq!(wanted.with_hops(1), "/services?focus=a%20b&last=6h");
        assert_eq!(wanted.whole(), "/services?last=6h");
        assert_eq!(read("").unwrap().face(true), "/services?view=list&last=1h");
        assert_eq!(read("").unwrap().focused("x"), "/services?focus=x&last=1h");
        assert_eq!(read("hops=9").unwrap_err().name, "hops");
        assert_eq!(read("view=x").unwrap_err().name, "view");
    }
}

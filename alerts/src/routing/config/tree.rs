//! The tree of routes, read with what each inherits.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_saphyr::Spanned;

use super::document::{RouteText, Texts};
use super::reader::Reader;
use crate::routing::matcher::Matchers;
use crate::routing::route::{GroupBy, Route};

const GROUP_WAIT: Duration = Duration::from_secs(30);
const GROUP_INTERVAL: Duration = Duration::from_mins(5);
const REPEAT_INTERVAL: Duration = Duration::from_hours(4);

impl Reader<'_> {
    pub(super) fn root(&mut self, root: &Spanned<RouteText>) -> Route {
        let text = &root.value;
        if text
            .receiver
            .as_ref()
            .is_none_or(|name| name.value.is_empty())
        {
            self.note(root, "the root route needs a receiver");
        }
        let is_given = |texts: &Texts| texts.as_ref().is_some_and(|texts| !texts.is_empty());
        let has_pairs = [&text.equal, &text.match_re]
            .into_iter()
            .flatten()
            .any(|pairs| !pairs.is_empty());
        if has_pairs || is_given(&text.matchers) {
            self.note(
                root,
                "the root route takes all alerts and may have no matchers",
            );
        }
        for (key, texts) in [
            ("mute_time_intervals", &text.mute_time_intervals),
            ("active_time_intervals", &text.active_time_intervals),
        ] {
            if is_given(texts) {
                self.note(root, format!("the root route may have no {key}"));
            }
        }
        if let Some(continues) = text.continues.as_ref().filter(|c| c.value) {
            self.note(continues, "the root route may not continue");
        }
        let above = Route {
            path: String::new(),
            key: String::new(),
            receiver: String::new(),
            matchers: Matchers::default(),
            continues: false,
            group_by: GroupBy::Labels(BTreeSet::new()),
            group_wait: GROUP_WAIT,
            group_interval: GROUP_INTERVAL,
            repeat_interval: REPEAT_INTERVAL,
            mute_intervals: Vec::new(),
            active_intervals: Vec::new(),
            children: Vec::new(),
        };
        self.route(text, &above, "0".to_owned())
    }

    /// A node with what it takes over from the one above.
    fn route(&mut self, text: &RouteText, above: &Route, path: String) -> Route {
        let matchers = self.matchers((&text.equal, &text.match_re, &text.matchers));
        let key = match above.path.as_str() {
            "" => matchers.to_string(),
            _ => format!("{}/{matchers}", above.key),
        };
        let receiver = text.receiver.as_ref().filter(|name| !name.value.is_empty());
        if let Some(name) = receiver
            && !self.receivers.contains(&name.value)
        {
            self.note(name, format!("there is no receiver {:?}", name.value));
        }
        let mut route = Route {
            path,
            key,
            receiver: receiver.map_or(&above.receiver, |name| &name.value).clone(),
            matchers,
            continues: text.continues.as_ref().is_some_and(|c| c.value),
            group_by: self
                .group_by(&text.group_by)
                .unwrap_or_else(|| above.group_by.clone()),
            group_wait: self
                .duration(text.group_wait.as_ref())
                .unwrap_or(above.group_wait),
            group_interval: self
                .interval_of(text.group_interval.as_ref(), "group_interval")
                .unwrap_or(above.group_interval),
            repeat_interval: self
                .interval_of(text.repeat_interval.as_ref(), "repeat_interval")
                .unwrap_or(above.repeat_interval),
            mute_intervals: self.interval_names(&text.mute_time_intervals),
            active_intervals: self.interval_names(&text.active_time_intervals),
            children: Vec::new(),
        };
        for (index, child) in text.routes.iter().flatten().enumerate() {
            let path = format!("{}.{index}", route.path);
            let child = self.route(&child.value, &route, path);
            route.children.push(child);
        }
        route
    }

    /// None where nothing is said, or an empty list: that is inherited as well.
    fn group_by(&mut self, texts: &Texts) -> Option<GroupBy> {
        let mut names = BTreeSet::new();
        let mut wildcard = None;
        for text in texts.iter().flatten() {
            if text.value == "..." {
                wildcard = Some(text);
                continue;
            }
            self.label_name(text, &text.value);
            if !names.insert(text.value.clone()) {
                self.note(text, format!("{:?} comes twice in group_by", text.value));
            }
        }
        match (wildcard, names.is_empty()) {
            (None, true) => None,
            (None, false) => Some(GroupBy::Labels(names)),
            (Some(_), true) => Some(GroupBy::Everything),
            (Some(at), false) => {
                self.note(at, "`...` stands for all labels and must stand alone");
                None
            }
        }
    }

    fn interval_of(&mut self, text: Option<&Spanned<String>>, key: &str) -> Option<Duration> {
        let read = self.duration(text)?;
        if read.is_zero()
            && let Some(at) = text
        {
            self.note(at, format!("{key} must be longer than nothing"));
        }
        Some(read)
    }

    fn interval_names(&mut self, texts: &Texts) -> Vec<String> {
        let texts = texts.iter().flatten();
        texts
            .map(|name| {
                if !self.intervals.contains(&name.value) {
                    self.note(name, format!("there is no time interval {:?}", name.value));
                }
                name.value.clone()
            })
            .collect()
    }
}

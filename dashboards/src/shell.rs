//! What surrounds every page: navigation, the state of the house, the range picker.

use watchfire_schemas::Timestamp;

use crate::Console;
use crate::assets::{ALERTS_STYLE, ICON, INCIDENT_STYLE, MAP_STYLE, SCRIPT, STYLE};
use crate::figures;
use crate::range::{Asked, Picker};

/// Pages in the order of their use: what is wrong, where to look, how well we do.
const NAVIGATION: [(&str, &[(&str, &str)]); 3] = [
    (
        "Now",
        &[
            ("/", "Overview"),
            ("/incidents", "Incidents"),
            ("/alerts", "Alerts"),
        ],
    ),
    (
        "Look",
        &[
            ("/logs", "Logs"),
            ("/exceptions", "Exceptions"),
            ("/traces", "Traces"),
            ("/services", "Services"),
            ("/explore", "Explore"),
        ],
    ),
    (
        "House",
        &[
            ("/reliability", "Reliability"),
            ("/schemas", "Schemas"),
            ("/status", "Status"),
            ("/settings", "Settings"),
        ],
    ),
];

/// Pages that keep the range of the page before.
const RANGED: [&str; 6] = [
    "/logs",
    "/exceptions",
    "/traces",
    "/services",
    "/explore",
    "/incidents",
];

/// What the shell needs to know of the house.
#[derive(Debug, Clone, Copy)]
pub(crate) struct House {
    pub(crate) now: Timestamp,
    pub(crate) is_demo: bool,
    pub(crate) open_incidents: usize,
}

impl House {
    /// Asks. A database that does not answer must not take the page away: it shows no count.
    pub(crate) async fn ask(console: &Console) -> Self {
        let now = console.clock.now();
        let open = console.alerts.open_incidents().await;
        Self {
            now,
            is_demo: console.is_demo,
            open_incidents: open.map_or(0, |open| usize::try_from(open).unwrap_or(usize::MAX)),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct NavItem {
    pub(crate) label: &'static str,
    pub(crate) href: String,
    pub(crate) is_current: bool,
    /// Shown beside the label if not zero.
    pub(crate) count: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct NavGroup {
    pub(crate) label: &'static str,
    pub(crate) items: Vec<NavItem>,
}

#[derive(Debug, Clone)]
pub(crate) struct Shell {
    pub(crate) title: String,
    pub(crate) groups: Vec<NavGroup>,
    pub(crate) is_demo: bool,
    pub(crate) clock: String,
    pub(crate) picker: Option<Picker>,
    /// What could not be read.
    pub(crate) notices: Vec<String>,
    /// Seconds between refreshes, for a page that changes by itself.
    pub(crate) live: Option<u32>,
    pub(crate) style: &'static str,
    /// The sheet that the pages under one path share.
    pub(crate) own_style: Option<&'static str>,
    pub(crate) script: &'static str,
    pub(crate) icon: &'static str,
}

impl Shell {
    /// `path` is the page's own, `/incidents` also for one incident.
    pub(crate) fn new(house: &House, path: &str, title: impl Into<String>) -> Self {
        Self::with_links(house, path, title, str::to_owned)
    }

    /// For a page with a range, which other pages keep.
    pub(crate) fn ranged(
        house: &House,
        path: &str,
        title: impl Into<String>,
        asked: &Asked,
        kept: &[(&str, &str)],
    ) -> Self {
        let mut shell = Self::keeping(house, path, title, asked);
        shell.picker = Some(Picker::new(path, asked, kept));
        shell
    }

    /// For a page that has a time of its own, but was come to within a range, which other pages keep.
    pub(crate) fn keeping(
        house: &House,
        path: &str,
        title: impl Into<String>,
        asked: &Asked,
    ) -> Self {
        Self::with_links(house, path, title, |to| {
            if RANGED.contains(&to) {
                asked.link(to, &[])
            } else {
                to.to_owned()
            }
        })
    }

    fn with_links(
        house: &House,
        path: &str,
        title: impl Into<String>,
        link: impl Fn(&str) -> String,
    ) -> Self {
        let item = |(to, label): &(&'static str, &'static str)| NavItem {
            label,
            href: link(to),
            is_current: *to == path || (*to != "/" && path.starts_with(&format!("{to}/"))),
            count: if *to == "/incidents" {
                house.open_incidents
            } else {
                0
            },
        };
        let groups = NAVIGATION.iter().map(|(label, items)| NavGroup {
            label,
            items: items.iter().map(item).collect(),
        });
        Self {
            title: title.into(),
            groups: groups.collect(),
            is_demo: house.is_demo,
            clock: figures::clock(house.now),
            picker: None,
            notices: Vec::new(),
            live: None,
            style: &STYLE.href,
            own_style: own_style(path),
            script: &SCRIPT.href,
            icon: &ICON.href,
        }
    }

    #[must_use]
    pub(crate) fn live(mut self, seconds: u32) -> Self {
        self.live = Some(seconds);
        self
    }

    /// Takes what was asked, or says on the page that it could not be read.
    pub(crate) fn take<T: Default, E: std::fmt::Display>(
        &mut self,
        what: &str,
        answer: Result<T, E>,
    ) -> T {
        answer.unwrap_or_else(|error| {
            tracing::warn!(what, %error, "a page could not read {what}");
            self.notices
                .push(format!("{what} could not be read: {error}"));
            T::default()
        })
    }
}

fn own_style(path: &str) -> Option<&'static str> {
    let under = |top: &str| {
        path.strip_prefix(top)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if under("/alerts") {
        Some(&ALERTS_STYLE.href)
    } else if under("/incidents") {
        Some(&INCIDENT_STYLE.href)
    } else if under("/services") {
        Some(&MAP_STYLE.href)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUSE: House = House {
        now: Timestamp::from_secs(1_795_327_047),
        is_demo: false,
        open_incidents: 2,
    };

    #[test]
    fn one_page_is_current_and_the_range_is_kept() {
        let asked = Asked::from_params(&crate::params::Params::parse("last=6h"), HOUSE.now, "1h");
        let shell = Shell::ranged(&HOUSE, "/incidents/i1", "x", &asked.unwrap(), &[]);
        let items: Vec<&NavItem> = shell.groups.iter().flat_map(|group| &group.items).collect();
        let current: Vec<&str> = items
            .iter()
            .filter(|item| item.is_current)
            .map(|item| item.label)
            .collect();
        assert_eq!(current, ["Incidents"]);
        assert_eq!(items[1].count, 2);
        assert_eq!(items[3].href, "/logs?last=6h");
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let mut shell = Shell::new(&HOUSE, "/", "x");
        let taken: Vec<u8> = shell.take("latency", Err("query timed out"));
        assert!(taken.is_empty());
        assert_eq!(
            shell.notices,
            ["latency could not be read: query timed out"]
        );
    }
}

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub(super) const MINUTE: i64 = 60_000_000_000;
/// More names than this are not kept: they only serve "did you mean".
const MAX_NAMES: usize = 10_000;
/// More counts than this are not kept: a column scan is no slower then.
const MAX_CELLS: usize = 100_000;

/// What is known of a split without a look at its columns.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The names of all attributes; the first so many of them.
    pub(crate) attributes: BTreeSet<String>,
    pub(crate) services: Vec<String>,
    /// Records by minute, severity and service; none if there are too many.
    pub(crate) counts: Option<Vec<Cell>>,
}

/// How many records there are of one minute, severity and service.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Cell {
    /// Minutes since the epoch, rounded down.
    pub(crate) minute: i64,
    pub(crate) severity: u8,
    /// An index into the services.
    pub(crate) service: u32,
    pub(crate) records: u32,
}

impl Cell {
    /// The first nanosecond of its minute.
    pub(crate) const fn start(&self) -> i64 {
        self.minute.saturating_mul(MINUTE)
    }
}

/// Counts rows, which come in the order of time.
#[derive(Debug, Default)]
pub(super) struct FactsBuilder {
    services: BTreeMap<String, u32>,
    /// The service of the last row: neighbours often share it.
    last: Option<(String, u32)>,
    minute: i64,
    /// Of this minute, by service and severity.
    open: BTreeMap<(u32, u8), u32>,
    cells: Vec<Cell>,
    has_too_many: bool,
}

impl FactsBuilder {
    pub(super) fn add(&mut self, time: i64, severity: usize, service: &str) {
        let minute = time.div_euclid(MINUTE);
        if minute != self.minute {
            self.end_minute();
            self.minute = minute;
        }
        let service = self.service(service);
        *self.open.entry((service, severity as u8)).or_default() += 1;
    }

    fn service(&mut self, name: &str) -> u32 {
        if let Some((_, index)) = self.last.as_ref().filter(|(last, _)| last == name) {
            return *index;
        }
        let next = self.services.len() as u32;
        let index = match self.services.get(name) {
            Some(index) => *index,
            None => *self.services.entry(name.to_owned()).or_insert(next),
        };
        let last = self.last.get_or_insert_default();
        name.clone_into(&mut last.0);
        last.1 = index;
        index
    }

    fn end_minute(&mut self) {
        let minute = self.minute;
        let cells = std::mem::take(&mut self.open).into_iter();
        self.cells
            .extend(cells.map(|((service, severity), records)| Cell {
                minute,
                severity,
                service,
                records,
            }));
        if self.cells.len() > MAX_CELLS {
            self.cells.clear();
            self.has_too_many = true;
        }
    }

    pub(super) fn finish(mut self) -> Facts {
        self.end_minute();
        let mut services = vec![String::new(); self.services.len()];
        for (name, index) in self.services {
            services[index as usize] = name;
        }
        Facts {
            attributes: BTreeSet::new(),
            services,
            counts: (!self.has_too_many).then_some(self.cells),
        }
    }
}

impl Facts {
    pub(super) fn add_attribute(&mut self, name: &str) {
        if self.attributes.len() < MAX_NAMES && !self.attributes.contains(name) {
            self.attributes.insert(name.to_owned());
        }
    }
}

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::fields::Dataset;
use crate::row::Row;

pub(super) const MINUTE: i64 = 60_000_000_000;
/// More names than this are not kept: they only serve "did you mean".
const MAX_NAMES: usize = 10_000;
/// More counts than this are not kept: a column scan is no slower then.
const MAX_CELLS: usize = 100_000;

/// What is known of a split without opening its index.
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

impl Facts {
    pub(super) fn of<D: Dataset>(rows: &[&Row<D>]) -> Self {
        let mut attributes = BTreeSet::new();
        let mut services = BTreeMap::new();
        let mut cells: BTreeMap<_, u32> = BTreeMap::new();
        for row in rows {
            D::each_attribute(&row.record, &mut |name, _| {
                if attributes.len() < MAX_NAMES && !attributes.contains(name) {
                    attributes.insert(name.to_owned());
                }
            });
            let service = D::service(&row.record);
            let next = services.len() as u32;
            let service = match services.get(service) {
                Some(index) => *index,
                None => *services.entry(service.to_owned()).or_insert(next),
            };
            let minute = D::time(&row.record).div_euclid(MINUTE);
            *cells
                .entry((minute, D::severity(&row.record), service))
                .or_default() += 1;
        }
        let mut names = vec![String::new(); services.len()];
        for (name, index) in services {
            names[index as usize] = name;
        }
        let counts = cells
            .into_iter()
            .map(|((minute, severity, service), records)| Cell {
                minute,
                severity: severity as u8,
                service,
                records,
            });
        let counts: Vec<_> = counts.collect();
        Self {
            attributes,
            services: names,
            counts: (counts.len() <= MAX_CELLS).then_some(counts),
        }
    }

    pub(super) fn write(&self) -> io::Result<Vec<u8>> {
        zstd::encode_all(&serde_json::to_vec(self)?[..], 3)
    }

    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let json = zstd::decode_all(std::fs::File::open(path)?)?;
        Ok(serde_json::from_slice(&json)?)
    }
}

//! `prometheus.WriteRequest`: each series carries its labels as texts.

use watchfire_schemas::{LabelSet, MetricKind, MetricMetadata};

use super::decode::{Columns, Named, exemplar_parts, kind_of};
use super::key::Keys;
use super::wire::{Value, Wire};
use super::{FaultReason, WriteError, labels};

/// A label of a series: field 1, a message.
const LABEL: u8 = 1 << 3 | 2;

pub(super) fn read(body: &[u8], columns: &mut Columns) -> Result<(), WriteError> {
    let mut wire = Wire::new(body);
    while let Some((number, value)) = wire.field()? {
        match number {
            1 => series(body, value.message(&wire)?, columns)?,
            3 => metadata(body, value.message(&wire)?, columns)?,
            _ => {}
        }
    }
    Ok(())
}

fn series(body: &[u8], mut wire: Wire<'_>, columns: &mut Columns) -> Result<(), WriteError> {
    let starts = columns.begin();
    let mut place = Labels::new(&wire);
    loop {
        place.pass(&mut wire);
        let before = wire.at();
        let Some((number, value)) = wire.field()? else {
            break;
        };
        match number {
            1 => {
                value.bytes(&wire)?;
                place.add(body, (before, wire.at()));
            }
            2 => columns.sample(value.message(&wire)?)?,
            3 => exemplar(body, value.message(&wire)?, columns)?,
            4 => columns.histogram(value.message(&wire)?)?,
            _ => {}
        }
    }
    columns.end(starts, |columns| place.named(body, columns))
}

/// The labels of a series: all side by side, as everybody writes them, or copied so.
#[derive(Debug)]
struct Labels {
    start: usize,
    end: usize,
    copied: Vec<u8>,
}

impl Labels {
    fn new(wire: &Wire<'_>) -> Self {
        Self {
            start: wire.at(),
            end: wire.at(),
            copied: Vec::new(),
        }
    }

    /// Passes over those that follow at once.
    #[inline]
    fn pass(&mut self, wire: &mut Wire<'_>) {
        if self.end != wire.at() || !self.copied.is_empty() {
            return;
        }
        while wire.pass_short(LABEL) {}
        self.end = wire.at();
    }

    fn add(&mut self, body: &[u8], (start, end): (usize, usize)) {
        if self.copied.is_empty() {
            if self.end == start {
                self.end = end;
                return;
            }
            if self.start == self.end {
                (self.start, self.end) = (start, end);
                return;
            }
            self.copied.extend_from_slice(&body[self.start..self.end]);
        }
        self.copied.extend_from_slice(&body[start..end]);
    }

    fn named(self, body: &[u8], columns: &mut Columns) -> Named {
        let keys = Keys::of_process();
        let (key, start, end) = if self.copied.is_empty() {
            let key = keys.of_bytes(&body[self.start..self.end]);
            (key, self.start, self.end)
        } else {
            let key = keys.of_bytes(&self.copied);
            let start = body.len() + columns.appendix.len();
            columns.appendix.extend_from_slice(&self.copied);
            (key, start, start + self.copied.len())
        };
        Named {
            key,
            labels: (start as u32, end as u32),
            kind: MetricKind::Unknown,
            created: 0,
        }
    }
}

fn exemplar(body: &[u8], wire: Wire<'_>, columns: &mut Columns) -> Result<(), WriteError> {
    columns.exemplar(wire, |wire| {
        let mut texts = Some(Vec::new());
        let at = exemplar_parts(wire, |value, wire| {
            let (name, text) = labels::pair(body, value.bytes(wire)?)?;
            match (std::str::from_utf8(name), std::str::from_utf8(text)) {
                (Ok(name), Ok(text)) => {
                    if let Some(texts) = &mut texts {
                        texts.push((name, text));
                    }
                }
                _ => texts = None,
            }
            Ok(())
        })?;
        Ok((at, texts.map(LabelSet::new)))
    })
}

fn metadata(body: &[u8], mut wire: Wire<'_>, columns: &mut Columns) -> Result<(), WriteError> {
    let (mut kind, mut texts) = (MetricKind::Unknown, [Some(""); 3]);
    while let Some((number, value)) = wire.field()? {
        let place = match number {
            1 => {
                kind = kind_of(value.number(&wire)?);
                continue;
            }
            2 => 0,
            4 => 1,
            5 => 2,
            _ => continue,
        };
        texts[place] = text(body, value, &wire)?;
    }
    match texts {
        [Some(family), Some(help), Some(unit)] if !family.is_empty() => {
            columns.metadata(MetricMetadata {
                family: family.to_owned(),
                kind,
                help: help.to_owned(),
                unit: unit.to_owned(),
            })
        }
        _ => columns.fault(FaultReason::BadMetadata),
    }
}

fn text<'b>(body: &'b [u8], value: Value, wire: &Wire<'_>) -> Result<Option<&'b str>, WriteError> {
    let (start, end) = value.bytes(wire)?;
    Ok(std::str::from_utf8(&body[start..end]).ok())
}

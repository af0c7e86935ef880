//! `io.prometheus.write.v2.Request`: each text once, series refer to them by their places.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use rustc_hash::FxHasher;
use watchfire_schemas::{LabelSet, MetricKind, MetricMetadata};

use super::decode::{Columns, Named, exemplar_parts, kind_of};
use super::key::Keys;
use super::wire::Wire;
use super::{FaultReason, WriteError};
use crate::storage::family_of;

pub(super) fn read(body: &[u8], columns: &mut Columns) -> Result<(), WriteError> {
    let mut symbols = Symbols::read(body, columns)?;
    let mut wire = Wire::new(body);
    while let Some((number, value)) = wire.field()? {
        if number == 5 {
            symbols.series(value.message(&wire)?, columns)?;
        }
    }
    columns.batch.symbols = symbols.places;
    Ok(())
}

/// The table of texts.
struct Symbols<'b> {
    body: &'b [u8],
    places: Vec<(u32, u32)>,
    /// Made when one is first needed; none is 0.
    keys: Vec<u128>,
    /// The place of `__name__`.
    name: Option<u32>,
    /// What was said of metrics already, by the places of name, help and unit.
    told: HashSet<(u32, MetricKind, u32, u32), BuildHasherDefault<FxHasher>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Metadata {
    kind: MetricKind,
    help: u32,
    unit: u32,
}

impl<'b> Symbols<'b> {
    /// Reads the table, which may stand anywhere.
    fn read(body: &'b [u8], columns: &mut Columns) -> Result<Self, WriteError> {
        let mut places = Vec::new();
        let mut wire = Wire::new(body);
        while let Some((number, value)) = wire.field()? {
            if number == 4 {
                let (start, end) = value.bytes(&wire)?;
                if places.is_empty() && start != end {
                    return Err(WriteError::FirstSymbol);
                }
                columns.weigh(size_of::<(u32, u32)>() + size_of::<u128>())?;
                places.push((start as u32, end as u32));
            }
        }
        let is_name = |place: &(u32, u32)| &body[place.0 as usize..place.1 as usize] == b"__name__";
        let name = places.iter().position(is_name);
        Ok(Self {
            body,
            keys: vec![0; places.len()],
            places,
            name: name.map(|at| at as u32),
            told: HashSet::default(),
        })
    }

    fn series(&mut self, mut wire: Wire<'_>, columns: &mut Columns) -> Result<(), WriteError> {
        if self.places.is_empty() {
            return Err(WriteError::FirstSymbol);
        }
        let starts = columns.begin();
        let first = columns.batch.references.len();
        let (mut created, mut said) = (0, Metadata::default());
        while let Some((number, value)) = wire.field()? {
            match number {
                1 => value.numbers(&wire, |n| columns.batch.references.push(n as u32))?,
                2 => columns.sample(value.message(&wire)?)?,
                3 => columns.histogram(value.message(&wire)?)?,
                4 => self.exemplar(value.message(&wire)?, columns)?,
                5 => said.read(value.message(&wire)?)?,
                6 => created = value.number(&wire)? as i64,
                _ => {}
            }
        }
        columns.weigh(size_of::<u32>() * (columns.batch.references.len() - first))?;
        self.metadata(said, first, columns)?;
        columns.end(starts, |columns| {
            let references = &columns.batch.references[first..];
            Named {
                key: self.key(references),
                labels: (first as u32, (first + references.len()) as u32),
                kind: said.kind,
                created,
            }
        })
    }

    /// References that no symbol stands for have keys of their own kind: they are refused whenever
    /// the labels are looked at.
    fn key(&mut self, references: &[u32]) -> u128 {
        let keys = Keys::of_process();
        for reference in references {
            let at = *reference as usize;
            if let (Some(place), Some(key @ 0)) = (self.places.get(at), self.keys.get_mut(at)) {
                *key = keys.of_symbol(&self.body[place.0 as usize..place.1 as usize]);
            }
        }
        let of = |reference: &u32| self.keys.get(*reference as usize).copied().unwrap_or(0);
        keys.of_keys(&references.iter().map(of))
    }

    fn exemplar(&self, wire: Wire<'_>, columns: &mut Columns) -> Result<(), WriteError> {
        columns.exemplar(wire, |wire| {
            let mut references = Vec::new();
            let at = exemplar_parts(wire, |value, wire| {
                value.numbers(wire, |n| references.push(n as u32))
            })?;
            let pairs = references.chunks(2).map(|pair| match pair {
                [name, value] => Some((self.text(*name)?, self.text(*value)?)),
                _ => None,
            });
            let labels: Option<Vec<_>> = pairs.collect();
            Ok((at, labels.map(LabelSet::new)))
        })
    }

    fn metadata(
        &mut self,
        said: Metadata,
        first: usize,
        columns: &mut Columns,
    ) -> Result<(), WriteError> {
        let references = &columns.batch.references[first..];
        let nothing = said.kind == MetricKind::Unknown && said.help == 0 && said.unit == 0;
        let mut pairs = references.chunks_exact(2);
        let name = pairs.find(|pair| Some(pair[0]) == self.name);
        let Some(name) = name.map(|pair| pair[1]).filter(|_| !nothing) else {
            return Ok(());
        };
        if !self.told.insert((name, said.kind, said.help, said.unit)) {
            return Ok(());
        }
        let texts = (self.text(name), self.text(said.help), self.text(said.unit));
        let (Some(name), Some(help), Some(unit)) = texts else {
            return columns.fault(FaultReason::BadMetadata);
        };
        let family = family_of(name, said.kind);
        // The series of a histogram follow each other.
        let last = columns.batch.metadata.last();
        if last.is_some_and(|last| last.family == family && last.kind == said.kind) {
            return Ok(());
        }
        columns.metadata(MetricMetadata {
            family: family.to_owned(),
            kind: said.kind,
            help: help.to_owned(),
            unit: unit.to_owned(),
        })
    }

    fn text(&self, reference: u32) -> Option<&'b str> {
        let (start, end) = *self.places.get(reference as usize)?;
        std::str::from_utf8(&self.body[start as usize..end as usize]).ok()
    }
}

impl Metadata {
    fn read(&mut self, mut wire: Wire<'_>) -> Result<(), WriteError> {
        while let Some((number, value)) = wire.field()? {
            match number {
                1 => self.kind = kind_of(value.number(&wire)?),
                3 => self.help = value.number(&wire)? as u32,
                4 => self.unit = value.number(&wire)? as u32,
                _ => {}
            }
        }
        Ok(())
    }
}

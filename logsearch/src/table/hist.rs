//! Records by steps of a field's numbers or of its durations.

//! Records by steps of a field's numbers, of its durations, or of time.

use std::io;

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::Made;
use super::axis::{Axis, Extent, widened};
use super::steps::{round_nanos, round_number, tidy, unit_of};
use crate::fields::Dataset;
use crate::query::{Step, read_duration, write_duration};
use crate::query_types::Explain;
use crate::row_values::ValuesOf;
use crate::scalar::Scalar;
use crate::scope::Scope;
use crate::shown::Shown;
use crate::split::{ValueColumns, ValueKey};

/// One row for each step from the lowest value to the highest, empty ones included.
pub(super) fn hist<D: Dataset>(
    scope: &Scope<'_, D>,
    name: &str,
    of: &ValuesOf,
    step: Option<Step>,
    limit: usize,
    explain: &mut Explain,
) -> io::Result<Made> {
    let (mut numbers, mut durations) = (Extent::default(), Extent::default());
    let (records, complete) = each_value(scope, of, explain, &mut |value| match value {
        Met::Number(n) => numbers.meet(n),
        Met::Duration(n) => durations.meet(n),
    })?;
    let unit = unit_of(name);
    let reading = match step {
        Some(Step::Duration(_)) => Reading::Durations { unit },
        None if durations.count > numbers.count => Reading::Durations { unit },
        _ => Reading::Numbers,
    };
    let mut made = Made {
        records,
        partial: !complete,
        hints: reading.hint(name, &numbers).into_iter().collect(),
        ..Made::default()
    };
    let Some(extent) = reading.extent(numbers, durations) else {
        made.hints
            .push(format!("no value of {name} is a {}", reading.as_str()));
        return Ok(made);
    };
    let wanted = step.map(|step| match step {
        Step::Number(n) => n,
        Step::Duration(d) => d.as_nanos() as f64,
    });
    let axis = Axis::over(&extent, wanted, reading.round(), limit);
    if axis.is_widened {
        let step = reading.shown(axis.step);
        made.hints.push(widened(&step, limit));
    }
    let mut counts = vec![0_u64; axis.steps];
    let (_, complete) = each_value(scope, of, &mut Explain::default(), &mut |value| {
        let place = reading.place(&value);
        if let Some(count) = place.and_then(|n| counts.get_mut(axis.index(n))) {
            *count += 1;
        }
    })?;
    made.partial |= !complete;
    made.rows = (0..)
        .zip(counts)
        .map(|(index, count)| vec![reading.shown(axis.start(index)), count.into()])
        .collect();
    Ok(made)
}

/// What the values of a field are taken for.
#[derive(Debug, Clone, Copy)]
enum Reading {
    Numbers,
    /// Texts such as `250ms`, and numbers if the field's name tells how many nanoseconds one is.
    Durations {
        unit: Option<f64>,
    },
}

impl Reading {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Numbers => "number",
            Self::Durations { .. } => "duration",
        }
    }

    fn hint(self, name: &str, numbers: &Extent) -> Option<String> {
        let is_mute = matches!(self, Self::Durations { unit: None }) && numbers.count > 0;
        is_mute.then(|| {
            format!("the name of {name} has no unit: a step of its numbers is a plain number")
        })
    }

    /// From where to where; none without a value.
    fn extent(self, numbers: Extent, mut durations: Extent) -> Option<Extent> {
        let extent = match self {
            Self::Numbers => numbers,
            Self::Durations { unit } => {
                if let Some(unit) = unit {
                    durations.join(&numbers, unit);
                }
                durations
            }
        };
        (extent.count > 0).then_some(extent)
    }

    fn round(self) -> fn(f64, usize) -> f64 {
        match self {
            Self::Numbers => round_number,
            Self::Durations { .. } => round_nanos,
        }
    }

    /// Where a value is on the axis.
    fn place(self, value: &Met) -> Option<f64> {
        match (self, value) {
            (Self::Numbers, Met::Number(n)) | (Self::Durations { .. }, Met::Duration(n)) => {
                Some(*n)
            }
            (Self::Durations { unit }, Met::Number(n)) => unit.map(|unit| n * unit),
            (Self::Numbers, Met::Duration(_)) => None,
        }
    }

    fn shown(self, at: f64) -> Value {
        match self {
            Self::Numbers => Shown::from(Scalar::from_f64(tidy(at))).to_json(),
            Self::Durations { .. } => write_duration(at as i64).into(),
        }
    }
}

/// A value that can be put into a step.
enum Met {
    Number(f64),
    /// In nanoseconds.
    Duration(f64),
}

impl Met {
    fn of(shown: &Shown) -> Option<Self> {
        match shown {
            Shown::Text(text) => read_duration(text).map(Self::Duration),
            number => number.as_f64().map(Self::Number),
        }
    }
}

/// Calls `each` with every number and duration that records of the scope have; one that a record
/// has twice comes twice. How many records there are, and whether the time sufficed.
fn each_value<D: Dataset>(
    scope: &Scope<'_, D>,
    of: &ValuesOf,
    explain: &mut Explain,
    each: &mut dyn FnMut(Met),
) -> io::Result<(u64, bool)> {
    let mut records = 0;
    let mut complete = scope.each_tail_row(explain, &mut |row| {
        records += 1;
        of.each_of_row::<D>(row, &mut |value| {
            if let Some(met) = Met::of(&value) {
                each(met);
            }
        });
    });
    for split in scope.splits(explain)? {
        if !complete {
            break;
        }
        let columns = split.value_columns(of)?;
        let mut durations = Durations::default();
        let mut failed = None;
        complete = scope.each_document(split, scope.range, explain, &mut |document| {
            records += 1;
            columns.each(document, &mut |key| match columns.number(key) {
                Some(number) => each(Met::Number(number)),
                None => match durations.of(&columns, key) {
                    Ok(Some(nanos)) => each(Met::Duration(nanos)),
                    Ok(None) => {}
                    Err(error) => failed = Some(error),
                },
            });
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
    }
    Ok((records, complete))
}

/// The durations that texts of a split say, each read once.
#[derive(Debug, Default)]
struct Durations {
    read: FxHashMap<ValueKey, Option<f64>>,
    /// How many nanoseconds one is of a field of the table whose values are durations.
    unit: Option<f64>,
}

impl Durations {
    /// So many texts are remembered; there are that many different ones only where they are no
    /// durations.
    const MOST: usize = 100_000;

    fn of(&mut self, columns: &ValueColumns<'_>, key: ValueKey) -> io::Result<Option<f64>> {
        let number = columns.whole_number(key).filter(|number| *number != 0);
        if let (Some(number), Some(unit)) = (number, self.unit) {
            return Ok(Some(number as f64 * unit));
        }
        if let Some(known) = self.read.get(&key) {
            return Ok(*known);
        }
        let nanos = match columns.shown(key)? {
            Shown::Text(text) => read_duration(&text),
            _ => None,
        };
        let unit = nanos.zip(number);
        let unit = unit.map(|(nanos, number)| nanos / number as f64);
        self.unit = unit.or(self.unit);
        if self.read.len() < Self::MOST {
            self.read.insert(key, nanos);
        }
        Ok(nanos)
    }
}

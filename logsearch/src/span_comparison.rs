//! What the spans of a region have in common that the others have not.

mod certainty;
mod shares;

use std::io;

use crate::filter::Filter;
use crate::query_types::{Explain, SpanComparison};
use crate::row::Row;
use crate::scope::Scope;
use crate::spans::Spans;
use crate::split::Split;
use shares::Shares;

/// So many spans of each side are looked at; of more, every second, third, … one.
const SAMPLE: u64 = 10_000;

/// Spans inside and outside, each with what stands for the two.
type Sides<T> = [T; 2];

/// Compares the spans of the scope that `region` means with the others of the scope. Fields that
/// `named` holds are left out: they say what the region is.
pub(crate) fn span_comparison(
    scope: &Scope<'_, Spans>,
    region: &Filter,
    named: &[String],
    limit: usize,
) -> io::Result<SpanComparison> {
    let inside = Filter::And(vec![scope.filter.clone(), region.clone()]);
    let outside = Filter::And(vec![
        scope.filter.clone(),
        Filter::Not(Box::new(region.clone())),
    ]);
    let sides = [&inside, &outside].map(|filter| Scope { filter, ..*scope });
    let (counts, is_counted) = count(&sides)?;
    let strides = counts.map(|count| count.div_ceil(SAMPLE).max(1));
    let mut shares = Shares::leaving_out(named);
    let is_seen = is_counted && look(&sides, strides, &mut shares)?;
    let is_sampled = strides.iter().any(|stride| *stride > 1);
    Ok(SpanComparison {
        inside: counts[0],
        outside: counts[1],
        sampled: is_sampled.then_some((shares.spans[0], shares.spans[1])),
        partial: !is_seen,
        hints: shares.hint().into_iter().collect(),
        differences: shares.differences(limit),
    })
}

/// How many there are, and whether the time sufficed.
fn count(sides: &Sides<Scope<'_, Spans>>) -> io::Result<(Sides<u64>, bool)> {
    let mut counts = [0; 2];
    for (scope, count) in sides.iter().zip(&mut counts) {
        let mut complete = scope.each_tail_row(&mut Explain::default(), &mut |_| *count += 1);
        for split in scope.splits(&mut Explain::default())? {
            if !complete || scope.watch.is_over() {
                return Ok((counts, false));
            }
            let documents = split.documents(scope.range, None)?;
            let (found, is_whole) = split.select(scope.filter, documents)?.count(scope.watch)?;
            *count += found;
            complete = is_whole;
        }
        if !complete {
            return Ok((counts, false));
        }
    }
    Ok((counts, true))
}

/// Looks at a sample of both sides, the newest first. Whether the time sufficed.
fn look(
    sides: &Sides<Scope<'_, Spans>>,
    strides: Sides<u64>,
    shares: &mut Shares,
) -> io::Result<bool> {
    let mut samples = strides.map(Sample::every);
    for (side, scope) in sides.iter().enumerate() {
        let complete = scope.each_tail_row(&mut Explain::default(), &mut |row: Row<'_>| {
            if samples[side].takes_next() {
                shares.add_row(side, row);
            }
        });
        if !complete {
            return Ok(false);
        }
    }
    for split in sides[0].widened().splits(&mut Explain::default())? {
        let mut documents: Sides<Vec<u32>> = Default::default();
        for ((scope, sample), documents) in sides.iter().zip(&mut samples).zip(&mut documents) {
            if scope.watch.is_over() || !sampled(scope, split, sample, documents)? {
                return Ok(false);
            }
        }
        if !shares.add_split(split, &documents, sides[0].watch)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn sampled(
    scope: &Scope<'_, Spans>,
    split: &Split<Spans>,
    sample: &mut Sample,
    documents: &mut Vec<u32>,
) -> io::Result<bool> {
    if !split.overlaps(scope.range) || !split.could_match(scope.filter)? {
        return Ok(true);
    }
    scope.each_document(
        split,
        scope.range,
        &mut Explain::default(),
        &mut |document| {
            if sample.takes_next() {
                documents.push(document);
            }
        },
    )
}

/// Every so manieth.
struct Sample {
    stride: u64,
    next: u64,
}

impl Sample {
    const fn every(stride: u64) -> Self {
        Self { stride, next: 0 }
    }

    const fn takes_next(&mut self) -> bool {
        let takes = self.next.is_multiple_of(self.stride);
        self.next += 1;
        takes
    }
}

impl Scope<'_, Spans> {
    /// The same for every span of the range.
    fn widened(&self) -> Self {
        Self {
            filter: &Filter::All,
            ..*self
        }
    }
}

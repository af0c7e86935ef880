//! The labels of a written series, as bytes and checked.

use watchfire_schemas::LabelSet;

use super::wire::Wire;
use super::{FaultReason, WriteBatch, WriteError, WrittenSeries};

type Pair<'b> = (&'b [u8], &'b [u8]);

/// The labels of a series as they were written.
pub(super) fn pairs<'b>(
    batch: &'b WriteBatch,
    series: &WrittenSeries,
) -> impl Iterator<Item = Result<Pair<'b>, FaultReason>> {
    let is_v2 = !batch.symbols.is_empty();
    let range = series.labels.range();
    let (bytes, references) = if is_v2 {
        (0..0, &batch.references[range])
    } else {
        (range, &[][..])
    };
    let mut wire = Wire::within(&batch.body, (bytes.start, bytes.end));
    let texts = std::iter::from_fn(move || {
        // It was walked through before: what is wrong now can only be within a label.
        let (_, value) = wire.field().ok().flatten()?;
        let read = value
            .bytes(&wire)
            .and_then(|place| pair(&batch.body, place));
        Some(read.map_err(|_| FaultReason::LabelNotUtf8))
    });
    let symbols = references.chunks(2).map(|pair| match pair {
        [name, value] => Ok((symbol(batch, *name)?, symbol(batch, *value)?)),
        _ => Err(FaultReason::SymbolReference),
    });
    texts.chain(symbols)
}

fn symbol(batch: &WriteBatch, reference: u32) -> Result<&[u8], FaultReason> {
    let place = batch.symbols.get(reference as usize);
    let (start, end) = *place.ok_or(FaultReason::SymbolReference)?;
    Ok(&batch.body[start as usize..end as usize])
}

/// Name and value of a label of 1.0.
pub(super) fn pair(body: &[u8], place: (usize, usize)) -> Result<Pair<'_>, WriteError> {
    match usual_pair(&body[place.0..place.1]) {
        Some(pair) => Ok(pair),
        None => any_pair(body, place),
    }
}

/// Name and value as nearly everybody writes them: in this order, each of less than 128 bytes.
#[inline]
fn usual_pair(label: &[u8]) -> Option<Pair<'_>> {
    const NAME: u8 = 1 << 3 | 2;
    const VALUE: u8 = 2 << 3 | 2;
    let short = |length: u8| (length < 0x80).then_some(usize::from(length));
    let [NAME, length, rest @ ..] = label else {
        return None;
    };
    let (name, rest) = rest.split_at_checked(short(*length)?)?;
    let [VALUE, length, value @ ..] = rest else {
        return None;
    };
    (short(*length)? == value.len()).then_some((name, value))
}

fn any_pair(body: &[u8], place: (usize, usize)) -> Result<Pair<'_>, WriteError> {
    let mut wire = Wire::within(body, place);
    let (mut name, mut text) = (&[][..], &[][..]);
    while let Some((number, value)) = wire.field()? {
        let part = match number {
            1 => &mut name,
            2 => &mut text,
            _ => continue,
        };
        let (start, end) = value.bytes(&wire)?;
        *part = &body[start..end];
    }
    Ok((name, text))
}

pub(super) fn of_series(
    batch: &WriteBatch,
    series: &WrittenSeries,
) -> Result<LabelSet, FaultReason> {
    let mut all: Vec<(&str, &str)> = Vec::with_capacity(16);
    for pair in pairs(batch, series) {
        let (name, value) = pair?;
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| FaultReason::LabelNotUtf8);
        let (name, value) = (text(name)?, text(value)?);
        if name.is_empty() || value.is_empty() {
            return Err(FaultReason::EmptyLabel);
        }
        match all.last() {
            Some((before, _)) if *before == name => return Err(FaultReason::DuplicateLabel),
            Some((before, _)) if *before > name => return Err(FaultReason::LabelOrder),
            _ => all.push((name, value)),
        }
    }
    if !all.iter().any(|(name, _)| *name == LabelSet::NAME) {
        return Err(FaultReason::NoMetricName);
    }
    Ok(LabelSet::new(all))
}

use std::cmp::Reverse;
use std::io;
use std::sync::Arc;

use watchfire_schemas::{RecordId, TimeRange, Timestamp};

use crate::engine::Snapshot;
use crate::fields::Dataset;
use crate::filter::{Filter, matches};
use crate::row::{Position, Row};
use crate::split::Split;
use crate::watch::Watch;

/// Documents that are looked at first beside a place in a split; each look after takes four times
/// as many.
const FIRST_LOOK: u32 = 256;

/// Which way to look from a place in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Older,
    Newer,
}

/// The records nearest to a place.
#[derive(Debug)]
pub(crate) struct Neighbours<R> {
    /// Nearest first.
    pub(crate) records: Vec<(RecordId, R)>,
    /// Whether the time was too short. No record is missing between the place and the last one.
    pub(crate) partial: bool,
}

/// Where a record is.
enum Place<'a, D: Dataset> {
    Tail(Row<'a>),
    Split(&'a Arc<Split<D>>, u32),
}

type Found<'a, D> = (Position, Place<'a, D>);

/// The records on one side of a place that the filter means, the nearest `limit` of them. The place
/// itself is on neither side.
pub(crate) fn neighbours<D: Dataset>(
    snapshot: &Snapshot<D>,
    filter: &Filter,
    place: Position,
    direction: Direction,
    limit: usize,
    watch: &Watch,
) -> io::Result<Neighbours<D::Record>> {
    if limit == 0 {
        return Ok(Neighbours {
            records: Vec::new(),
            partial: false,
        });
    }
    let side = Side { place, direction };
    let mut found = Vec::new();
    let mut is_cut = !side.tail(snapshot, filter, limit, watch, &mut found);
    // The nearest time at which one may have been missed.
    let mut missed = place.time;
    for split in side.splits(snapshot) {
        let nearest = side.nearest_time(split);
        let is_full = found.len() >= limit && side.is_beyond(nearest, found[limit - 1].0.time);
        if is_cut || is_full {
            break;
        }
        is_cut = watch.is_over()
            || split.could_match(filter)?
                && !side.split(split, filter, limit, watch, &mut found)?;
        missed = nearest;
        side.settle(&mut found, limit);
    }
    if is_cut {
        found.retain(|(position, _)| side.is_beyond(missed, position.time));
    }
    Ok(Neighbours {
        records: fetch(&found)?,
        partial: is_cut,
    })
}

/// One side of a place.
#[derive(Debug, Clone, Copy)]
struct Side {
    place: Position,
    direction: Direction,
}

impl Side {
    fn holds(self, position: Position) -> bool {
        match self.direction {
            Direction::Older => position < self.place,
            Direction::Newer => position > self.place,
        }
    }

    /// Whether the first time is farther from the place than the second.
    const fn is_beyond(self, far: i64, near: i64) -> bool {
        match self.direction {
            Direction::Older => far < near,
            Direction::Newer => far > near,
        }
    }

    /// Whether none of these times can be on this side.
    fn passes_by(self, min_time: i64, max_time: i64) -> bool {
        match self.direction {
            Direction::Older => min_time > self.place.time,
            Direction::Newer => max_time < self.place.time,
        }
    }

    /// Nearest first, no more than the limit.
    fn settle<D: Dataset>(self, found: &mut Vec<Found<'_, D>>, limit: usize) {
        match self.direction {
            Direction::Older => found.sort_unstable_by_key(|(position, _)| Reverse(*position)),
            Direction::Newer => found.sort_unstable_by_key(|(position, _)| *position),
        }
        found.truncate(limit);
    }

    /// Whether the time sufficed.
    fn tail<'a, D: Dataset>(
        self,
        snapshot: &'a Snapshot<D>,
        filter: &Filter,
        limit: usize,
        watch: &Watch,
        found: &mut Vec<Found<'a, D>>,
    ) -> bool {
        let matcher = matches(filter);
        for batch in &snapshot.tail {
            if self.passes_by(batch.min_time, batch.max_time) {
                continue;
            }
            if watch.is_over() {
                return false;
            }
            for row in batch.rows.iter() {
                if self.holds(row.position()) && matcher.accepts::<D>(row) {
                    found.push((row.position(), Place::Tail(row)));
                }
            }
            // Not each time: sorting costs more than room for some more.
            if found.len() > 4 * limit + 1_000 {
                self.settle(found, limit);
            }
        }
        self.settle(found, limit);
        true
    }

    /// Those that reach to this side, nearest first.
    fn splits<D: Dataset>(self, snapshot: &Snapshot<D>) -> Vec<&Arc<Split<D>>> {
        let mut splits: Vec<_> = snapshot
            .splits
            .iter()
            .filter(|split| !self.passes_by(split.meta.min_time, split.meta.max_time))
            .collect();
        match self.direction {
            Direction::Older => splits.sort_by_key(|split| Reverse(split.meta.max_time)),
            Direction::Newer => splits.sort_by_key(|split| split.meta.min_time),
        }
        splits
    }

    /// The time of a split that is nearest to the place.
    fn nearest_time<D: Dataset>(self, split: &Split<D>) -> i64 {
        match self.direction {
            Direction::Older => split.meta.max_time.min(self.place.time),
            Direction::Newer => split.meta.min_time.max(self.place.time),
        }
    }

    /// Adds what a split has. Whether the time sufficed.
    fn split<'a, D: Dataset>(
        self,
        split: &'a Arc<Split<D>>,
        filter: &Filter,
        limit: usize,
        watch: &Watch,
        found: &mut Vec<Found<'a, D>>,
    ) -> io::Result<bool> {
        let range = match self.direction {
            Direction::Older => TimeRange::ALL,
            Direction::Newer => TimeRange {
                start: Timestamp::from_nanos(self.place.time),
                ..TimeRange::ALL
            },
        };
        let before = (self.direction == Direction::Older).then_some(self.place);
        let mut rest = split.documents(range, before)?;
        let enough = found.len() + limit;
        let mut look = FIRST_LOOK;
        // Documents come newest first, so the nearest newer ones are the last of theirs.
        while !rest.is_empty() && found.len() < enough {
            let window = match self.direction {
                Direction::Older => rest.clone(),
                Direction::Newer => rest.end.saturating_sub(look).max(rest.start)..rest.end,
            };
            let mut documents = Vec::new();
            let is_whole = split
                .select(filter, window.clone())?
                .each(watch, |document| {
                    documents.push(document);
                    self.direction == Direction::Newer || documents.len() < limit
                })?;
            let is_enough = self.direction == Direction::Older && documents.len() >= limit;
            for document in documents {
                let position = split.position(document)?;
                if self.holds(position) {
                    found.push((position, Place::Split(split, document)));
                }
            }
            if !is_whole && !is_enough {
                return Ok(false);
            }
            rest = match self.direction {
                Direction::Older => rest.end..rest.end,
                Direction::Newer => rest.start..window.start,
            };
            look = look.saturating_mul(4);
        }
        Ok(true)
    }
}

/// Reads the records; those of one split together.
fn fetch<D: Dataset>(found: &[Found<'_, D>]) -> io::Result<Vec<(RecordId, D::Record)>> {
    let mut records: Vec<Option<D::Record>> = Vec::with_capacity(found.len());
    let mut in_splits: Vec<(usize, &Arc<Split<D>>, u32)> = Vec::new();
    for (index, (_, place)) in found.iter().enumerate() {
        records.push(match place {
            Place::Tail(row) => Some(D::read(*row).map_err(io::Error::other)?),
            Place::Split(split, document) => {
                in_splits.push((index, split, *document));
                None
            }
        });
    }
    in_splits.sort_by_key(|(_, split, document)| (split.meta.number, *document));
    for group in in_splits.chunk_by(|a, b| a.1.meta.number == b.1.meta.number) {
        let documents: Vec<u32> = group.iter().map(|(_, _, document)| *document).collect();
        for ((index, ..), record) in group.iter().zip(group[0].1.fetch(&documents)?) {
            records[*index] = Some(record);
        }
    }
    let ids = found
        .iter()
        .map(|(position, _)| RecordId::from_u64(position.id));
    Ok(ids
        .zip(records)
        .filter_map(|(id, record)| Some((id, record?)))
        .collect())
}

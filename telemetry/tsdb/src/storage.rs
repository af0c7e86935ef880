//! Where samples are kept: a head in memory, blocks on disk, and a snapshot of the head from which
//! replay of the write-ahead log goes on.

mod bit_pack;
mod block;
mod blocks;
mod carry;
mod catalogue;
mod chunk;
mod compaction;
mod cut;
mod decimal;
mod durable;
mod exemplars;
mod head;
mod head_series;
mod histogram_codec;
mod histogram_sum;
mod label_index;
mod late;
mod limits;
mod merge;
mod metadata;
mod points;
mod postings;
mod refusal;
mod run;
mod sizes;
mod slice;
mod snapshot;
mod store;
mod symbols;
#[cfg(test)]
mod tests;
mod varint;

pub(crate) use catalogue::Wanted;
pub(crate) use metadata::family_of;
pub(crate) use points::Points;
pub(crate) use slice::Slice;
pub(crate) use store::Store;

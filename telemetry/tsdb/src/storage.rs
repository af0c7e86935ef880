//! Where samples are kept: a head in memory, blocks on disk, and a snapshot of the head from which
//! replay of the write-ahead log goes on.

mod bits;
mod block;
mod blocks;
mod carry;
mod chunk;
mod cut;
mod durable;
mod exemplars;
mod gorilla;
mod head;
mod head_series;
mod label_index;
mod late;
mod metadata;
mod points;
mod refusal;
mod slice;
mod snapshot;
mod store;
mod symbols;

pub(crate) use metadata::family_of;
pub(crate) use points::Points;
pub(crate) use slice::Slice;
pub(crate) use store::Store;

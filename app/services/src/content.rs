//! The content service: places of the world and their points of interest, as JSON:API 1.1.
//!
//! The API only reads; what it reads is brought by the [`sync`] worker.

mod api;
mod collection;
mod document;
mod field;
mod include;
mod media_type;
mod opening_hours;
mod problem;
mod query;
pub(crate) mod release;
pub(crate) mod statement;
pub(crate) mod store;
pub(crate) mod sync;
mod tile;

pub(crate) use api::{FORWARDED_PREFIX, ROUTES};
pub(crate) use store::Store;

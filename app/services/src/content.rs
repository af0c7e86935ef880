//! The content service: places of the world and their points of interest, as JSON:API 1.1.
//!
//! The API only reads; what it reads is brought by the [`sync`] worker.

pub(crate) mod answer;
mod api;
mod asked;
pub(crate) mod collection;
mod document;
mod field;
mod include;
mod media_type;
mod opening_hours;
mod problem;
mod query;
pub(crate) mod release;
pub(crate) mod store;
pub(crate) mod sync;
mod tile;

pub(crate) use api::ROUTES;
pub(crate) use asked::FORWARDED_PREFIX;
pub(crate) use store::Store;

/// The path under which the gateway offers it.
pub(crate) const PREFIX: &str = "/api";

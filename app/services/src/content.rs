//! The content service of a travel site: places of the world, what there is to see, where to sleep,
//! tours, articles, books and their authors, as JSON:API 1.1. A data set is a declaration in
//! [`collection`], its tables and its feed.
//!
//! The API only reads; what it reads is brought by the [`sync`] workers.

pub(crate) mod answer;
mod api;
mod asked;
pub(crate) mod collection;
mod document;
mod field;
mod include;
mod links;
mod media_type;
mod opening_hours;
mod problem;
mod query;
pub(crate) mod release;
mod reply;
mod routes;
pub(crate) mod store;
pub(crate) mod sync;
mod tile;

pub(crate) use asked::FORWARDED_PREFIX;
pub(crate) use routes::ROUTES;
pub(crate) use store::Store;

/// The path under which the gateway offers it.
pub(crate) const PREFIX: &str = "/api";

//! Scraping: what is configured in Prometheus' own form is asked for its metrics, again and again.
//!
//! A target has a task of its own, so that a slow one delays no other. Bodies are bounded and read
//! line by line; a series that was seen before costs one look-up. All samples go the collector's
//! usual way: admission, write-ahead log, store.

mod board;
mod bound;
mod client;
mod config;
mod discovery;
mod failure;
mod meters;
mod pool;
pub(crate) mod quantity;
mod reading;
mod relabel;
mod scraper;
mod series_cache;
mod target;
mod target_loop;

pub use board::ScrapeBoard;
pub use config::{ScrapeConfig, ScrapeFinding};
pub use scraper::Scraper;

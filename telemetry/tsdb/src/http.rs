//! Prometheus' HTTP API, as far as it reads.

mod handlers;
mod params;
mod reply;

pub use handlers::http_router;

//! The console: pages, charts and the JSON API.

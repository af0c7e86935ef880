//! The services as a whole, each test on ports of its own, their telemetry taken where the
//! collector would take it.

mod stage;

mod content_document;
mod faults;
mod history;
mod json_api;
mod launching;
mod recording;
mod telemetry;

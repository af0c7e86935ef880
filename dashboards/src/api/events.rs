use std::sync::Arc;

use axum::extract::FromRef;
use watchfire_logsearch::EventStore;
use watchfire_schemas::Clock;

use crate::Console;

/// What the routes of logs and of traces are answered from.
#[derive(Debug, Clone)]
pub(super) struct Events {
    pub(super) events: Arc<EventStore>,
    pub(super) clock: Arc<dyn Clock>,
}

impl FromRef<Console> for Events {
    fn from_ref(console: &Console) -> Self {
        Self {
            events: Arc::clone(&console.events),
            clock: Arc::clone(&console.clock),
        }
    }
}

//! For those who drive the clock themselves: what [`Alerts::run`] does as time passes, one stretch
//! of time at a call.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use watchfire_schemas::Timestamp;

use super::schedule::Schedule;
use crate::{Alerts, DeliveryState, StoreError};

/// More deliveries than may wait at once are not looked at.
const LOOKED_AT: usize = 200;

impl Alerts {
    /// Evaluates each group at the points of its schedule after `since` and up to now, and sends
    /// the pages that are due.
    pub async fn advance(&self, since: Timestamp) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut evaluated = false;
        for group in self.groups().iter() {
            let schedule = Schedule::of(&group.file, &group.rules.name, self.interval_of(group));
            let mut due = schedule.after(since);
            while due <= now {
                self.evaluate_group(group, due).await?;
                evaluated = true;
                due = schedule.after(due);
            }
        }
        self.follow_up(evaluated).await
    }

    /// Delivers what is queued until cancelled, and nothing else.
    pub async fn run_deliveries(self: Arc<Self>, cancel: CancellationToken) {
        Arc::clone(&self.outbox).run(cancel).await;
    }

    /// How many notifications wait to be delivered.
    pub async fn undelivered(&self) -> Result<usize, StoreError> {
        let deliveries = self.deliveries(None, LOOKED_AT).await?;
        let queued = deliveries
            .iter()
            .filter(|d| d.state == DeliveryState::Queued);
        Ok(queued.count())
    }
}

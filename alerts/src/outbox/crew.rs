//! One worker for each lane in use.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{self, JoinSet};
use tokio_util::sync::CancellationToken;

use super::lane::Lane;
use super::lanes::Lanes;
use super::worker::Worker;

/// How long a worker that broke down rests before it begins again.
const REST: Duration = Duration::from_secs(1);

/// The workers that run. Two never work for the same destination: when a lane is replaced, its
/// worker finishes what is under way before the next one begins.
#[derive(Debug, Default)]
pub(super) struct Crew {
    tasks: JoinSet<()>,
    /// By the names of their destinations.
    at_work: HashMap<String, AtWork>,
}

#[derive(Debug)]
struct AtWork {
    task: task::Id,
    lane: Arc<Lane>,
    stop: CancellationToken,
}

impl Crew {
    /// Begins work for lanes that have no worker and ends it for those that are gone.
    pub(super) fn fit(&mut self, lanes: &Lanes, cancel: &CancellationToken) {
        for (name, at_work) in &self.at_work {
            let stays = lanes
                .all()
                .any(|lane| lane.name() == name && Arc::ptr_eq(lane, &at_work.lane));
            if !stays {
                at_work.stop.cancel();
            }
        }
        for lane in lanes.all() {
            if self.at_work.contains_key(lane.name()) {
                continue;
            }
            let stop = cancel.child_token();
            let worker = Worker::new(Arc::clone(lane)).run(stop.clone());
            let task = self.tasks.spawn(worker).id();
            let lane = Arc::clone(lane);
            let at_work = AtWork { task, lane, stop };
            self.at_work.insert(at_work.lane.name().to_owned(), at_work);
        }
    }

    /// Waits for a worker to end. Never, if there is none.
    pub(super) async fn one_ended(&mut self) {
        let Some(ended) = self.tasks.join_next_with_id().await else {
            return std::future::pending().await;
        };
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(error = %error, "a delivery worker broke down");
                tokio::time::sleep(REST).await;
                error.id()
            }
        };
        self.at_work.retain(|_, at_work| at_work.task != id);
    }

    /// Waits for all to end what is under way.
    pub(super) async fn all_ended(mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(error = %error, "a delivery worker broke down");
            }
        }
    }
}

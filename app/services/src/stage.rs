use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::server;

/// Tasks that stop together.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

/// How long requests that are under way may take to finish.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

impl Stage {
    /// Serves until the stage stops, then finishes the requests that are under way.
    pub(crate) fn serve(&self, listener: TcpListener, router: Router) {
        let serving = server::serve(listener, router, self.stop.clone());
        self.tasks.spawn(serving);
    }

    /// Runs a task that ends by itself when the token is cancelled.
    pub(crate) fn spawn<F>(&self, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task(self.stop.clone()));
    }

    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(PATIENCE, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                "{} tasks were still busy after {} s",
                self.tasks.len(),
                PATIENCE.as_secs()
            );
        }
    }
}

impl Drop for Stage {
    /// Nothing goes on when a launch fails half way.
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

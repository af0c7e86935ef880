use std::sync::Mutex;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Writer;

/// The life of one who gathers: prepared, started once, stopped. Stopping one that was never
/// started gives up what was prepared.
#[derive(Debug)]
pub(crate) struct Gathering<T> {
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Taken by the first who starts.
    prepared: Mutex<Option<(T, Writer)>>,
}

impl<T> Gathering<T> {
    pub(crate) fn new(tasks: TaskTracker, gatherer: T, writer: Writer) -> Self {
        Self {
            tasks,
            stop: CancellationToken::new(),
            prepared: Mutex::new(Some((gatherer, writer))),
        }
    }

    /// Lets `begin` start what gathers, among the tasks and until the token is cancelled, and the
    /// writer beside it. A second call does nothing.
    pub(crate) fn start(&self, begin: impl FnOnce(T, &TaskTracker, &CancellationToken)) {
        let Some((gatherer, writer)) = self.take() else {
            return;
        };
        self.tasks.spawn(writer.run());
        begin(gatherer, &self.tasks, &self.stop);
    }

    /// Gathers no more; returns when what was gathered is handed over.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        drop(self.take());
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn take(&self) -> Option<(T, Writer)> {
        let mut prepared = self.prepared.lock().expect("no holder of this lock panics");
        prepared.take()
    }
}

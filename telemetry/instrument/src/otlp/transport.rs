use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tokio::runtime::{self, Runtime};

use crate::builder::StartError;

/// What an exporter's futures run on. gRPC needs a runtime of tokio; the blocking HTTP client
/// refuses to work within one.
#[derive(Debug)]
pub(super) struct Transport {
    runtime: Option<Runtime>,
}

impl Transport {
    pub(super) fn new(uses_grpc: bool) -> Result<Self, StartError> {
        let build = || runtime::Builder::new_current_thread().enable_all().build();
        let runtime = uses_grpc
            .then(build)
            .transpose()
            .map_err(|source| StartError::Thread {
                name: "otlp".to_owned(),
                source,
            })?;
        Ok(Self { runtime })
    }

    /// Makes something that may need the runtime to be there.
    pub(super) fn within<T>(&self, make: impl FnOnce() -> T) -> T {
        let _entered = self.runtime.as_ref().map(Runtime::enter);
        make()
    }

    /// Runs a future to its end on this thread.
    pub(super) fn wait<F: Future>(&self, future: F) -> F::Output {
        match &self.runtime {
            Some(runtime) => runtime.block_on(future),
            None => wait_parked(future),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn wait_parked<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn a_future_is_woken_from_another_thread() {
        let (send, receive) = oneshot::channel();
        let sender = thread::spawn(move || send.send(7));
        assert_eq!(wait_parked(receive), Ok(7));
        assert_eq!(sender.join().unwrap(), Ok(()));
    }
}

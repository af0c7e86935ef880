use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use tracing::{Dispatch, dispatcher};

/// A future that runs with a subscriber, and is dropped with it.
///
/// The second matters when a future is given up half-way: a registry lets go of a span's parent
/// through whatever subscriber is the default at that moment. With another as default the parent
/// would never end, and its span be lost.
pub(crate) struct Scoped<F> {
    dispatch: Dispatch,
    /// Always there until the drop.
    inner: Option<Pin<Box<F>>>,
}

impl<F> Scoped<F> {
    pub(crate) fn new(inner: F, dispatch: Dispatch) -> Self {
        Self {
            dispatch,
            inner: Some(Box::pin(inner)),
        }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { dispatch, inner } = self.get_mut();
        let inner = inner.as_mut().expect("it is there until the drop");
        dispatcher::with_default(dispatch, || inner.as_mut().poll(cx))
    }
}

impl<F> Drop for Scoped<F> {
    fn drop(&mut self) {
        dispatcher::with_default(&self.dispatch, || drop(self.inner.take()));
    }
}

impl<F> fmt::Debug for Scoped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").finish_non_exhaustive()
    }
}

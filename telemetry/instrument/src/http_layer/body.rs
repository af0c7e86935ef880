use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use prometheus_client::metrics::counter::Counter;

/// A body whose bytes are counted as they pass.
pub(super) struct Counted {
    inner: Body,
    bytes: Counter,
}

impl Counted {
    /// A whole body up to this size goes out at once, and is counted as it is handed over.
    const SMALL: u64 = 64 << 10;

    pub(super) fn sent(inner: Body, bytes: &Counter) -> Body {
        match inner.size_hint().exact() {
            Some(size) if size <= Self::SMALL => {
                bytes.inc_by(size);
                inner
            }
            _ => Self::body(inner, bytes),
        }
    }

    pub(super) fn body(inner: Body, bytes: &Counter) -> Body {
        if inner.is_end_stream() {
            return inner;
        }
        let bytes = bytes.clone();
        Body::new(Self { inner, bytes })
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let poll = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &poll
            && let Some(data) = frame.data_ref()
        {
            self.bytes.inc_by(data.len() as u64);
        }
        poll
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

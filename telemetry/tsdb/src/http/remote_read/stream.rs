//! A stream of frames, each a few series as chunks: nothing is held whole, neither here nor by the
//! one who asks.

use axum::body::{Body, Bytes};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use watchfire_schemas::LabelSet;

use super::message::{Message, Query};
use super::{Reading, float_histogram_chunk, xor_chunk};
use crate::http::Api;
use crate::http::federate::with_external;
use crate::http::reply::ApiError;
use crate::storage::Points;

/// How many bytes of chunks a frame holds at most, unless one chunk is more.
const MOST_BYTES: usize = 1 << 20;

/// How many frames may wait for the client.
const WAITING: usize = 4;

/// What is sent: a frame, or why there is no more.
type Sent = Result<Bytes, std::io::Error>;

/// The answer's body; written while the client reads.
pub(super) fn body(
    api: Api,
    queries: &[Query],
    slot: OwnedSemaphorePermit,
) -> Result<Body, ApiError> {
    let started = Instant::now();
    let readings: Result<Vec<_>, _> = queries
        .iter()
        .map(|query| Reading::begin(&api, query, started))
        .collect();
    let readings = readings?;
    let (frames, received) = mpsc::channel::<Sent>(WAITING);
    // It ends by itself: when all is sent, or when the client is gone.
    let _detached = tokio::task::spawn_blocking(move || {
        let _slot = slot;
        for (index, reading) in readings.into_iter().enumerate() {
            let mut writer = Writer {
                frames: &frames,
                index,
                external: &api.facts.external_labels,
            };
            if let Err(error) = writer.all(reading) {
                // The client sees a body that breaks off.
                let broken = std::io::Error::other(error.text().to_owned());
                return drop(frames.blocking_send(Err(broken)));
            }
        }
    });
    Ok(Body::from_stream(ReceiverStream::new(received)))
}

struct Writer<'a> {
    frames: &'a mpsc::Sender<Sent>,
    /// Which of the request's queries is answered.
    index: usize,
    external: &'a LabelSet,
}

impl Writer<'_> {
    /// A frame is of one series; a series of many chunks has several.
    fn all(&mut self, mut reading: Reading) -> Result<(), ApiError> {
        let mut points = Points::default();
        while let Some(slice) = reading.next(&mut points)? {
            let labels = with_external(&slice.labels, self.external);
            let mut chunks = Message::default();
            let floats = points
                .floats
                .chunks(xor_chunk::SAMPLES)
                .map(xor_chunk::message);
            let histograms = points.histograms.iter().map(float_histogram_chunk::message);
            for chunk in floats.chain(histograms) {
                if !chunks.0.is_empty() && chunks.0.len() + chunk.0.len() > MOST_BYTES {
                    self.send(&labels, &std::mem::take(&mut chunks))?;
                }
                chunks.bytes(2, &chunk.0);
            }
            self.send(&labels, &chunks)?;
        }
        Ok(())
    }

    fn send(&self, labels: &LabelSet, chunks: &Message) -> Result<(), ApiError> {
        let mut series = Message::default();
        series.labels(labels);
        series.0.extend_from_slice(&chunks.0);
        let mut response = Message::default();
        response.bytes(1, &series.0);
        response.int(2, self.index as i64);
        let sent = self.frames.blocking_send(Ok(framed(&response.0)));
        sent.map_err(|_| ApiError::unavailable("the client is gone"))
    }
}

/// Length, checksum (Castagnoli), message.
fn framed(message: &[u8]) -> Bytes {
    let mut frame = Message::default();
    frame.varint(message.len() as u64);
    frame
        .0
        .extend_from_slice(&crc32c::crc32c(message).to_be_bytes());
    frame.0.extend_from_slice(message);
    Bytes::from(frame.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_its_length_its_checksum_and_the_message() {
        // The checksum of "123456789" is the one by which CRCs are told apart.
        assert_eq!(&framed(b"123456789")[..], b"\x09\xe3\x06\x92\x83123456789");
    }
}

use tokio::time::Instant;

use super::message::{Message, Query};
use super::{MOST_SAMPLES, Reading};
use crate::http::Api;
use crate::http::federate::with_external;
use crate::http::reply::ApiError;
use crate::storage::Points;

/// A `ReadResponse` with all samples, compressed.
pub(super) fn packed(api: &Api, queries: &[Query]) -> Result<Vec<u8>, ApiError> {
    let (mut response, mut points) = (Message::default(), Points::default());
    let (started, mut count) = (Instant::now(), 0);
    for query in queries {
        let mut reading = Reading::begin(api, query, started)?;
        let mut result = Message::default();
        while let Some(slice) = reading.next(&mut points)? {
            count += points.floats.len() + points.histograms.len();
            if count > MOST_SAMPLES {
                return Err(ApiError::bad_data(format!(
                    "exceeded sample limit ({MOST_SAMPLES})"
                )));
            }
            let mut series = Message::default();
            series.labels(&with_external(&slice.labels, &api.facts.external_labels));
            for &sample in &points.floats {
                series.sample(sample);
            }
            for sample in &points.histograms {
                series.histogram(sample);
            }
            result.bytes(1, &series.0);
        }
        response.bytes(1, &result.0);
    }
    snap::raw::Encoder::new()
        .compress_vec(&response.0)
        .map_err(|error| ApiError::internal(format!("the answer cannot be compressed: {error}")))
}

//! The messages of remote read, in protobuf.

use promql_parser::label::{MatchOp, Matcher};
use watchfire_schemas::{CounterReset, HistogramBuckets, HistogramSample, LabelSet, Sample};

use super::ApiError;

/// A `ReadRequest`.
#[derive(Debug)]
pub(super) struct ReadRequest {
    pub(super) queries: Vec<Query>,
    /// Whether the client takes a stream of chunks and likes it best.
    pub(super) takes_stream: bool,
}

/// A `Query`. Its hints tell how the samples will be used, which changes nothing for us.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) matchers: Vec<Matcher>,
}

/// The response type of chunks in a stream.
const STREAMED_XOR_CHUNKS: u64 = 1;

impl ReadRequest {
    pub(super) fn read(body: &[u8]) -> Result<Self, ApiError> {
        let (mut queries, mut accepted) = (Vec::new(), Vec::new());
        for field in Fields(body) {
            match field? {
                (1, Value::Bytes(query)) => queries.push(Query::read(query)?),
                (2, Value::Number(kind)) => accepted.push(kind),
                (2, Value::Bytes(packed)) => accepted.extend(packed.iter().copied().map(u64::from)),
                _ => {}
            }
        }
        // The first that we know is taken, and we know both.
        let known = accepted.iter().find(|kind| **kind <= STREAMED_XOR_CHUNKS);
        Ok(Self {
            queries,
            takes_stream: known == Some(&STREAMED_XOR_CHUNKS),
        })
    }
}

impl Query {
    fn read(body: &[u8]) -> Result<Self, ApiError> {
        let mut query = Self::default();
        for field in Fields(body) {
            match field? {
                (1, Value::Number(from)) => query.from = from as i64,
                (2, Value::Number(to)) => query.to = to as i64,
                (3, Value::Bytes(matcher)) => query.matchers.push(matcher_of(matcher)?),
                _ => {}
            }
        }
        Ok(query)
    }
}

fn matcher_of(body: &[u8]) -> Result<Matcher, ApiError> {
    let (mut kind, mut name, mut value) = (0, String::new(), String::new());
    for field in Fields(body) {
        match field? {
            (1, Value::Number(number)) => kind = number,
            (2, Value::Bytes(bytes)) => name = text(bytes)?,
            (3, Value::Bytes(bytes)) => value = text(bytes)?,
            _ => {}
        }
    }
    let regex = || {
        let regex = regex::Regex::new(&format!("^(?:{value})$"));
        regex.map_err(|error| ApiError::bad_data(error.to_string()))
    };
    let op = match kind {
        0 => MatchOp::Equal,
        1 => MatchOp::NotEqual,
        2 => MatchOp::Re(regex()?),
        3 => MatchOp::NotRe(regex()?),
        _ => {
            return Err(ApiError::bad_data(format!(
                "there is no matcher type {kind}"
            )));
        }
    };
    Ok(Matcher::new(op, &name, &value))
}

fn text(bytes: &[u8]) -> Result<String, ApiError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| ApiError::bad_data("a label is no UTF-8"))
}

/// The fields of a message.
struct Fields<'b>(&'b [u8]);

enum Value<'b> {
    Number(u64),
    Bytes(&'b [u8]),
}

impl<'b> Iterator for Fields<'b> {
    type Item = Result<(u64, Value<'b>), ApiError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or_else(|| ApiError::bad_data("the request is no protobuf")))
    }
}

impl<'b> Fields<'b> {
    fn field(&mut self) -> Option<(u64, Value<'b>)> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Bytes(self.take(8)?),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Bytes(self.take(4)?),
            _ => return None,
        };
        Some((key >> 3, value))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for place in 0..10 {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

/// A message that is being written.
#[derive(Debug, Default)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    pub(super) fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// A field of bytes.
    pub(super) fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// A whole number; zero is left out.
    pub(super) fn int(&mut self, field: u64, number: i64) {
        if number != 0 {
            self.varint(field << 3);
            self.varint(number as u64);
        }
    }

    fn sint(&mut self, field: u64, number: i64) {
        self.int(field, number << 1 ^ number >> 63);
    }

    fn double(&mut self, field: u64, number: f64) {
        if number.to_bits() != 0 {
            self.double_always(field, number);
        }
    }

    /// A number that is written as zero too: one of a choice.
    fn double_always(&mut self, field: u64, number: f64) {
        self.varint(field << 3 | 1);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// `repeated Label labels = 1`.
    pub(super) fn labels(&mut self, labels: &LabelSet) {
        for (name, value) in labels.iter() {
            let mut label = Self::default();
            label.bytes(1, name.as_bytes());
            label.bytes(2, value.as_bytes());
            self.bytes(1, &label.0);
        }
    }

    /// `repeated Sample samples = 2`.
    pub(super) fn sample(&mut self, sample: Sample) {
        let mut message = Self::default();
        message.double(1, sample.v);
        message.int(2, sample.t);
        self.bytes(2, &message.0);
    }

    /// `repeated Histogram histograms = 4`, in its form of floats.
    pub(super) fn histogram(&mut self, sample: &HistogramSample) {
        let (histogram, mut message) = (&sample.h, Self::default());
        message.double_always(2, histogram.count);
        message.double(3, histogram.sum);
        message.sint(4, i64::from(histogram.schema));
        message.double(5, histogram.zero_threshold);
        message.double_always(7, histogram.zero_count);
        message.buckets(8, 10, &histogram.negative);
        message.buckets(11, 13, &histogram.positive);
        message.int(
            14,
            match histogram.reset {
                CounterReset::Unknown => 0,
                CounterReset::Reset => 1,
                CounterReset::NoReset => 2,
                CounterReset::Gauge => 3,
            },
        );
        message.int(15, sample.t);
        message.doubles(16, &histogram.custom_bounds);
        self.bytes(4, &message.0);
    }

    fn buckets(&mut self, spans: u64, counts: u64, buckets: &HistogramBuckets) {
        for span in &buckets.spans {
            let mut message = Self::default();
            message.sint(1, i64::from(span.offset));
            message.int(2, i64::from(span.length));
            self.bytes(spans, &message.0);
        }
        self.doubles(counts, &buckets.counts);
    }

    fn doubles(&mut self, field: u64, numbers: &[f64]) {
        if !numbers.is_empty() {
            let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
            self.bytes(field, &bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(accepted: &[u8]) -> Vec<u8> {
        let mut matcher = Message::default();
        matcher.int(1, 2);
        matcher.bytes(2, b"job");
        matcher.bytes(3, b"a.*");
        let mut query = Message::default();
        query.int(1, -5);
        query.int(2, 9000);
        query.bytes(3, &matcher.0);
        query.bytes(4, b"\x08\x01");
        let mut request = Message::default();
        request.bytes(1, &query.0);
        for kind in accepted {
            request.varint(2 << 3);
            request.varint(u64::from(*kind));
        }
        request.0
    }

    #[test]
    fn a_request_is_read() {
        let read = ReadRequest::read(&request(&[])).unwrap();
        let query = &read.queries[0];
        assert_eq!((query.from, query.to, read.takes_stream), (-5, 9000, false));
        assert_eq!(query.matchers[0].name, "job");
        assert!(query.matchers[0].is_match("abc"));
    }

    #[test]
    fn the_first_known_form_is_taken() {
        for (accepted, takes_stream) in [(&[1, 0][..], true), (&[0, 1], false), (&[7, 1], true)] {
            let read = ReadRequest::read(&request(accepted)).unwrap();
            assert_eq!(read.takes_stream, takes_stream, "{accepted:?}");
        }
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        let whole = request(&[1]);
        let read = |length: usize| ReadRequest::read(&whole[..length]).is_err();
        assert!((1..whole.len() - 2).all(read));
    }
}

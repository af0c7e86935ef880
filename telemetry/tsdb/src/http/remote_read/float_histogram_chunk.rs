//! Prometheus' chunk of native histograms, each chunk with one of them: histograms of different
//! buckets cannot share one, and a stream of them is rare.

use watchfire_schemas::{CounterReset, HistogramSample, NativeHistogram};

use super::bit_writer::BitWriter;
use super::message::Message;

/// The number of this encoding.
const FLOAT_HISTOGRAM: i64 = 3;

/// Prefix bits of a number, how many they are, and how many bits the number then has.
const WIDTHS: [(u64, u32, u32); 8] = [
    (0b10, 2, 3),
    (0b110, 3, 6),
    (0b1110, 4, 9),
    (0b1_1110, 5, 12),
    (0b11_1110, 6, 18),
    (0b111_1110, 7, 25),
    (0b1111_1110, 8, 56),
    (0b1111_1111, 8, 64),
];

/// A `Chunk` of one histogram.
pub(super) fn message(sample: &HistogramSample) -> Message {
    let mut message = Message::default();
    message.int(1, sample.t);
    message.int(2, sample.t);
    message.int(3, FLOAT_HISTOGRAM);
    message.bytes(4, &encoded(sample));
    message
}

fn encoded(sample: &HistogramSample) -> Vec<u8> {
    let (histogram, mut writer) = (&sample.h, BitWriter::default());
    writer.bits(1, 16);
    writer.bits(reset_bits(histogram.reset), 8);
    push_layout(&mut writer, histogram);
    push_signed(&mut writer, sample.t);
    for number in [histogram.count, histogram.zero_count, histogram.sum] {
        writer.bits(number.to_bits(), 64);
    }
    let counts = histogram.positive.counts.iter();
    for count in counts.chain(&histogram.negative.counts) {
        writer.bits(count.to_bits(), 64);
    }
    writer.into_bytes()
}

/// The two highest bits of the chunk's flags.
const fn reset_bits(reset: CounterReset) -> u64 {
    match reset {
        CounterReset::Unknown => 0,
        CounterReset::NoReset => 0b0100_0000,
        CounterReset::Reset => 0b1000_0000,
        CounterReset::Gauge => 0b1100_0000,
    }
}

fn push_layout(writer: &mut BitWriter, histogram: &NativeHistogram) {
    push_zero_threshold(writer, histogram.zero_threshold);
    push_signed(writer, i64::from(histogram.schema));
    for buckets in [&histogram.positive, &histogram.negative] {
        push_unsigned(writer, buckets.spans.len() as u64);
        for span in &buckets.spans {
            push_unsigned(writer, u64::from(span.length));
            push_signed(writer, i64::from(span.offset));
        }
    }
    if histogram.has_custom_bounds() {
        push_unsigned(writer, histogram.custom_bounds.len() as u64);
        for &bound in &histogram.custom_bounds {
            push_bound(writer, bound);
        }
    }
}

/// One byte for zero and for the usual powers of two, nine for others.
fn push_zero_threshold(writer: &mut BitWriter, threshold: f64) {
    let bits = threshold.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i64 - 1022;
    let is_power = bits.trailing_zeros() >= 52 && (-242..=11).contains(&exponent);
    if threshold == 0.0 {
        writer.bits(0, 8);
    } else if threshold > 0.0 && is_power {
        writer.bits((exponent + 243) as u64, 8);
    } else {
        writer.bits(0xff, 8);
        writer.bits(bits, 64);
    }
}

/// A bound of at most three places is written as a whole number, others as they are.
fn push_bound(writer: &mut BitWriter, bound: f64) {
    let thousandfold = (bound * 1000.0).round();
    let fits = (0.0..=33_554_430.0).contains(&(bound * 1000.0));
    if fits && (thousandfold / 1000.0).to_bits() == bound.to_bits() {
        push_unsigned(writer, thousandfold as u64 + 1);
    } else {
        writer.bit(false);
        writer.bits(bound.to_bits(), 64);
    }
}

fn push_signed(writer: &mut BitWriter, number: i64) {
    if number == 0 {
        return writer.bit(false);
    }
    for (mark, length, width) in WIDTHS {
        let half = 1_i128 << (width - 1);
        if (-(half - 1)..=half).contains(&i128::from(number)) || width == 64 {
            return push_marked(writer, mark, (length, width), number as u64);
        }
    }
}

fn push_unsigned(writer: &mut BitWriter, number: u64) {
    if number == 0 {
        return writer.bit(false);
    }
    for (mark, length, width) in WIDTHS {
        if width == 64 || number < 1 << width {
            return push_marked(writer, mark, (length, width), number);
        }
    }
}

fn push_marked(writer: &mut BitWriter, mark: u64, (length, width): (u32, u32), number: u64) {
    writer.bits(mark, length);
    writer.bits(number, width);
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::{BucketSpan, HistogramBuckets};

    use super::*;

    #[test]
    fn numbers_take_as_many_bits_as_they_need() {
        let bytes = |number| {
            let mut writer = BitWriter::default();
            push_signed(&mut writer, number);
            writer.into_bytes()
        };
        assert_eq!(bytes(0), [0]);
        assert_eq!(bytes(4), [0b1010_0000]);
        assert_eq!(bytes(-3), [0b1010_1000]);
        assert_eq!(bytes(5), [0b1100_0010, 0b1000_0000]);
        assert_eq!(bytes(i64::MIN), [0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_chunk_begins_with_the_layout() {
        let histogram = NativeHistogram {
            reset: CounterReset::Gauge,
            zero_threshold: 2_f64.powi(-128),
            count: 1.0,
            positive: HistogramBuckets {
                spans: vec![BucketSpan {
                    offset: 0,
                    length: 1,
                }],
                counts: vec![1.0],
            },
            ..NativeHistogram::default()
        };
        let bytes = encoded(&HistogramSample { t: 0, h: histogram });
        // One histogram, a gauge's, the usual threshold; schema 0, one span of length 1 at 0, no
        // negative ones, time 0.
        assert_eq!(bytes[..6], [0, 1, 0xc0, 116, 0b0100_0110, 0b0010_0000]);
        assert_eq!(bytes.len(), 4 + 2 + 4 * 8);
    }
}

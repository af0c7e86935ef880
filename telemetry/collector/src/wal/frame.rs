use std::borrow::Cow;

use bytes::Bytes;
use watchfire_schemas::{BatchSeq, Timestamp};

/// `len u32 | crc32c u32 | kind u8 | version u8 | seq u64 | received_at i64`, little endian.
pub(super) const FRAME_HEADER: usize = 26;
/// Frames start at multiples of this, so that a search for one after damage has fewer places to look.
pub(super) const ALIGN: usize = 8;
/// The last version of a frame that is read here.
const LAST_VERSION: u8 = Frame::WRITE_2_0;
/// Set in the byte of the kind when the payload is lz4 with its size in front.
const LZ4: u8 = 0x80;
/// Below this, compression costs more than it saves.
const COMPRESS_ABOVE: usize = 1024;

/// What a batch holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Log records.
    Logs = 1,
    /// Records of the quarantine.
    Quarantine = 2,
    /// Spans.
    Spans = 3,
    /// Samples of series.
    Metrics = 4,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Logs, Self::Quarantine, Self::Spans, Self::Metrics];

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }

    /// The version in which batches of our own making are written.
    const fn version(self) -> u8 {
        match self {
            Self::Logs | Self::Quarantine => Frame::BINARY,
            Self::Spans => Frame::BINARY_SPANS,
            Self::Metrics => Frame::SERIES,
        }
    }
}

/// A batch ready to be written, save its number. Packed by whoever hands it in, so that the one
/// writer does not spend its time on compression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packed {
    kind: u8,
    version: u8,
    received_at: Timestamp,
    payload: Bytes,
}

impl Packed {
    pub(crate) fn new(kind: Kind, received_at: Timestamp, plain: Vec<u8>) -> Self {
        let compressed = (plain.len() > COMPRESS_ABOVE)
            .then(|| lz4_flex::block::compress_prepend_size(&plain))
            .filter(|compressed| compressed.len() < plain.len());
        let version = kind.version();
        let (kind, payload) = match compressed {
            Some(compressed) => (kind as u8 | LZ4, compressed),
            None => (kind as u8, plain),
        };
        Self {
            kind,
            version,
            received_at,
            payload: payload.into(),
        }
    }

    /// A payload that is written as it is, in a version that says what it is.
    pub(crate) fn as_it_came(
        kind: Kind,
        version: u8,
        received_at: Timestamp,
        payload: Bytes,
    ) -> Self {
        Self {
            kind: kind as u8,
            version,
            received_at,
            payload,
        }
    }

    /// A batch that was read back, to be written elsewhere as it is.
    pub(crate) fn again(frame: &Frame) -> Self {
        let compressed = if frame.is_compressed { LZ4 } else { 0 };
        Self {
            kind: frame.kind as u8 | compressed,
            version: frame.version,
            received_at: frame.received_at,
            payload: frame.payload.clone().into(),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        Kind::from_byte(self.kind & !LZ4).expect("made of a kind")
    }

    /// How many bytes of a segment it takes.
    pub(super) fn frame_len(&self) -> usize {
        (FRAME_HEADER + self.payload.len()).next_multiple_of(ALIGN)
    }

    /// Appends the frame, padded, to `out`.
    pub(crate) fn write(&self, out: &mut Vec<u8>, segment: u64, seq: BatchSeq) {
        let start = out.len();
        out.extend_from_slice(&(self.payload.len() as u32).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&[self.kind, self.version]);
        out.extend_from_slice(&seq.0.to_le_bytes());
        out.extend_from_slice(&self.received_at.nanos().to_le_bytes());
        out.extend_from_slice(&self.payload);
        let crc = checksum(segment, &out[start..]);
        out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
        out.resize(start + self.frame_len(), 0);
    }
}

/// A batch as it was read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) version: u8,
    pub(crate) seq: BatchSeq,
    pub(crate) received_at: Timestamp,
    pub(crate) payload: Vec<u8>,
    /// Whether the payload is lz4 with its size in front.
    pub(crate) is_compressed: bool,
}

impl Frame {
    /// The last version that held log records as lines.
    pub(crate) const LINES: u8 = 1;
    /// The last version that held series without histograms and metadata; of records the one that
    /// holds them in the binary form.
    pub(crate) const BINARY: u8 = 2;
    /// The last version that held spans as lines.
    pub(crate) const SPAN_LINES: u8 = 2;
    /// Spans in the binary form.
    const BINARY_SPANS: u8 = 3;
    /// Series and metadata as postcard.
    pub(crate) const SERIES: u8 = 3;
    /// A body of remote write 1.0 as it came, snappy and all.
    pub(crate) const WRITE_1_0: u8 = 4;
    /// The same of 2.0.
    pub(crate) const WRITE_2_0: u8 = 5;

    /// The payload as it was packed.
    pub(crate) fn plain(&self) -> Result<Cow<'_, [u8]>, lz4_flex::block::DecompressError> {
        if !self.is_compressed {
            return Ok(Cow::Borrowed(&self.payload));
        }
        lz4_flex::block::decompress_size_prepended(&self.payload).map(Cow::Owned)
    }
}

/// Why there is no frame at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoFrame {
    /// Zeros, or no room for a frame: the log ends here.
    End,
    /// Something is there, but it is no whole frame of this segment.
    Broken,
    /// A whole frame that this binary cannot read: its kind and version.
    Foreign(u8, u8),
}

/// Reads the frame at `at`; with it, the place where the next one starts.
pub(super) fn read(bytes: &[u8], at: usize, segment: u64) -> Result<(Frame, usize), NoFrame> {
    let rest = bytes.get(at..).unwrap_or_default();
    let Some(header) = rest.get(..FRAME_HEADER) else {
        return Err(NoFrame::End);
    };
    if header.iter().all(|byte| *byte == 0) {
        return Err(NoFrame::End);
    }
    let len = u32::from_le_bytes(array(&header[0..4])) as usize;
    let crc = u32::from_le_bytes(array(&header[4..8]));
    let Some(frame) = rest.get(..FRAME_HEADER + len) else {
        return Err(NoFrame::Broken);
    };
    if checksum(segment, frame) != crc {
        return Err(NoFrame::Broken);
    }
    let (kind, version) = (header[8] & !LZ4, header[9]);
    let known = (1..=LAST_VERSION).contains(&version);
    let Some(kind_of) = Kind::from_byte(kind).filter(|_| known) else {
        return Err(NoFrame::Foreign(kind, version));
    };
    let frame = Frame {
        kind: kind_of,
        version,
        seq: BatchSeq(u64::from_le_bytes(array(&header[10..18]))),
        received_at: Timestamp::from_nanos(i64::from_le_bytes(array(&header[18..26]))),
        payload: frame[FRAME_HEADER..].to_vec(),
        is_compressed: header[8] & LZ4 != 0,
    };
    Ok((frame, at + (FRAME_HEADER + len).next_multiple_of(ALIGN)))
}

/// Over the segment's number and the whole frame save the checksum itself.
fn checksum(segment: u64, frame: &[u8]) -> u32 {
    let crc = crc32c::crc32c(&segment.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &frame[0..4]);
    crc32c::crc32c_append(crc, &frame[8..])
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the caller cut the slice to size")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(packed: &Packed, segment: u64, seq: u64) -> Vec<u8> {
        let mut out = Vec::new();
        packed.write(&mut out, segment, BatchSeq(seq));
        out
    }

    #[test]
    fn large_payloads_are_compressed_and_small_ones_are_not() {
        let at = Timestamp::from_secs(1);
        let large = Packed::new(Kind::Logs, at, vec![b'a'; 100_000]);
        assert!(large.frame_len() < 2_000);
        let small = Packed::new(Kind::Logs, at, vec![b'a'; 100]);
        assert_eq!(small.frame_len(), 128);
    }

    #[test]
    fn a_frame_of_another_segment_does_not_count() {
        let bytes = written(
            &Packed::new(Kind::Spans, Timestamp::default(), b"x".to_vec()),
            7,
            1,
        );
        assert!(read(&bytes, 0, 7).is_ok());
        assert_eq!(read(&bytes, 0, 8), Err(NoFrame::Broken));
        assert_eq!(read(&[0; 64], 0, 7), Err(NoFrame::End));
        let mut foreign = bytes.clone();
        foreign[9] = 9;
        let crc = checksum(7, &foreign[..=FRAME_HEADER]);
        foreign[4..8].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(read(&foreign, 0, 7), Err(NoFrame::Foreign(3, 9)));
        assert_eq!(read(&bytes, bytes.len(), 7), Err(NoFrame::End));
    }

    proptest! {
        #[test]
        fn frames_survive_and_any_flipped_bit_is_seen(
            payload in proptest::collection::vec(any::<u8>(), 0..3000), seq in 1_u64.., nanos: i64, bit in 0_usize..1 << 20,
        ) {
            let at = Timestamp::from_nanos(nanos);
            let packed = Packed::new(Kind::Metrics, at, payload.clone());
            let mut bytes = written(&packed, 3, seq);
            let (frame, end) = read(&bytes, 0, 3).expect("just written");
            prop_assert_eq!(end, bytes.len());
            prop_assert_eq!((frame.kind, frame.version, frame.seq, frame.received_at), (Kind::Metrics, Frame::SERIES, BatchSeq(seq), at));
            prop_assert_eq!(Packed::again(&frame), packed.clone());
            prop_assert_eq!(frame.plain().expect("just packed"), payload);
            let bit = bit % ((FRAME_HEADER + packed.payload.len()) * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(read(&bytes, 0, 3), Err(NoFrame::Broken));
        }
    }
}

use super::service::with_service;

/// A line that is longer goes nowhere; the server would not take it.
const LONGEST_LINE: usize = 16 << 20;
/// A batch is full when it holds this much, whatever its number of lines.
const FULL_BYTES: usize = 1 << 20;

/// Lines of one request and where in the source they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) body: Vec<u8>,
    /// The number of each line in the source, from 1.
    pub(super) numbers: Vec<u64>,
}

/// Gathers bytes to lines and lines to batches.
#[derive(Debug)]
pub(super) struct Batches {
    most_lines: usize,
    from_line: u64,
    service: Option<String>,
    /// What came of a line that has not ended.
    line: Vec<u8>,
    is_too_long: bool,
    /// The number of the line that is being read.
    number: u64,
    gathered: Batch,
}

/// What a step of gathering brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gathered {
    pub(super) full: Vec<Batch>,
    /// Numbers of lines that are too long to be sent.
    pub(super) too_long: Vec<u64>,
}

impl Batch {
    /// Both halves; `None` if there is but one line.
    pub(super) fn halves(&self) -> Option<(Self, Self)> {
        let middle = self.numbers.len() / 2;
        if middle == 0 {
            return None;
        }
        let mut ends = self.body.iter().enumerate().filter(|(_, b)| **b == b'\n');
        let (end, _) = ends.nth(middle - 1)?;
        let half = |body: &[u8], numbers: &[u64]| Self {
            body: body.to_vec(),
            numbers: numbers.to_vec(),
        };
        let (first, second) = self.body.split_at(end + 1);
        Some((
            half(first, &self.numbers[..middle]),
            half(second, &self.numbers[middle..]),
        ))
    }

    /// `line 5`, `lines 5 to 9`.
    pub(super) fn place(&self) -> String {
        match self.numbers.as_slice() {
            [] => "no line".to_owned(),
            [only] => format!("line {only}"),
            [first, .., last] => format!("lines {first} to {last}"),
        }
    }
}

impl Batches {
    pub(super) fn new(most_lines: usize, from_line: u64, service: Option<String>) -> Self {
        Self {
            most_lines,
            from_line,
            service,
            line: Vec::new(),
            is_too_long: false,
            number: 1,
            gathered: Batch::default(),
        }
    }

    /// Takes more of the source.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Gathered {
        let mut come = Gathered::default();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.is_too_long |= self.line.len() + piece.len() > LONGEST_LINE;
            if !self.is_too_long {
                self.line.extend_from_slice(piece);
            }
            if piece.ends_with(b"\n") {
                self.end_line(&mut come);
            }
        }
        come
    }

    /// What has gathered so far of whole lines.
    pub(super) fn take(&mut self) -> Option<Batch> {
        let batch = std::mem::take(&mut self.gathered);
        (!batch.numbers.is_empty()).then_some(batch)
    }

    /// The rest, its last line even if no line feed ends it.
    pub(super) fn finish(&mut self) -> Gathered {
        let mut come = Gathered::default();
        if !self.line.is_empty() || self.is_too_long {
            self.end_line(&mut come);
        }
        come.full.extend(self.take());
        come
    }

    fn end_line(&mut self, come: &mut Gathered) {
        let number = self.number;
        self.number += 1;
        let line = std::mem::take(&mut self.line);
        let is_too_long = std::mem::take(&mut self.is_too_long);
        if number < self.from_line {
            return;
        }
        if is_too_long {
            come.too_long.push(number);
            return;
        }
        let line = line.trim_ascii();
        // A byte order mark is no part of the first line.
        let line = match line.strip_prefix(b"\xef\xbb\xbf") {
            Some(rest) if number == 1 => rest,
            _ => line,
        };
        if line.is_empty() {
            return;
        }
        if self.gathered.body.len() + line.len() > FULL_BYTES {
            come.full.extend(self.take());
        }
        match &self.service {
            Some(service) => with_service(line, service, &mut self.gathered.body),
            None => self.gathered.body.extend_from_slice(line),
        }
        self.gathered.body.push(b'\n');
        self.gathered.numbers.push(number);
        if self.gathered.numbers.len() >= self.most_lines {
            come.full.extend(self.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(body: &str, numbers: &[u64]) -> Batch {
        Batch {
            body: body.as_bytes().to_vec(),
            numbers: numbers.to_vec(),
        }
    }

    #[test]
    fn lines_keep_their_numbers_however_the_bytes_come() {
        let text = "\u{feff}a\r\n\n  b\n\t\nc\nd";
        for size in [1, 3, 100] {
            let mut batches = Batches::new(2, 1, None);
            let mut full = Vec::new();
            for chunk in text.as_bytes().chunks(size) {
                full.extend(batches.push(chunk).full);
            }
            full.extend(batches.finish().full);
            let expected = [batch("a\nb\n", &[1, 3]), batch("c\nd\n", &[5, 6])];
            assert_eq!(full, expected, "in chunks of {size}");
        }
    }

    #[test]
    fn lines_before_the_first_are_passed_over() {
        let mut batches = Batches::new(9, 3, None);
        assert_eq!(batches.push(b"a\nb\nc\nd"), Gathered::default());
        assert_eq!(batches.take(), Some(batch("c\n", &[3])));
        assert_eq!(batches.take(), None);
        assert_eq!(batches.finish().full, [batch("d\n", &[4])]);
    }

    #[test]
    fn a_line_without_end_is_not_kept() {
        let mut batches = Batches::new(9, 1, None);
        let endless = vec![b'x'; 1 << 20];
        for _ in 0..40 {
            assert_eq!(batches.push(&endless), Gathered::default());
        }
        assert!(batches.line.capacity() <= 2 * LONGEST_LINE);
        let come = batches.push(b"\nshort\n");
        assert_eq!(come.too_long, [1]);
        assert_eq!(batches.take(), Some(batch("short\n", &[2])));
    }

    #[test]
    fn batches_are_bounded_in_bytes() {
        let mut batches = Batches::new(1_000, 1, None);
        let line = format!("{}\n", "x".repeat(FULL_BYTES / 2 + 1));
        let come = batches.push(line.repeat(3).as_bytes());
        assert_eq!(come.full.len(), 2);
        assert_eq!(batches.finish().full[0].numbers, [3]);
    }

    #[test]
    fn a_batch_can_be_halved_down_to_a_line() {
        let (first, second) = batch("a\nb\nc\n", &[1, 4, 5]).halves().unwrap();
        assert_eq!(
            (first, &second),
            (batch("a\n", &[1]), &batch("b\nc\n", &[4, 5]))
        );
        assert_eq!(second.place(), "lines 4 to 5");
        assert_eq!(batch("a\n", &[1]).halves(), None);
    }
}

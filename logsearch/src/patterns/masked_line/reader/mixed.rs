use super::Reader;
use crate::patterns::masked_line::WordKind;
use crate::patterns::masked_line::bytes::is_alphanumeric;
use crate::patterns::masked_line::names::{Run, inner_stops, run};
use crate::patterns::masks::{self, Mask};

/// Words with digits in them that are no value as a whole.
impl Reader<'_> {
    /// A word with digits in it that is no value as a whole: each of its parts is looked at.
    pub(super) fn mixed(&mut self, end: usize) {
        let start = self.masked.text.len();
        let (first, mut stays, mut looks) = (self.at, false, Looks::None);
        let mut at = first;
        while at < end {
            let byte = self.bytes[at];
            if !is_alphanumeric(byte) {
                if !(byte == b'-' && self.is_sign(first, at)) {
                    self.masked.text.push(char::from(byte));
                }
                at += 1;
                continue;
            }
            let rest = &self.bytes[at..end];
            let found = masks::value(rest)
                .filter(|(mask, _)| matches!(mask, Mask::Uuid | Mask::Ip | Mask::Hex | Mask::Time));
            if let Some((mask, len)) = found {
                self.masked.text.push_str(mask.as_str());
                looks = looks.and(mask);
                at += len;
                continue;
            }
            if let Some(len) = fraction(rest) {
                self.masked.text.push_str(Mask::Number.as_str());
                looks = looks.and(Mask::Number);
                at += len;
                continue;
            }
            let len = rest
                .iter()
                .take_while(|byte| is_alphanumeric(**byte))
                .count();
            let after_at = at > first && self.bytes[at - 1] == b'@';
            let taken = self.run(at, at + len, after_at);
            match taken {
                Some(mask) => looks = looks.and(mask),
                None => stays = true,
            }
            at += len;
        }
        if !stays {
            self.masked.text.truncate(start);
            self.mask(looks.mask());
            let last = self.bytes[..end]
                .iter()
                .rposition(|byte| is_alphanumeric(*byte));
            let rest = last.map_or(end, |last| last + 1).max(first);
            self.masked.text.push_str(&self.line[rest..end]);
            self.at = end;
            return;
        }
        self.close(start, end);
    }

    /// Ends a word of which something stays.
    fn close(&mut self, start: usize, end: usize) {
        let stops = inner_stops(&self.bytes[self.at..end]);
        let text = self.masked.text.split_off(start);
        if self.is_long_name(stops, end) {
            return;
        }
        let word = text.trim_end_matches(['.', '-', '_', '#', '*', '+', '~', '$']);
        self.masked.text.push_str(word);
        self.masked.push(start, WordKind::Name);
        self.masked.text.push_str(&text[word.len()..]);
        self.at = end;
    }

    /// Whether a dash stands before a number and after no word.
    fn is_sign(&self, first: usize, at: usize) -> bool {
        let before = at == first || !is_alphanumeric(self.bytes[at - 1]);
        before && self.bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
    }

    /// One run of letters and digits; the mask in its place, or none if some of it stays.
    fn run(&mut self, start: usize, end: usize, after_at: bool) -> Option<Mask> {
        match run(&self.bytes[start..end], after_at) {
            Run::Kept => self.masked.text.push_str(&self.line[start..end]),
            Run::Masked(mask) => {
                self.masked.text.push_str(mask.as_str());
                return Some(mask);
            }
            Run::Numbered => {
                let mut at = start;
                while at < end {
                    let is_digit = self.bytes[at].is_ascii_digit();
                    let rest = self.bytes[at..end].iter();
                    let len = rest
                        .take_while(|byte| byte.is_ascii_digit() == is_digit)
                        .count();
                    self.masked.text.push_str(if is_digit {
                        Mask::Number.as_str()
                    } else {
                        &self.line[at..at + len]
                    });
                    at += len;
                }
            }
        }
        None
    }
}

/// How long a number with a fraction is that a unit follows, one that is not known: `12.5kg`.
fn fraction(text: &[u8]) -> Option<usize> {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(text);
    let rest = text.get(whole + 1..)?;
    let part = digits(rest);
    let is_one = whole > 0 && text[whole] == b'.' && part > 0;
    let unit = rest.get(part).is_some_and(u8::is_ascii_alphabetic);
    (is_one && unit).then_some(whole + 1 + part)
}

/// The looks of the parts of a word.
#[derive(Debug, Clone, Copy)]
enum Looks {
    None,
    All(Mask),
    Several,
}

impl Looks {
    fn and(self, mask: Mask) -> Self {
        match self {
            Self::None => Self::All(mask),
            Self::All(other) if other == mask => self,
            Self::All(_) | Self::Several => Self::Several,
        }
    }

    /// What stands for the whole word.
    fn mask(self) -> Mask {
        match self {
            Self::All(mask) => mask,
            Self::None | Self::Several => Mask::Id,
        }
    }
}

use super::Reader;
use crate::patterns::masked_line::WordKind;
use crate::patterns::masked_line::bytes::{LETTER, class, is_alphanumeric};
use crate::patterns::masked_line::names::{inner_stops, is_cue};
use crate::patterns::masks::Mask;

/// Words without digits, and names of several parts.
impl Reader<'_> {
    /// A word without digits. Full stops and dashes at its end are not part of it.
    pub(super) fn plain(&mut self, end: usize) {
        let word = &self.bytes[self.at..end];
        let last = word.iter().rposition(|byte| is_alphanumeric(*byte));
        let word = &word[..last.map_or(0, |last| last + 1)];
        if self.is_long_name(inner_stops(word), end) {
            return;
        }
        let rest = self.at + word.len();
        if !word.is_empty() {
            let start = self.masked.text.len();
            let is_joined = word.iter().any(|byte| class(*byte) & LETTER == 0);
            let is_name = is_joined || word.len() == 1 || self.follows_cue();
            self.masked.text.push_str(&self.line[self.at..rest]);
            if rest == end && self.number_in_brackets(end) {
                return self.masked.push(start, WordKind::Name);
            }
            let kind = if is_name {
                WordKind::Name
            } else {
                WordKind::Plain
            };
            self.masked.push(start, kind);
        }
        self.masked.text.push_str(&self.line[rest..end]);
        self.at = end;
    }

    /// Takes `(17)` after a word as a part of it.
    fn number_in_brackets(&mut self, end: usize) -> bool {
        let Some([b'(', rest @ ..]) = self.bytes.get(end..) else {
            return false;
        };
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 || rest.get(digits) != Some(&b')') {
            return false;
        }
        self.masked.text.push_str("(<num>)");
        self.at = end + digits + 2;
        true
    }

    /// Whether what stands before says that a value follows.
    fn follows_cue(&self) -> bool {
        let Some(last) = self.masked.words.last() else {
            return false;
        };
        let between = &self.masked.text[last.end..];
        between.ends_with('=') || between == " " && is_cue(self.masked.word(*last))
    }

    /// Masks a name of three parts or more, or of two and a port. `stops`: how many full stops are
    /// within.
    pub(super) fn is_long_name(&mut self, stops: usize, end: usize) -> bool {
        let port = if stops > 0 { self.port(end) } else { 0 };
        if stops < 2 && port == 0 {
            return false;
        }
        self.mask(Mask::Name);
        let rest = self.bytes[..end]
            .iter()
            .rposition(|byte| is_alphanumeric(*byte));
        let rest = rest.map_or(end, |last| last + 1).max(self.at);
        self.masked.text.push_str(&self.line[rest..end]);
        self.at = end + port;
        true
    }

    /// How long the port is that stands after a name.
    fn port(&self, end: usize) -> usize {
        let Some([b':', rest @ ..]) = self.bytes.get(end..) else {
            return 0;
        };
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_end = rest
            .get(digits)
            .is_none_or(|byte| !is_alphanumeric(*byte) && !matches!(byte, b':' | b'.'));
        if (1..=5).contains(&digits) && is_end {
            digits + 1
        } else {
            0
        }
    }
}

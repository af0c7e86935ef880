use super::Reader;
use crate::patterns::masked_line::bytes::{SLASH, STOPS_PATH, class};
use crate::patterns::masks::{self, Mask};

/// Paths of files, and where they end.
impl Reader<'_> {
    pub(super) fn path(&mut self, end: usize) -> bool {
        let word = &self.bytes[self.at..end];
        let is_absolute = matches!(word, [b'/' | b'\\', _, ..]);
        if is_absolute && matches!(masks::value(&word[1..]), Some((Mask::Ip, _))) {
            self.masked.text.push('/');
            self.at += 1;
            self.word();
            return true;
        }
        let slashes = word.iter().filter(|byte| class(**byte) & SLASH != 0);
        let is_value = || word[0].is_ascii_digit() && self.here().is_some();
        if !is_absolute && slashes.count() < 2 || is_value() {
            return false;
        }
        self.mask(Mask::Path);
        self.at = self.end_of_path(end);
        true
    }

    /// `C:\…`
    pub(super) fn drive(&mut self, colon: usize) -> bool {
        if colon != self.at + 1 || !self.bytes[colon..].starts_with(b":\\") {
            return false;
        }
        self.mask(Mask::Path);
        self.at = self.end_of_path(colon);
        true
    }

    /// Where a path or an address of the web ends: before white space, a quote or a bracket, and
    /// without the punctuation of the sentence.
    pub(super) fn end_of_path(&self, from: usize) -> usize {
        let rest = &self.bytes[from..];
        let stop = rest.iter().position(|byte| class(*byte) & STOPS_PATH != 0);
        let mut end = from + stop.unwrap_or(rest.len());
        while end > self.at && matches!(self.bytes[end - 1], b'.' | b':' | b'!' | b'?') {
            end -= 1;
        }
        end
    }
}

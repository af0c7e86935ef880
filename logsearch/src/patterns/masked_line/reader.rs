mod mixed;
mod name;
mod path;

use super::bytes::{
    ALPHANUMERIC, AT, DIGIT, LETTER, MARK, SLASH, SPACE, STOPS, class, is_alphanumeric,
};
use super::names::{is_email, is_request};
use super::{MOST_BYTES, MOST_WORDS, MaskedLine, WordKind};
use crate::patterns::masks::{self, Found, Mask};

/// How far a closing quote may be.
const LONGEST_QUOTE: usize = 256;

/// Goes over a line once, from its start to its end.
pub(super) struct Reader<'a> {
    line: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Whether the message goes on beyond `line`.
    is_cut: bool,
    masked: &'a mut MaskedLine,
}

impl<'a> Reader<'a> {
    pub(super) fn new(message: &'a str, masked: &'a mut MaskedLine) -> Self {
        // What is looked at in vain is bounded too.
        let message = head(message, 4 * MOST_BYTES).trim_start();
        let line = head(message, MOST_BYTES);
        Self {
            line,
            bytes: line.as_bytes(),
            at: 0,
            is_cut: line.len() < message.len(),
            masked,
        }
    }

    pub(super) fn read(mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            if matches!(byte, b'\n' | b'\r') {
                self.is_cut = false;
                break;
            }
            if self.masked.words.len() == MOST_WORDS {
                self.is_cut = true;
                break;
            }
            self.step(byte);
        }
        if self.masked.text.ends_with(' ') {
            self.masked.text.pop();
        }
        if self.is_cut {
            self.masked.text.push('…');
        }
    }

    /// Takes the next word or what stands before it.
    fn step(&mut self, byte: u8) {
        let class = class(byte);
        if class & SPACE != 0 {
            if !self.masked.text.ends_with(' ') {
                self.masked.text.push(' ');
            }
            self.at += 1;
        } else if class & MARK == 0 {
            self.word();
        } else if !(self.nothing(byte) || self.quoted(byte)) {
            self.masked.text.push(char::from(byte));
            self.at += 1;
        }
    }

    /// A value that is empty: `name= `, `()`, `[]`, `""`. It counts as a word, since in other lines
    /// of the kind it is not empty.
    fn nothing(&mut self, byte: u8) -> bool {
        let next = self.bytes.get(self.at + 1).copied();
        let after_word = self.at > 0 && is_alphanumeric(self.bytes[self.at - 1]);
        match (byte, next) {
            (b'=', None | Some(b' ' | b',' | b';')) if after_word => {
                self.masked.text.push('=');
                self.masked.push(self.masked.text.len(), WordKind::Masked);
                self.at += 1;
            }
            (b'(', Some(b')'))
            | (b'[', Some(b']'))
            | (b'{', Some(b'}'))
            | (b'"', Some(b'"'))
            | (b'\'', Some(b'\''))
                if !after_word =>
            {
                self.masked.text.push(char::from(byte));
                self.masked.push(self.masked.text.len(), WordKind::Masked);
                self.masked
                    .text
                    .push_str(&self.line[self.at + 1..self.at + 2]);
                self.at += 2;
            }
            _ => return false,
        }
        true
    }

    /// Masks a quoted text that varies: of many words, or with digits. A single word may be the
    /// name of a state.
    fn quoted(&mut self, quote: u8) -> bool {
        if !matches!(quote, b'"' | b'\'') {
            return false;
        }
        let inside = &self.bytes[self.at + 1..];
        let mut window = inside.iter().take(LONGEST_QUOTE);
        let Some(end) = window.position(|byte| *byte == quote) else {
            return false;
        };
        let quoted = &inside[..end];
        if quote == b'\'' {
            let is_inside_word = self.at > 0 && is_alphanumeric(self.bytes[self.at - 1]);
            let goes_on = inside.get(end + 1).copied().is_some_and(is_alphanumeric);
            if is_inside_word || goes_on {
                return false;
            }
        }
        let varies = |byte: &u8| matches!(byte, b' ' | b'0'..=b'9');
        if quoted.contains(&b'\n') || !quoted.iter().any(varies) || is_request(quoted) {
            return false;
        }
        self.masked.text.push(char::from(quote));
        self.mask(Mask::Quoted);
        self.masked.text.push(char::from(quote));
        self.at += end + 2;
        true
    }

    fn word(&mut self) {
        let start = self.at;
        let (mut end, mut found) = (start, 0);
        while let Some(&byte) = self.bytes.get(end) {
            let class = class(byte);
            if class & STOPS != 0 {
                break;
            }
            found |= class;
            end += 1;
        }
        let before_colon = self.bytes.get(end) == Some(&b':');
        if found == LETTER && end - start == 3 && self.bytes[start].is_ascii_uppercase() {
            let day = masks::calendar(&self.bytes[start..]);
            if day.is_some_and(|day| self.value(day)) {
                return;
            }
        }
        if before_colon && self.bytes[end..].starts_with(b"://") {
            self.mask(Mask::Url);
            self.at = self.end_of_path(end + 3);
        } else if found & SLASH != 0 && self.path(end) || before_colon && self.drive(end) {
        } else if found & AT != 0 && is_email(&self.bytes[start..end]) {
            self.mask(Mask::Email);
            self.at = end;
        } else if found & DIGIT == 0 {
            let is_value = before_colon && self.here().is_some_and(|found| self.value(found));
            if !is_value {
                self.plain(end);
            }
        } else {
            // A value that goes on is a word that begins with one.
            let whole = self
                .here()
                .filter(|(_, len)| start + len >= end || !joins(self.bytes[start + len]));
            if !whole.is_some_and(|found| self.value(found)) {
                self.mixed(end);
            }
        }
    }

    fn here(&self) -> Option<Found> {
        masks::value(&self.bytes[self.at..])
    }

    fn value(&mut self, (mask, len): Found) -> bool {
        self.at += len;
        // The same size again, for people: "1293 bytes (1.26 KB)".
        if mask == Mask::Size
            && self.bytes[self.at..].starts_with(b" (")
            && let Some((Mask::Size, len)) = masks::value(&self.bytes[self.at + 2..])
            && self.bytes.get(self.at + 2 + len) == Some(&b')')
        {
            self.at += len + 3;
        }
        if mask == Mask::Duration && self.masked.text.ends_with(" <") {
            self.masked.text.pop();
        }
        self.mask(mask);
        true
    }

    fn mask(&mut self, mask: Mask) {
        let start = self.masked.text.len();
        self.masked.text.push_str(mask.as_str());
        self.masked.push(start, WordKind::Masked);
    }
}

/// Whether a word goes on with this byte after a value.
fn joins(byte: u8) -> bool {
    class(byte) & (ALPHANUMERIC | SLASH | AT) != 0
        || matches!(byte, b'-' | b'_' | b'#' | b'+' | b'.' | b'*' | b'$' | b'~')
}

/// The first bytes of a text.
fn head(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

use super::bytes::{
    ALPHANUMERIC, AT, DIGIT, LETTER, MARK, SLASH, SPACE, STOPS, STOPS_PATH, class, is_alphanumeric,
};
use super::names::{Run, inner_stops, is_cue, is_email, is_request, run};
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

    /// A word without digits. Full stops and dashes at its end are not part of it.
    fn plain(&mut self, end: usize) {
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
    fn is_long_name(&mut self, stops: usize, end: usize) -> bool {
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

    fn path(&mut self, end: usize) -> bool {
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
    fn drive(&mut self, colon: usize) -> bool {
        if colon != self.at + 1 || !self.bytes[colon..].starts_with(b":\\") {
            return false;
        }
        self.mask(Mask::Path);
        self.at = self.end_of_path(colon);
        true
    }

    /// Where a path or an address of the web ends: before white space, a quote or a bracket, and
    /// without the punctuation of the sentence.
    fn end_of_path(&self, from: usize) -> usize {
        let rest = &self.bytes[from..];
        let stop = rest.iter().position(|byte| class(*byte) & STOPS_PATH != 0);
        let mut end = from + stop.unwrap_or(rest.len());
        while end > self.at && matches!(self.bytes[end - 1], b'.' | b':' | b'!' | b'?') {
            end -= 1;
        }
        end
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

    /// A word with digits in it that is no value as a whole: each of its parts is looked at.
    fn mixed(&mut self, end: usize) {
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

    fn mask(&mut self, mask: Mask) {
        let start = self.masked.text.len();
        self.masked.text.push_str(mask.as_str());
        self.masked.push(start, WordKind::Masked);
    }
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

/// Whether a word goes on with this byte after a value.
fn joins(byte: u8) -> bool {
    class(byte) & (ALPHANUMERIC | SLASH | AT) != 0
        || matches!(byte, b'-' | b'_' | b'#' | b'+' | b'.' | b'*' | b'$' | b'~')
}

/// The first bytes of a text.
fn head(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

//! What a byte can be part of.

pub(super) const SPACE: u8 = 1;
/// Ends a word.
pub(super) const MARK: u8 = 2;
pub(super) const DIGIT: u8 = 4;
pub(super) const SLASH: u8 = 8;
pub(super) const AT: u8 = 16;
/// A letter, also of other alphabets: none of their bytes is ASCII.
pub(super) const LETTER: u8 = 32;
/// Ends a path as well as a word.
const BRACKET: u8 = 64;

pub(super) const STOPS: u8 = SPACE | MARK;
pub(super) const STOPS_PATH: u8 = SPACE | BRACKET;
pub(super) const ALPHANUMERIC: u8 = LETTER | DIGIT;

pub(super) fn class(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

pub(super) fn is_alphanumeric(byte: u8) -> bool {
    class(byte) & ALPHANUMERIC != 0
}

const CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            0..=b' ' | 0x7f => SPACE,
            b',' | b';' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b'|' | b'"'
            | b'\'' | b'`' => MARK | BRACKET,
            b'=' | b':' | b'!' | b'?' | b'&' => MARK,
            b'0'..=b'9' => DIGIT,
            b'/' | b'\\' => SLASH,
            b'@' => AT,
            b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => LETTER,
            _ => 0,
        };
        byte += 1;
    }
    table
};

use std::borrow::Cow;

use super::ExpositionFormat;

/// What is wrong with a line, and at which byte of it.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) reason: String,
}

/// A place in a line.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    pub(super) line: &'a str,
    pub(super) at: usize,
    pub(super) format: ExpositionFormat,
}

/// A text between quotation marks, or a bare name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) has_escapes: bool,
}

/// A label as written.
#[derive(Debug, Clone, Copy)]
pub(super) struct LabelToken<'a> {
    pub(super) name: Token<'a>,
    pub(super) value: Token<'a>,
}

impl<'a> Token<'a> {
    const fn bare(text: &'a str) -> Self {
        Self {
            text,
            has_escapes: false,
        }
    }

    pub(super) fn unescaped(self) -> Cow<'a, str> {
        if self.has_escapes {
            Cow::Owned(unescaped(self.text, true))
        } else {
            Cow::Borrowed(self.text)
        }
    }
}

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a str, format: ExpositionFormat) -> Self {
        Self {
            line,
            at: 0,
            format,
        }
    }

    pub(super) fn fault(&self, reason: impl Into<String>) -> Fault {
        Fault {
            at: self.at,
            reason: reason.into(),
        }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.line[self.at..]
    }

    pub(super) fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Passes over blanks where the text format allows them.
    pub(super) fn blanks(&mut self) {
        if self.format == ExpositionFormat::Text {
            self.advance(|byte| matches!(byte, b' ' | b'\t'));
        }
    }

    /// Passes over what separates two tokens: one space in OpenMetrics, blanks in the text format.
    /// Whether there was anything.
    pub(super) fn separator(&mut self) -> bool {
        let before = self.at;
        if self.format == ExpositionFormat::Text {
            self.blanks();
        } else {
            self.takes(b' ');
        }
        self.at > before
    }

    /// Everything up to the next blank.
    pub(super) fn word(&mut self) -> &'a str {
        let start = self.at;
        self.advance(|byte| !matches!(byte, b' ' | b'\t'));
        &self.line[start..self.at]
    }

    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`, as much as there is.
    pub(super) fn metric_name(&mut self) -> &'a str {
        self.name(|byte| byte == b'_' || byte == b':' || byte.is_ascii_alphabetic())
    }

    /// `[a-zA-Z_][a-zA-Z0-9_]*`, as much as there is.
    fn label_name(&mut self) -> &'a str {
        self.name(|byte| byte == b'_' || byte.is_ascii_alphabetic())
    }

    fn name(&mut self, begins: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        if self.peek().is_some_and(&begins) {
            self.advance(|byte| begins(byte) || byte.is_ascii_digit());
        }
        &self.line[start..self.at]
    }

    fn advance(&mut self, goes_on: impl Fn(u8) -> bool) {
        let rest = &self.line.as_bytes()[self.at..];
        self.at += rest
            .iter()
            .position(|byte| !goes_on(*byte))
            .unwrap_or(rest.len());
    }

    /// What stands between the quotation mark here and the one that closes it.
    pub(super) fn quoted(&mut self) -> Option<Token<'a>> {
        let start = self.at + 1;
        let bytes = self.line.as_bytes();
        let (mut at, mut has_escapes) = (start, false);
        loop {
            match bytes.get(at)? {
                b'"' => break,
                b'\\' => {
                    has_escapes = true;
                    at += 2;
                }
                _ => at += 1,
            }
        }
        self.at = at + 1;
        Some(Token {
            text: &self.line[start..at],
            has_escapes,
        })
    }

    /// Reads labels up to the closing brace, the opening one being passed. A quoted text without a
    /// value is the metric's name; gives it.
    pub(super) fn labels(
        &mut self,
        labels: &mut Vec<LabelToken<'a>>,
    ) -> Result<Option<Token<'a>>, Fault> {
        let mut metric = None;
        loop {
            self.blanks();
            if self.takes(b'}') {
                return Ok(metric);
            }
            let begin = self.at;
            let is_quoted = self.peek() == Some(b'"');
            let name = self.label_token()?;
            self.blanks();
            if is_quoted && matches!(self.peek(), Some(b',' | b'}')) {
                if metric.replace(name).is_some() {
                    return Err(self.fault("a second name of the metric"));
                }
            } else {
                let value = self.label_value(name.text)?;
                if labels.iter().any(|other| other.name.text == name.text) {
                    self.at = begin;
                    return Err(self.fault(format!("the label {} is there twice", name.text)));
                }
                labels.push(LabelToken { name, value });
            }
            self.blanks();
            if !self.takes(b',') && self.peek() != Some(b'}') {
                let reason = format!("expected a comma or a brace after the label {}", name.text);
                return Err(self.fault(reason));
            }
        }
    }

    fn label_token(&mut self) -> Result<Token<'a>, Fault> {
        if self.peek() == Some(b'"') {
            let quoted = self.quoted();
            return quoted
                .filter(|name| !name.text.is_empty())
                .ok_or_else(|| self.fault("the name of a label has no end, or is empty"));
        }
        let start = self.at;
        let name = self.label_name();
        if matches!(self.peek(), None | Some(b'=' | b' ' | b'\t' | b'}' | b',')) && !name.is_empty()
        {
            return Ok(Token::bare(name));
        }
        let end = self.line[start..]
            .find(['=', ',', '}', '"'])
            .map_or(self.line.len(), |length| start + length);
        self.at = start;
        let reason = format!("{:?} is no name of a label", self.line[start..end].trim());
        Err(self.fault(reason))
    }

    fn label_value(&mut self, name: &str) -> Result<Token<'a>, Fault> {
        if !self.takes(b'=') {
            return Err(self.fault("a label without a value"));
        }
        self.blanks();
        if self.peek() != Some(b'"') {
            let reason = format!("the value of the label {name} is not quoted");
            return Err(self.fault(reason));
        }
        let value = self.quoted();
        value.ok_or_else(|| self.fault(format!("the value of the label {name} has no end")))
    }
}

/// `\\`, `\n` and, where `quotes` says so, `\"`; any other backslash stays, as Prometheus has it.
pub(super) fn unescaped(text: &str, quotes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('\\') | None => out.push('\\'),
            Some('"') if quotes => out.push('"'),
            Some(other) => out.extend(['\\', other]),
        }
    }
    out
}

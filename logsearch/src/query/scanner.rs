use super::pipe::starts_verb;

/// Where a query stops making sense and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParseError {
    /// Characters from 1.
    pub(crate) column: usize,
    pub(crate) reason: String,
}

/// A word without quotes.
pub(super) struct Bare {
    pub(super) text: String,
    /// It ended in `*`.
    pub(super) prefix: bool,
}

/// The characters of a query and the place in them.
pub(super) struct Scanner {
    chars: Vec<char>,
    at: usize,
}

impl Scanner {
    pub(super) fn new(query: &str) -> Self {
        Self {
            chars: query.chars().collect(),
            at: 0,
        }
    }

    pub(super) const fn place(&self) -> usize {
        self.at
    }

    /// Goes to a place where it has been before, or past characters that were looked at.
    pub(super) const fn go_to(&mut self, place: usize) {
        self.at = place;
    }

    pub(super) const fn skip(&mut self, count: usize) {
        self.at += count;
    }

    pub(super) fn value(&mut self, what: &str) -> Result<String, ParseError> {
        if self.peek() == Some('"') {
            return self.quoted();
        }
        let start = self.at;
        let word = self.bare(|_, c| matches!(c, '"' | ']' | '}'))?;
        if word.text.is_empty() || word.prefix {
            self.at = start;
            return Err(self.expected(what));
        }
        Ok(word.text)
    }

    pub(super) fn quoted(&mut self) -> Result<String, ParseError> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek() {
                None => {
                    self.at = start;
                    return Err(
                        self.error("the phrase that begins here has no closing \"".to_owned())
                    );
                }
                Some('"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some('\\') if self.peek_at(1).is_some() => {
                    text.extend(self.peek_at(1));
                    self.at += 2;
                }
                Some(c) => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
    }

    /// Reads up to white space, `)`, a pipe or where `stops` says so.
    pub(super) fn bare(&mut self, stops: impl Fn(&Self, char) -> bool) -> Result<Bare, ParseError> {
        let mut word = Bare {
            text: String::new(),
            prefix: false,
        };
        while let Some(c) = self.peek() {
            let is_pipe = c == '|' && starts_verb(&self.chars[self.at + 1..]);
            if c.is_whitespace() || c == ')' || is_pipe || stops(self, c) {
                break;
            }
            if word.prefix {
                self.at -= 1;
                return Err(self.error("a * stands at the end of a word; put the word in quotes to search for the sign".to_owned()));
            }
            match (c, self.peek_at(1)) {
                ('\\', Some(next)) => {
                    word.text.push(next);
                    self.at += 1;
                }
                ('*', _) => word.prefix = true,
                _ => word.text.push(c),
            }
            self.at += 1;
        }
        Ok(word)
    }

    /// Whether the colon here parts a field's name, which began at `start`, from its value.
    pub(super) fn colon_makes_field(&self, start: usize) -> bool {
        let next = self.peek_at(1);
        let is_path = next == Some(':') || next == Some('/') && self.peek_at(2) == Some('/');
        let mut is_name = false;
        let mut name = self.chars[start..self.at].iter();
        while let Some(c) = name.next() {
            match c {
                ':' => return false,
                '\\' => is_name |= name.next().is_some(),
                '@' | '+' => {}
                _ => is_name |= !c.is_ascii_digit(),
            }
        }
        is_name && !is_path && next.is_some_and(|c| !c.is_whitespace() && c != ')')
    }

    /// Goes past the text if it stands here.
    pub(super) fn takes(&mut self, text: &str) -> bool {
        let is_here = text
            .chars()
            .enumerate()
            .all(|(i, c)| self.peek_at(i) == Some(c));
        self.at += if is_here { text.chars().count() } else { 0 };
        is_here
    }

    /// Goes past `->` and `=>`, which stand in pasted text and compare nothing.
    pub(super) fn arrow(&mut self) -> Option<String> {
        ["->", "=>"]
            .into_iter()
            .find(|arrow| self.takes(arrow))
            .map(str::to_owned)
    }

    pub(super) fn take_operator(&mut self, spellings: &[&str]) -> bool {
        self.skip_space();
        let found = self.operator(spellings);
        self.at += found.unwrap_or(0);
        found.is_some()
    }

    pub(super) fn at_operator(&self, spellings: &[&str]) -> bool {
        self.operator(spellings).is_some()
    }

    /// The length of the spelling that stands here as a word of its own.
    fn operator(&self, spellings: &[&str]) -> Option<usize> {
        let lengths = spellings.iter().map(|operator| {
            let is_here = operator
                .chars()
                .enumerate()
                .all(|(i, c)| self.peek_at(i) == Some(c));
            (operator.len(), is_here)
        });
        lengths
            .filter(|(length, is_here)| {
                *is_here
                    && self
                        .peek_at(*length)
                        .is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ')' | '"' | '|'))
            })
            .map(|(length, _)| length)
            .next()
    }

    pub(super) fn skip_space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    pub(super) fn expected(&self, what: &str) -> ParseError {
        /// So much of a word is enough to find it.
        const SHOWN: usize = 24;
        let is_sign = |c: &char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
        let found: String = match self.peek() {
            None => "the end of the query".to_owned(),
            Some(c) if is_sign(&c) => c.into(),
            Some(_) => self.chars[self.at..]
                .iter()
                .take_while(|c| !is_sign(c))
                .take(SHOWN)
                .collect(),
        };
        self.error(format!("expected {what}, found {found}"))
    }

    pub(super) fn error(&self, reason: String) -> ParseError {
        ParseError {
            column: self.at + 1,
            reason,
        }
    }
}

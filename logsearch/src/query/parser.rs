#[cfg(test)]
mod tests;

use super::expr::{Comparison, Edge, Expr, Pattern, Test};

/// Deeper nesting is an error; the parser and everything after it recurse no further than this.
pub(crate) const MAX_DEPTH: usize = 64;
/// More words, fields and ranges are an error.
pub(crate) const MAX_CLAUSES: usize = 1_000;

/// Where a query stops making sense and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParseError {
    /// Characters from 1.
    pub(crate) column: usize,
    pub(crate) reason: String,
}

/// Parses a query; an empty one asks for everything.
///
/// A colon makes a field only where a value follows at once and the name is no number, so that
/// `error: disk full`, `std::io`, `http://x` and `12:30` can be pasted as they are.
pub(crate) fn parse(query: &str) -> Result<Expr, ParseError> {
    let mut parser = Parser {
        chars: query.chars().collect(),
        at: 0,
        depth: 0,
        clauses: 0,
        field: None,
    };
    parser.skip_space();
    if parser.peek().is_none() {
        return Ok(Expr::All);
    }
    let expr = parser.or()?;
    match parser.peek() {
        None => Ok(expr),
        Some(_) => Err(parser.expected("a word, a field, and, or, not")),
    }
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    depth: usize,
    clauses: usize,
    /// Within `field:( … )`: what each value is compared to.
    field: Option<String>,
}

/// A word without quotes.
struct Bare {
    text: String,
    /// It ended in `*`.
    prefix: bool,
    /// It held a backslash, so it is no operator.
    escaped: bool,
}

impl Parser {
    fn or(&mut self) -> Result<Expr, ParseError> {
        let mut parts = vec![self.and()?];
        while self.take_operator(&["or", "OR"]) {
            parts.push(self.and()?);
        }
        Ok(single_or(parts, Expr::Or))
    }

    fn and(&mut self) -> Result<Expr, ParseError> {
        let mut parts = vec![self.not()?];
        loop {
            self.skip_space();
            let explicit = self.take_operator(&["and", "AND"]);
            let ends = matches!(self.peek(), None | Some(')')) || self.at_operator(&["or", "OR"]);
            if !explicit && ends {
                return Ok(single_or(parts, Expr::And));
            }
            parts.push(self.not()?);
        }
    }

    fn not(&mut self) -> Result<Expr, ParseError> {
        self.skip_space();
        let dash = self.peek() == Some('-')
            && self
                .peek_at(1)
                .is_some_and(|c| !c.is_whitespace() && c != ')');
        if !dash && !self.take_operator(&["not", "NOT"]) {
            return self.primary();
        }
        if dash {
            self.at += 1;
        }
        self.nested(|parser| Ok(Expr::Not(Box::new(parser.not()?))))
    }

    fn primary(&mut self) -> Result<Expr, ParseError> {
        self.skip_space();
        if self.peek() == Some('(') {
            return self.group();
        }
        self.clauses += 1;
        if self.clauses > MAX_CLAUSES {
            return Err(self.error(format!("a query has at most {MAX_CLAUSES} clauses")));
        }
        if let Some(name) = self.field.clone() {
            let test = self.test()?;
            return Ok(Expr::Field { name, test });
        }
        if self.peek() == Some('"') {
            return Ok(Expr::Words(Pattern::Exact(self.quoted()?)));
        }
        let start = self.at;
        let word = self.bare(|parser, c| {
            matches!(c, '(' | '"' | '<' | '>') || c == ':' && parser.colon_makes_field(start)
        })?;
        // `@timestamp` is how others write it; an `@` after a backslash is part of the name.
        let has_at = self.chars.get(start) == Some(&'@');
        let strip_at = |text: String| text[usize::from(has_at)..].to_owned();
        if self.peek() == Some(':') && !word.prefix {
            let name = strip_at(word.text);
            self.at += 1;
            return self.field_test(name);
        }
        let after_word = self.at;
        self.skip_space();
        if !word.text.is_empty() && matches!(self.peek(), Some('<' | '>')) {
            let name = strip_at(word.text);
            return self.field_test(name);
        }
        self.at = after_word;
        if word.text.is_empty() && !word.prefix {
            return Err(self.expected("a word, a phrase, a field or ("));
        }
        Ok(match word {
            Bare {
                text, prefix: true, ..
            } if text.is_empty() => Expr::All,
            Bare {
                text, prefix: true, ..
            } => Expr::Words(Pattern::Prefix(text)),
            Bare { text, .. } => Expr::Words(Pattern::Exact(text)),
        })
    }

    fn group(&mut self) -> Result<Expr, ParseError> {
        self.at += 1;
        let expr = self.nested(Self::or)?;
        self.skip_space();
        if self.peek() != Some(')') {
            return Err(self.expected(")"));
        }
        self.at += 1;
        Ok(expr)
    }

    fn field_test(&mut self, name: String) -> Result<Expr, ParseError> {
        if self.peek() == Some('(') {
            self.field = Some(name);
            let group = self.group();
            self.field = None;
            return group;
        }
        let test = self.test()?;
        Ok(Expr::Field { name, test })
    }

    fn test(&mut self) -> Result<Test, ParseError> {
        match self.peek() {
            Some('[' | '{') => self.range(),
            Some('<' | '>') => {
                let comparison = self.comparison();
                self.skip_space();
                let value = self.value("a value to compare with")?;
                Ok(Test::Compare(comparison, value))
            }
            Some('"') => Ok(Test::Is(Pattern::Exact(self.quoted()?))),
            _ => {
                let word = self.bare(|_, c| c == '"')?;
                match word {
                    Bare {
                        text, prefix: true, ..
                    } if text.is_empty() => Ok(Test::Present),
                    Bare {
                        text, prefix: true, ..
                    } => Ok(Test::Is(Pattern::Prefix(text))),
                    Bare { text, .. } if text.is_empty() => Err(self.expected("a value")),
                    Bare { text, .. } => Ok(Test::Is(Pattern::Exact(text))),
                }
            }
        }
    }

    fn comparison(&mut self) -> Comparison {
        let less = self.peek() == Some('<');
        self.at += 1;
        let or_equal = self.peek() == Some('=');
        self.at += usize::from(or_equal);
        match (less, or_equal) {
            (true, false) => Comparison::Less,
            (true, true) => Comparison::LessOrEqual,
            (false, false) => Comparison::Greater,
            (false, true) => Comparison::GreaterOrEqual,
        }
    }

    fn range(&mut self) -> Result<Test, ParseError> {
        let low_inclusive = self.peek() == Some('[');
        self.at += 1;
        let low = self.edge(low_inclusive)?;
        if !self.take_operator(&["TO", "to"]) {
            return Err(self.expected("TO, as in [1 TO 5]"));
        }
        let start = self.at;
        let high = self.edge(true)?;
        self.skip_space();
        let high = match (self.peek(), high) {
            (Some(']'), high) => high,
            (Some('}'), Edge::Inclusive(value)) => Edge::Exclusive(value),
            (Some('}'), open) => open,
            _ => return Err(self.expected("] or }")),
        };
        self.at += 1;
        debug_assert!(self.at > start, "an edge is never empty");
        Ok(Test::Within(low, high))
    }

    fn edge(&mut self, inclusive: bool) -> Result<Edge, ParseError> {
        self.skip_space();
        if self.peek() == Some('*') {
            self.at += 1;
            return Ok(Edge::Open);
        }
        let value = self.value("a value or *")?;
        Ok(if inclusive {
            Edge::Inclusive(value)
        } else {
            Edge::Exclusive(value)
        })
    }

    fn value(&mut self, what: &str) -> Result<String, ParseError> {
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

    fn quoted(&mut self) -> Result<String, ParseError> {
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

    /// Reads up to white space, `)` or where `stops` says so.
    fn bare(&mut self, stops: impl Fn(&Self, char) -> bool) -> Result<Bare, ParseError> {
        let mut word = Bare {
            text: String::new(),
            prefix: false,
            escaped: false,
        };
        while let Some(c) = self.peek() {
            if c.is_whitespace() || c == ')' || stops(self, c) {
                break;
            }
            if word.prefix {
                self.at -= 1;
                return Err(self.error("a * stands at the end of a word; put the word in quotes to search for the sign".to_owned()));
            }
            match (c, self.peek_at(1)) {
                ('\\', Some(next)) => {
                    word.text.push(next);
                    word.escaped = true;
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
    fn colon_makes_field(&self, start: usize) -> bool {
        let next = self.peek_at(1);
        let is_path = next == Some(':') || next == Some('/') && self.peek_at(2) == Some('/');
        let mut is_name = false;
        let mut name = self.chars[start..self.at].iter();
        while let Some(c) = name.next() {
            match c {
                ':' => return false,
                '\\' => is_name |= name.next().is_some(),
                _ => is_name |= !c.is_ascii_digit(),
            }
        }
        is_name && !is_path && next.is_some_and(|c| !c.is_whitespace() && c != ')')
    }

    fn nested<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(format!("a query is nested at most {MAX_DEPTH} deep")));
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn take_operator(&mut self, spellings: &[&str]) -> bool {
        self.skip_space();
        let found = self.at_operator(spellings);
        if found {
            self.at += spellings[0].len();
        }
        found
    }

    /// Whether one of the spellings, which are of one length, stands here as a word of its own.
    fn at_operator(&self, spellings: &[&str]) -> bool {
        spellings.iter().any(|operator| {
            operator
                .chars()
                .enumerate()
                .all(|(i, c)| self.peek_at(i) == Some(c))
                && self
                    .peek_at(operator.len())
                    .is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ')' | '"'))
        })
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<char> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn expected(&self, what: &str) -> ParseError {
        let found = match self.peek() {
            None => "the end of the query".to_owned(),
            Some(c) => format!("{c}"),
        };
        self.error(format!("expected {what}, found {found}"))
    }

    fn error(&self, reason: String) -> ParseError {
        ParseError {
            column: self.at + 1,
            reason,
        }
    }
}

fn single_or(mut parts: Vec<Expr>, many: fn(Vec<Expr>) -> Expr) -> Expr {
    match parts.len() {
        1 => parts.remove(0),
        _ => many(parts),
    }
}

#[cfg(test)]
mod tests;

use super::expr::{Comparison, Edge, Expr, Pattern, Query, Test};
use super::pipe::Pipe;
use super::scanner::{Bare, ParseError, Scanner};

/// Deeper nesting is an error; the parser and everything after it recurse no further than this.
const MAX_DEPTH: usize = 64;
/// More words, fields and ranges are an error.
const MAX_CLAUSES: usize = 1_000;
/// Longer queries are an error: they are refused before anything is read of them.
const MAX_BYTES: usize = 64 << 10;
const AND: [&str; 3] = ["and", "AND", "&&"];
const OR: [&str; 3] = ["or", "OR", "||"];

/// Parses a query; an empty one asks for everything.
///
/// A colon makes a field only where a value follows at once and the name is no number, so that
/// `error: disk full`, `std::io`, `http://x` and `12:30` can be pasted as they are.
pub(crate) fn parse(query: &str) -> Result<Query, ParseError> {
    if query.len() > MAX_BYTES {
        return Err(ParseError {
            column: 1,
            reason: format!(
                "a query has at most {MAX_BYTES} bytes; this one has {}",
                query.len()
            ),
        });
    }
    let mut parser = Parser {
        scan: Scanner::new(query),
        depth: 0,
        clauses: 0,
        field: None,
    };
    parser.scan.skip_space();
    let filter = match parser.scan.peek() {
        None | Some('|') => Expr::All,
        Some(_) => parser.or()?,
    };
    let pipe = match parser.scan.peek() {
        None => None,
        Some('|') => Some(Pipe::parse(&mut parser.scan)?),
        Some(_) => return Err(parser.scan.expected("a word, a field, and, or, not")),
    };
    Ok(Query { filter, pipe })
}

struct Parser {
    scan: Scanner,
    depth: usize,
    clauses: usize,
    /// Within `field:( … )`: what each value is compared to.
    field: Option<String>,
}

impl Parser {
    fn or(&mut self) -> Result<Expr, ParseError> {
        let mut parts = vec![self.and()?];
        while self.scan.take_operator(&OR) {
            parts.push(self.and()?);
        }
        Ok(single_or(parts, Expr::Or))
    }

    fn and(&mut self) -> Result<Expr, ParseError> {
        let mut parts = vec![self.not()?];
        loop {
            self.scan.skip_space();
            let explicit = self.scan.take_operator(&AND);
            let ends =
                matches!(self.scan.peek(), None | Some(')' | '|')) || self.scan.at_operator(&OR);
            if !explicit && ends {
                return Ok(single_or(parts, Expr::And));
            }
            parts.push(self.not()?);
        }
    }

    fn not(&mut self) -> Result<Expr, ParseError> {
        self.scan.skip_space();
        let dash = self.scan.peek() == Some('-')
            && self
                .scan
                .peek_at(1)
                .is_some_and(|c| !c.is_whitespace() && !matches!(c, ')' | '>' | '<'));
        if !dash && !self.scan.take_operator(&["not", "NOT"]) {
            return self.primary();
        }
        if dash {
            self.scan.skip(1);
        }
        self.nested(|parser| Ok(Expr::Not(Box::new(parser.not()?))))
    }

    fn primary(&mut self) -> Result<Expr, ParseError> {
        self.scan.skip_space();
        if self.scan.peek() == Some('(') {
            return self.group();
        }
        self.clauses += 1;
        if self.clauses > MAX_CLAUSES {
            return Err(self
                .scan
                .error(format!("a query has at most {MAX_CLAUSES} clauses")));
        }
        if let Some(name) = self.field.clone() {
            let test = self.test()?;
            return Ok(Expr::Field { name, test });
        }
        if self.scan.peek() == Some('"') {
            return Ok(Expr::Words(self.quoted()?));
        }
        if self.scan.takes("*:*") {
            return Ok(Expr::All);
        }
        if let Some(arrow) = self.scan.arrow() {
            return Ok(Expr::Words(Pattern::Exact(arrow)));
        }
        // `+x` is what `x` is; `@timestamp` is how others write it. After a backslash they are part
        // of the name.
        let is_name = |c: char| c.is_alphanumeric() || c == '@';
        if self.scan.peek() == Some('+') && self.scan.peek_at(1).is_some_and(is_name) {
            self.scan.skip(1);
        }
        let has_at = self.scan.peek() == Some('@');
        let start = self.scan.place();
        let word = self.scan.bare(|scan, c| {
            matches!(c, '(' | '"' | '<' | '>') || c == ':' && scan.colon_makes_field(start)
        })?;
        let strip_at = |text: String| text[usize::from(has_at && text.len() > 1)..].to_owned();
        if self.scan.peek() == Some(':') && !word.prefix {
            let name = strip_at(word.text);
            self.scan.skip(1);
            return self.field_test(name);
        }
        let after_word = self.scan.place();
        self.scan.skip_space();
        if !word.text.is_empty() && matches!(self.scan.peek(), Some('<' | '>')) {
            let name = strip_at(word.text);
            return self.field_test(name);
        }
        self.scan.go_to(after_word);
        if word.text.is_empty() && !word.prefix {
            return Err(self.scan.expected("a word, a phrase, a field or ("));
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
        self.scan.skip(1);
        let expr = self.nested(Self::or)?;
        self.scan.skip_space();
        if self.scan.peek() != Some(')') {
            return Err(self.scan.expected(")"));
        }
        self.scan.skip(1);
        Ok(expr)
    }

    fn field_test(&mut self, name: String) -> Result<Expr, ParseError> {
        if self.scan.peek() == Some('(') {
            self.field = Some(name);
            let group = self.group();
            self.field = None;
            return group;
        }
        let test = self.test()?;
        Ok(Expr::Field { name, test })
    }

    fn test(&mut self) -> Result<Test, ParseError> {
        match self.scan.peek() {
            Some('[' | '{') => self.range(),
            Some('<' | '>') => {
                let comparison = self.comparison();
                self.scan.skip_space();
                let value = self.scan.value("a value to compare with")?;
                Ok(Test::Compare(comparison, value))
            }
            Some('"') => Ok(Test::Is(self.quoted()?)),
            _ => {
                let word = self.scan.bare(|_, c| c == '"')?;
                match word {
                    Bare {
                        text, prefix: true, ..
                    } if text.is_empty() => Ok(Test::Present),
                    Bare {
                        text, prefix: true, ..
                    } => Ok(Test::Is(Pattern::Prefix(text))),
                    Bare { text, .. } if text.is_empty() => Err(self.scan.expected("a value")),
                    Bare { text, .. } => Ok(Test::Is(Pattern::Exact(text))),
                }
            }
        }
    }

    /// A text in quotes; a `*` right after it makes it the beginning of one.
    fn quoted(&mut self) -> Result<Pattern, ParseError> {
        let text = self.scan.quoted()?;
        Ok(if !text.is_empty() && self.scan.takes("*") {
            Pattern::Prefix(text)
        } else {
            Pattern::Exact(text)
        })
    }

    fn comparison(&mut self) -> Comparison {
        let less = self.scan.peek() == Some('<');
        self.scan.skip(1);
        let or_equal = self.scan.peek() == Some('=');
        self.scan.skip(usize::from(or_equal));
        match (less, or_equal) {
            (true, false) => Comparison::Less,
            (true, true) => Comparison::LessOrEqual,
            (false, false) => Comparison::Greater,
            (false, true) => Comparison::GreaterOrEqual,
        }
    }

    fn range(&mut self) -> Result<Test, ParseError> {
        let low_inclusive = self.scan.peek() == Some('[');
        self.scan.skip(1);
        let low = self.edge(low_inclusive)?;
        if !self.scan.take_operator(&["TO", "to"]) {
            return Err(self.scan.expected("TO, as in [1 TO 5]"));
        }
        let high = self.edge(true)?;
        self.scan.skip_space();
        let high = match (self.scan.peek(), high) {
            (Some(']'), high) => high,
            (Some('}'), Edge::Inclusive(value)) => Edge::Exclusive(value),
            (Some('}'), open) => open,
            _ => return Err(self.scan.expected("] or }")),
        };
        self.scan.skip(1);
        Ok(Test::Within(low, high))
    }

    fn edge(&mut self, inclusive: bool) -> Result<Edge, ParseError> {
        self.scan.skip_space();
        if self.scan.peek() == Some('*') {
            self.scan.skip(1);
            return Ok(Edge::Open);
        }
        let value = self.scan.value("a value or *")?;
        Ok(if inclusive {
            Edge::Inclusive(value)
        } else {
            Edge::Exclusive(value)
        })
    }

    fn nested<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self
                .scan
                .error(format!("a query is nested at most {MAX_DEPTH} deep")));
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }
}

fn single_or(mut parts: Vec<Expr>, many: fn(Vec<Expr>) -> Expr) -> Expr {
    match parts.len() {
        1 => parts.remove(0),
        _ => many(parts),
    }
}

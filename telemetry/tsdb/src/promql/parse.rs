use std::sync::{Arc, LazyLock, Mutex};

use promql_parser::parser::Expr;
use promql_parser::util::{ExprVisitor, walk_expr};
use rustc_hash::FxHashMap;

use super::durations::with_plain_durations;
use super::positions::Positions;
use crate::QueryError;

/// The longest expression that is read.
const MOST_CHARACTERS: usize = 16_384;

/// The deepest nesting that is evaluated.
const MOST_DEPTH: usize = 256;

/// Expressions up to this length cannot nest so deep that parsing them outgrows a thread's stack.
const SHORT: usize = 500;

/// A stack on which the deepest tree of [`MOST_CHARACTERS`] can be built and taken down.
const DEEP_STACK: usize = 512 << 20;

/// How many bytes of text the parsed expressions may have that are kept; a tree takes some twenty
/// times as much as its text.
const CACHED_BYTES: usize = 256 << 10;

static CACHE: LazyLock<Mutex<Cache>> = LazyLock::new(Mutex::default);

/// A parsed expression with its text. Its tree does not move, since parts are known by address.
#[derive(Debug)]
pub(crate) struct Parsed {
    text: String,
    expr: Box<Expr>,
    positions: Positions,
}

impl Parsed {
    pub(crate) fn expr(&self) -> &Expr {
        &self.expr
    }

    /// A string as it is written, if its escapes make bytes of it that are no text. The parser takes
    /// each such byte for a character.
    pub(crate) fn broken_text(&self, part: &Expr) -> Option<&str> {
        let written = self.positions.text(&self.text, part)?;
        let is_broken = written
            .as_bytes()
            .windows(3)
            .any(|bytes| bytes.starts_with(b"\\x") && !(b'0'..=b'7').contains(&bytes[2]));
        is_broken.then_some(written)
    }

    /// Line and column of a part of the expression.
    pub(crate) fn place(&self, part: &Expr) -> String {
        self.positions.place(&self.text, part)
    }
}

#[derive(Debug, Default)]
struct Cache {
    parsed: FxHashMap<String, Arc<Parsed>>,
    bytes: usize,
}

impl Cache {
    fn keep(&mut self, parsed: &Arc<Parsed>) {
        if self.bytes + parsed.text.len() > CACHED_BYTES {
            *self = Self::default();
        }
        self.bytes += parsed.text.len();
        self.parsed.insert(parsed.text.clone(), Arc::clone(parsed));
    }
}

/// Parses and checks an expression, or takes it from the cache.
pub(crate) fn parse(text: &str) -> Result<Arc<Parsed>, QueryError> {
    let cached = CACHE
        .lock()
        .expect("no holder of this lock panics")
        .parsed
        .get(text)
        .cloned();
    if let Some(parsed) = cached {
        return Ok(parsed);
    }
    if text.trim().is_empty() {
        return Err(invalid(
            "unknown position: parse error: no expression found in input",
        ));
    }
    if text.len() > MOST_CHARACTERS {
        return Err(invalid("parse error: the expression is too long"));
    }
    if bracket_depth(text) > MOST_DEPTH {
        return Err(too_deep());
    }
    let plain = with_plain_durations(text).map_err(|reason| parse_error(&reason))?;
    let expr = Box::new(if text.len() <= SHORT {
        parse_whole(&plain)?
    } else {
        parse_on_deep_stack(&plain)?
    });
    let parsed = Arc::new(Parsed {
        positions: Positions::of(text, &expr),
        text: text.to_owned(),
        expr,
    });
    let mut cache = CACHE.lock().expect("no holder of this lock panics");
    cache.keep(&parsed);
    Ok(parsed)
}

/// The expression in its canonical layout.
pub(crate) fn format_expression(text: &str) -> Result<String, QueryError> {
    parse(text).map(|parsed| parsed.expr().prettify())
}

fn parse_on_deep_stack(text: &str) -> Result<Expr, QueryError> {
    std::thread::scope(|scope| {
        let parser = std::thread::Builder::new()
            .name("promql-parse".to_owned())
            .stack_size(DEEP_STACK)
            .spawn_scoped(scope, || parse_whole(text));
        let parsed = parser.ok().and_then(|parser| parser.join().ok());
        parsed.unwrap_or_else(|| Err(invalid("parse error: the expression cannot be parsed")))
    })
}

fn parse_whole(text: &str) -> Result<Expr, QueryError> {
    let expr = promql_parser::parser::parse(text).map_err(|error| parse_error(&error))?;
    let mut depth = Depth { at: 0, most: 0 };
    let walked = walk_expr(&mut depth, &expr);
    if walked.is_err() || depth.most > MOST_DEPTH {
        return Err(too_deep());
    }
    Ok(expr)
}

/// How deep brackets nest, those within strings counted too: the parser takes long over them.
fn bracket_depth(text: &str) -> usize {
    let (mut depth, mut most) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        most = most.max(depth);
    }
    most
}

fn too_deep() -> QueryError {
    invalid("parse error: the expression is nested too deeply")
}

/// The parser's message in the words that Prometheus has for the types.
fn parse_error(reason: &str) -> QueryError {
    let words = [
        ("type matrix", "type range vector"),
        ("type vector", "type instant vector"),
        ("got matrix", "got range vector"),
        ("got vector", "got instant vector"),
        ("on vector,", "on instant vector,"),
    ];
    let mut text = format!("parse error: {}", reason.replace('\'', "\""));
    for (theirs, ours) in words {
        text = text.replace(theirs, ours);
    }
    invalid(&text)
}

fn invalid(reason: &str) -> QueryError {
    QueryError::BadData(format!("invalid parameter \"query\": {reason}"))
}

struct Depth {
    at: usize,
    most: usize,
}

impl ExprVisitor for Depth {
    type Error = ();

    fn pre_visit(&mut self, _: &Expr) -> Result<bool, ()> {
        self.at += 1;
        self.most = self.most.max(self.at);
        Ok(true)
    }

    fn post_visit(&mut self, _: &Expr) -> Result<bool, ()> {
        self.at -= 1;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_and_long_expressions_are_refused_without_harm() {
        for text in [
            "(".repeat(8000) + "1" + &")".repeat(8000),
            "1".to_owned() + &"+1".repeat(8000),
            "x".repeat(MOST_CHARACTERS + 1),
        ] {
            assert!(matches!(parse(&text), Err(QueryError::BadData(_))));
        }
    }

    #[test]
    fn many_terms_are_no_depth() {
        let terms: Vec<_> = (0..100).map(|i| format!("metric_{i}")).collect();
        assert!(parse(&terms.join(" + ")).is_ok());
    }

    #[test]
    fn the_same_text_is_parsed_once() {
        let first = parse("sum(cache_test)").unwrap();
        assert!(Arc::ptr_eq(&first, &parse("sum(cache_test)").unwrap()));
    }
}

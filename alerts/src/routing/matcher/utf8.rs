//! The grammar of matchers since version 0.27: any name, in quotes where it holds what is
//! reserved.

use std::iter::Peekable;
use std::str::CharIndices;

use super::go_text::unquoted;
use super::{MatchOp, Matcher};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token<'t> {
    Open,
    Close,
    Comma,
    Op(MatchOp),
    Quoted(&'t str),
    Unquoted(&'t str),
}

/// Whether a character ends a word that is not in quotes.
pub(super) fn is_reserved(c: char) -> bool {
    c.is_whitespace() || "{}!=~,\\\"'`".contains(c)
}

pub(super) fn matchers(text: &str) -> Result<Vec<Matcher>, String> {
    let tokens = tokens(text).map_err(|(at, reason)| format!("{text:?}: {at}: {reason}"))?;
    let fail = |reason: &str| Err(format!("{text:?}: {reason}"));
    let mut rest = tokens.into_iter().peekable();
    let is_braced = rest.next_if_eq(&Token::Open).is_some();
    let mut matchers = Vec::new();
    while let Some(token) = rest.next_if(|token| *token != Token::Close) {
        let Some(name) = word(&token)? else {
            return fail("a matcher begins with the name of a label");
        };
        let Some(Token::Op(op)) = rest.next() else {
            return fail("after the name comes one of =, !=, =~ and !~");
        };
        let Some(value) = rest.next().map(|token| word(&token)).transpose()?.flatten() else {
            return fail("after the operator comes a value");
        };
        matchers.push(Matcher::new(&name, op, &value)?);
        match rest.peek() {
            None | Some(Token::Close) => break,
            Some(Token::Comma) => drop(rest.next()),
            Some(_) => return fail("after a matcher comes a comma or the end"),
        }
    }
    match (is_braced, rest.next() == Some(Token::Close)) {
        (true, false) => fail("a closing brace is missing"),
        (false, true) => fail("an opening brace is missing"),
        _ if rest.next().is_some() => fail("something follows the closing brace"),
        _ => Ok(matchers),
    }
}

fn word(token: &Token<'_>) -> Result<Option<String>, String> {
    match token {
        Token::Unquoted(text) => Ok(Some((*text).to_owned())),
        Token::Quoted(text) => {
            let read = unquoted(text).ok_or_else(|| format!("{text} holds a wrong escape"))?;
            Ok(Some(read))
        }
        _ => Ok(None),
    }
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, (usize, &'static str)> {
    let mut rest = text.char_indices().peekable();
    let mut tokens = Vec::new();
    while let Some((at, c)) = rest.next() {
        let token = match c {
            '{' => Token::Open,
            '}' => Token::Close,
            ',' => Token::Comma,
            '=' | '!' => Token::Op(operator(c, &mut rest).ok_or((at, "`!` needs = or ~"))?),
            '"' => Token::Quoted(in_quotes(text, at, &mut rest).ok_or((at, "the quote is open"))?),
            c if c.is_whitespace() => continue,
            c if is_reserved(c) => return Err((at, "this character must be in quotes")),
            _ => {
                while rest.next_if(|(_, c)| !is_reserved(*c)).is_some() {}
                let end = rest.peek().map_or(text.len(), |(end, _)| *end);
                Token::Unquoted(&text[at..end])
            }
        };
        tokens.push(token);
    }
    Ok(tokens)
}

fn operator(first: char, rest: &mut Peekable<CharIndices<'_>>) -> Option<MatchOp> {
    let tilde = rest.next_if(|(_, c)| *c == '~').is_some();
    match (first, tilde) {
        ('=', true) => Some(MatchOp::Regex),
        ('=', false) => Some(MatchOp::Equal),
        (_, true) => Some(MatchOp::NotRegex),
        (_, false) => rest.next_if(|(_, c)| *c == '=').map(|_| MatchOp::NotEqual),
    }
}

fn in_quotes<'t>(
    text: &'t str,
    start: usize,
    rest: &mut Peekable<CharIndices<'_>>,
) -> Option<&'t str> {
    let mut is_escaped = false;
    for (at, c) in rest.by_ref() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return Some(&text[start..=at]),
            _ => {}
        }
    }
    None
}

//! The words of an expression, and where it stops being one: the parser says what is wrong, but
//! not where.

/// A word and where it begins, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) at: usize,
    pub(crate) text: &'a str,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Name,
    Number,
    Text,
    /// A bracket, a comma or an operator.
    Sign,
    /// What belongs nowhere, or a text without its end.
    Broken,
}

/// All words of an expression, without comments.
pub(crate) fn tokens(expr: &str) -> Vec<Token<'_>> {
    let bytes = expr.as_bytes();
    let (mut at, mut all) = (0, Vec::new());
    while at < bytes.len() {
        let rest = &expr[at..];
        let first = bytes[at];
        let (length, kind) = match first {
            b' ' | b'\t' | b'\n' | b'\r' => {
                at += 1;
                continue;
            }
            b'#' => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            b'"' | b'\'' | b'`' => text(rest, first),
            b'0'..=b'9' => (
                run(rest, |c| c.is_ascii_alphanumeric() || c == '.'),
                Kind::Number,
            ),
            b'.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => (
                run(rest, |c| c.is_ascii_alphanumeric() || c == '.'),
                Kind::Number,
            ),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => (
                run(rest, |c| c.is_ascii_alphanumeric() || c == '_' || c == ':'),
                Kind::Name,
            ),
            _ => sign(rest),
        };
        all.push(Token {
            at,
            text: &rest[..length],
            kind,
        });
        at += length;
    }
    all
}

fn run(rest: &str, is_part: impl Fn(char) -> bool) -> usize {
    rest.find(|c| !is_part(c)).unwrap_or(rest.len())
}

fn text(rest: &str, quote: u8) -> (usize, Kind) {
    let mut is_escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if quote != b'`' => is_escaped = true,
            byte if byte == quote => return (at + 1, Kind::Text),
            _ => {}
        }
    }
    (rest.len(), Kind::Broken)
}

fn sign(rest: &str) -> (usize, Kind) {
    const SIGNS: [&str; 24] = [
        "==", "!=", ">=", "<=", "=~", "!~", "(", ")", "{", "}", "[", "]", ",", "+", "-", "*", "/",
        "%", "^", "=", ">", "<", ":", "@",
    ];
    let found = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
    let length = rest.chars().next().map_or(1, char::len_utf8);
    found.map_or((length, Kind::Broken), |sign| (sign.len(), Kind::Sign))
}

/// Where an expression that cannot be parsed goes wrong, in bytes, and why, if that can be told.
pub(crate) fn fault(expr: &str) -> Option<(usize, String)> {
    let tokens = tokens(expr);
    let mut open: Vec<Token<'_>> = Vec::new();
    let mut before: Option<Token<'_>> = None;
    for token in &tokens {
        let is_in_braces = open.last().is_some_and(|open| open.text == "{");
        match token.text {
            _ if token.kind == Kind::Broken => {
                let why = if token.text.starts_with(['"', '\'', '`']) {
                    format!("this text has no closing {}", &token.text[..1])
                } else {
                    format!("{} has no meaning here", token.text)
                };
                return Some((token.at, why));
            }
            "(" | "{" | "[" => open.push(*token),
            ")" | "}" | "]" => {
                let wanted = open.pop().map(|open| closing(open.text));
                if wanted != Some(token.text) {
                    let why = wanted.map_or_else(
                        || format!("nothing was opened that this {} closes", token.text),
                        |wanted| format!("expected {wanted}"),
                    );
                    return Some((token.at, why));
                }
            }
            _ => {}
        }
        if let Some(why) = unfitting(before, *token, is_in_braces) {
            return Some((token.at, why));
        }
        before = Some(*token);
    }
    if let Some(open) = open.last() {
        let (wanted, from) = (closing(open.text), column(expr, open.at));
        let why = format!("expected {wanted} for the {} in column {from}", open.text);
        return Some((expr.len(), why));
    }
    let last = tokens.last()?;
    is_operator(*last).then(|| {
        (
            expr.len(),
            format!("expected something after {}", last.text),
        )
    })
}

/// The column of a place, from one.
pub(crate) fn column(expr: &str, at: usize) -> usize {
    expr[..at.min(expr.len())].chars().count() + 1
}

/// Why a word cannot follow the one before.
fn unfitting(before: Option<Token<'_>>, token: Token<'_>, is_in_braces: bool) -> Option<String> {
    let Some(before) = before else {
        let is_out_of_place = is_operator(token) && !["+", "-"].contains(&token.text);
        return is_out_of_place
            .then(|| format!("an expression does not begin with {}", token.text));
    };
    let is_value = |token: Token<'_>| match token.kind {
        Kind::Name => !is_word(token.text),
        Kind::Number | Kind::Text => true,
        _ => false,
    };
    // Not a round bracket: it may be that of `on (…)`.
    let ends = |token: Token<'_>| is_value(token) || matches!(token.text, "}" | "]");
    if is_in_braces {
        let is_pair_begun = matches!(before.text, "=" | "!=" | "=~" | "!~");
        return (is_pair_begun && token.kind != Kind::Text)
            .then(|| "expected a text in quotes".to_owned());
    }
    if ends(before) && is_value(token) {
        return Some(format!("expected an operator before {}", token.text));
    }
    if is_operator(before) && is_operator(token) && !["+", "-"].contains(&token.text) {
        return Some(format!(
            "expected something between {} and {}",
            before.text, token.text
        ));
    }
    (before.text == "," && token.text == ",").then(|| "expected something before ,".to_owned())
}

fn is_operator(token: Token<'_>) -> bool {
    const WORDS: [&str; 4] = ["and", "or", "unless", "atan2"];
    let is_sign = token.kind == Kind::Sign
        && !["(", ")", "{", "}", "[", "]", ",", ":", "@", "="].contains(&token.text);
    is_sign
        || (token.kind == Kind::Name && WORDS.contains(&token.text.to_ascii_lowercase().as_str()))
}

/// Words of the language that stand between values.
fn is_word(text: &str) -> bool {
    const WORDS: [&str; 24] = [
        "and",
        "or",
        "unless",
        "atan2",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "bool",
        "offset",
        "sum",
        "avg",
        "min",
        "max",
        "count",
        "stddev",
        "stdvar",
        "topk",
        "bottomk",
        "quantile",
        "group",
        "count_values",
    ];
    WORDS.contains(&text.to_ascii_lowercase().as_str())
}

fn closing(open: &str) -> &'static str {
    match open {
        "(" => ")",
        "{" => "}",
        _ => "]",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expr: &str, expected: Option<(usize, &str)>) {
        let found = fault(expr);
        let found = found.as_ref().map(|(at, why)| (*at, why.as_str()));
        assert_eq!(found, expected, "{expr}");
    }

    #[test]
    fn the_place_of_a_fault_is_found() {
        check(
            "sum(rate(x[5m])",
            Some((15, "expected ) for the ( in column 4")),
        );
        check("up)", Some((2, "nothing was opened that this ) closes")));
        check("rate(x[5m)", Some((9, "expected ]")));
        check("up{job=\"a}", Some((7, "this text has no closing \"")));
        check("up{job=a}", Some((7, "expected a text in quotes")));
        check("up down", Some((3, "expected an operator before down")));
        check("a + * b", Some((4, "expected something between + and *")));
        check("a +", Some((3, "expected something after +")));
        check("* a", Some((0, "an expression does not begin with *")));
        check("a ; b", Some((2, "; has no meaning here")));
        check("ü", Some((0, "ü has no meaning here")));
    }

    #[test]
    fn what_is_right_has_no_fault() {
        for expr in [
            "up",
            "-up + -1",
            "sum by (a, b) (rate(x{a=\"b\", c!~'d|e'}[5m] offset 1h)) / on (a) group_left y > bool 0.5",
            "histogram_quantile(0.9, sum by(le)(x)) and up unless down # a comment",
            "max_over_time(x[1h:5m]) @ end()",
            "count_values(\"v\", x) or vector(1e3)",
            "{__name__=~\"a.*\"}",
            "1h30m + .5",
        ] {
            check(expr, None);
        }
    }

    #[test]
    fn words_know_their_place() {
        let all = tokens("sum(a:b) >= 0x1f # no\n'x'");
        let texts: Vec<&str> = all.iter().map(|token| token.text).collect();
        assert_eq!(texts, ["sum", "(", "a:b", ")", ">=", "0x1f", "'x'"]);
        assert_eq!(column("aü)", 3), 3);
    }
}

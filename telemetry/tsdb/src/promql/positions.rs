//! Where the parts of an expression stand in its text, which the parser does not keep: its text is
//! read once more beside its tree.

use promql_parser::parser::{AggregateExpr, BinaryExpr, Call, Expr, VectorSelector};
use rustc_hash::FxHashMap;

/// Where each part begins, by its address within a tree that no longer moves.
#[derive(Debug, Default)]
pub(crate) struct Positions(FxHashMap<usize, usize>);

impl Positions {
    pub(crate) fn of(text: &str, expr: &Expr) -> Self {
        let mut reader = Reader {
            text,
            at: 0,
            found: FxHashMap::default(),
        };
        reader.expr(expr);
        Self(reader.found)
    }

    /// A string literal without its quotes, as it is written.
    pub(crate) fn text<'t>(&self, text: &'t str, literal: &Expr) -> Option<&'t str> {
        let start = *self.0.get(&address(literal))?;
        let mut reader = Reader {
            text,
            at: start,
            found: FxHashMap::default(),
        };
        reader.string();
        text.get(start + 1..reader.at.checked_sub(1)?)
    }

    /// Line and column, counted from one, as messages name them.
    pub(crate) fn place(&self, text: &str, expr: &Expr) -> String {
        let at = self.0.get(&address(expr)).copied().unwrap_or_default();
        let before = text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1) + 1;
        format!("{line}:{column}")
    }
}

fn address(expr: &Expr) -> usize {
    std::ptr::from_ref(expr).addr()
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    found: FxHashMap<usize, usize>,
}

impl Reader<'_> {
    fn expr(&mut self, expr: &Expr) {
        self.space();
        let start = self.at;
        while self.take('+') {}
        match expr {
            Expr::Unary(unary) => {
                self.take('-');
                self.expr(&unary.expr);
            }
            Expr::Paren(paren) => {
                self.take('(');
                self.expr(&paren.expr);
                self.take(')');
            }
            Expr::Binary(binary) => return self.binary(expr, binary),
            Expr::NumberLiteral(_) => self.number(),
            Expr::StringLiteral(_) => self.string(),
            Expr::VectorSelector(selector) => self.selector(selector),
            Expr::MatrixSelector(matrix) => {
                self.selector(&matrix.vs);
                self.brackets('[', ']');
            }
            Expr::Subquery(subquery) => {
                self.expr(&subquery.expr);
                self.brackets('[', ']');
            }
            Expr::Call(call) => self.call(call),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            Expr::Extension(_) => {}
        }
        self.modifiers();
        self.found.insert(address(expr), start);
    }

    fn binary(&mut self, expr: &Expr, binary: &BinaryExpr) {
        self.expr(&binary.lhs);
        let start = self.found.get(&address(&binary.lhs)).copied();
        self.found.insert(address(expr), start.unwrap_or_default());
        self.space();
        if self.word().is_empty() {
            let symbols = |c: char| !"+-*/%^=!<>".contains(c);
            let rest = self.rest();
            let end = rest.find(symbols).unwrap_or(rest.len());
            // A sign of the right side may follow at once.
            let length = match &rest[..end] {
                both if both.len() > 1 && both[1..].starts_with(['+', '-']) => 1,
                two if two.len() > 2 => 2,
                whole => whole.len(),
            };
            self.at += length;
        }
        while ["bool", "on", "ignoring", "group_left", "group_right"].contains(&self.peek_word())
            || self.peek_word().starts_with("fill") && self.word_is_called()
        {
            self.word();
            self.brackets('(', ')');
        }
        self.expr(&binary.rhs);
    }

    fn call(&mut self, call: &Call) {
        self.word();
        self.take('(');
        for arg in &call.args.args {
            self.expr(arg);
            self.take(',');
        }
        self.take(')');
    }

    fn aggregate(&mut self, aggregate: &AggregateExpr) {
        self.word();
        self.grouping();
        self.take('(');
        for arg in aggregate.param.iter().chain([&aggregate.expr]) {
            self.expr(arg);
            self.take(',');
        }
        self.take(')');
        self.grouping();
    }

    fn grouping(&mut self) {
        if ["by", "without"].contains(&self.peek_word().to_ascii_lowercase().as_str()) {
            self.word();
            self.brackets('(', ')');
        }
    }

    fn selector(&mut self, selector: &VectorSelector) {
        if selector.name.is_some() {
            self.word();
        }
        self.brackets('{', '}');
        self.modifiers();
    }

    /// `offset` and `@`.
    fn modifiers(&mut self) {
        loop {
            if self.peek_word().eq_ignore_ascii_case("offset") {
                self.word();
                self.number();
                self.brackets('(', ')');
            } else if self.take('@') {
                self.number();
                self.brackets('(', ')');
            } else {
                return;
            }
        }
    }

    /// A number, a duration or a word, with its signs.
    fn number(&mut self) {
        while self.take('+') || self.take('-') {}
        self.space();
        let bytes = self.rest().as_bytes();
        let is_hex = bytes.len() > 1 && bytes[1].eq_ignore_ascii_case(&b'x');
        let mut length = 0;
        while let Some(byte) = bytes.get(length) {
            let is_sign = b"+-".contains(byte)
                && length > 0
                && !is_hex
                && bytes[length - 1].eq_ignore_ascii_case(&b'e');
            if !byte.is_ascii_alphanumeric() && !b"._".contains(byte) && !is_sign {
                break;
            }
            length += 1;
        }
        self.at += length;
    }

    fn string(&mut self) {
        let rest = self.rest();
        let Some(quote) = rest.chars().next() else {
            return;
        };
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find(|&(_, c)| {
            let is_end = c == quote && !escaped;
            escaped = c == '\\' && !escaped && quote != '`';
            is_end
        });
        self.at += end.map_or(rest.len(), |(at, _)| at + 1);
    }

    /// What stands in brackets, if they open here.
    fn brackets(&mut self, open: char, close: char) {
        if !self.take(open) {
            return;
        }
        let mut depth = 1;
        while let Some(next) = self.rest().chars().next() {
            if matches!(next, '"' | '\'' | '`') {
                self.string();
                continue;
            }
            self.at += next.len_utf8();
            if next == open {
                depth += 1;
            } else if next == close {
                depth -= 1;
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn take(&mut self, expected: char) -> bool {
        self.space();
        let is_next = self.rest().starts_with(expected);
        if is_next {
            self.at += expected.len_utf8();
        }
        is_next
    }

    fn word(&mut self) -> &str {
        let length = self.peek_word().len();
        let start = self.at;
        self.at += length;
        &self.text[start..self.at]
    }

    fn peek_word(&mut self) -> &str {
        self.space();
        let rest = self.rest();
        let is_inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let end = rest.find(|c| !is_inside(c)).unwrap_or(rest.len());
        &rest[..end]
    }

    fn word_is_called(&mut self) -> bool {
        let length = self.peek_word().len();
        self.rest()[length..].trim_start().starts_with('(')
    }

    fn space(&mut self) {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start().len();
            if !self.rest().starts_with('#') {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use promql_parser::util::{ExprVisitor, walk_expr};

    use super::*;

    /// Checks that each selector of metric `m…` is found where the text has it.
    fn check(text: &str) {
        struct Metrics<'t>(&'t str, Positions, usize);
        impl ExprVisitor for Metrics<'_> {
            type Error = ();

            fn pre_visit(&mut self, expr: &Expr) -> Result<bool, ()> {
                let selector = match expr {
                    Expr::VectorSelector(selector) => selector,
                    Expr::MatrixSelector(matrix) => &matrix.vs,
                    _ => return Ok(true),
                };
                let name = selector.name.as_deref().unwrap();
                let before = self.0.find(name).unwrap();
                let at = before - self.0[..before].rfind('\n').map_or(0, |n| n + 1) + 1;
                let line = self.0[..before].matches('\n').count() + 1;
                let expected = format!("{line}:{at}");
                assert_eq!(self.1.place(self.0, expr), expected, "{name} in {}", self.0);
                self.2 += 1;
                Ok(true)
            }
        }
        let expr = promql_parser::parser::parse(text).unwrap();
        let positions = Positions::of(text, &expr);
        let mut metrics = Metrics(text, positions, 0);
        walk_expr(&mut metrics, &expr).unwrap();
        assert!(metrics.2 > 0);
    }

    #[test]
    fn parts_are_found_where_they_stand() {
        check("m1");
        check("  sum by (a, b) (rate(m1{a=\"}\", b='x'}[5m] offset -1m)) / on(a) group_left m2");
        check("-m1 + -1e-3 * (m2 @ start() - m3) >= bool 0x1f - m4");
        check("topk(3, m1) without (x) or quantile(0.5, m2) by (y)");
        check(
            "# who\n\n  m1 and # and\n m2[5m:1m] offset 5m unless m3"
                .replace("m2[5m:1m] offset 5m", "m2")
                .as_str(),
        );
        check("max_over_time(rate(m1[1m])[5m:30s] @ 10.5 offset 1h) ^ m2 ==m3");
        check("label_replace(m1, \"a\\\"\", `b`, 'c', \"d\") + ignoring(x) fill (-3) m2");
    }
}

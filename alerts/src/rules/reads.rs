use std::collections::BTreeSet;

use promql_parser::label::MatchOp;
use promql_parser::parser::{Expr, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use watchfire_schemas::LabelSet;

/// The metrics that an expression reads, so that what a rule writes is waited for only where a
/// later rule of its group looks at it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Reads {
    names: BTreeSet<String>,
    /// It reads what its text does not name.
    any: bool,
}

impl Reads {
    pub(crate) fn of(expr: &Expr) -> Self {
        let mut reads = Self::default();
        // Nothing in it can fail.
        if walk_expr(&mut reads, expr).is_err() {
            reads.any = true;
        }
        reads
    }

    /// For an expression that is known only once it is evaluated.
    pub(crate) fn anything() -> Self {
        Self {
            names: BTreeSet::new(),
            any: true,
        }
    }

    /// Whether it reads one of these metrics.
    pub(crate) fn touches(&self, written: &BTreeSet<String>) -> bool {
        !written.is_empty() && (self.any || self.names.iter().any(|name| written.contains(name)))
    }

    fn selector(&mut self, selector: &VectorSelector) {
        if let Some(name) = &selector.name {
            self.names.insert(name.clone());
            return;
        }
        let mut equal = selector.matchers.matchers.iter().filter(|matcher| {
            matcher.name == LabelSet::NAME && matches!(matcher.op, MatchOp::Equal)
        });
        match equal.next() {
            Some(name) if selector.matchers.or_matchers.is_empty() => {
                self.names.insert(name.value.clone());
            }
            _ => self.any = true,
        }
    }
}

impl ExprVisitor for Reads {
    type Error = ();

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, ()> {
        match expr {
            Expr::VectorSelector(selector) => self.selector(selector),
            Expr::MatrixSelector(selector) => self.selector(&selector.vs),
            Expr::Aggregate(aggregate) => {
                if let Some(parameter) = &aggregate.param {
                    walk_expr(self, parameter)?;
                }
            }
            // `info()` reads metrics that it does not name.
            Expr::Call(call) if call.func.name == "info" => self.any = true,
            _ => {}
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expr: &str, written: &str, touches: bool) {
        let reads = Reads::of(&promql_parser::parser::parse(expr).unwrap());
        let written = BTreeSet::from([written.to_owned()]);
        assert_eq!(reads.touches(&written), touches, "{expr}");
    }

    #[test]
    fn an_expression_reads_what_it_names() {
        check("sum(rate(a[5m])) / b", "a", true);
        check("sum(rate(a[5m])) / b", "b", true);
        check("sum(rate(a[5m])) / b", "c", false);
        check("{__name__=\"a\"}", "a", true);
        check("{__name__=~\"a|b\"}", "c", true);
        check("max_over_time(a[5m:1m] offset 1m)", "a", true);
        check("topk(scalar(b), a)", "b", true);
        check("vector(1)", "a", false);
        assert!(!Reads::anything().touches(&BTreeSet::new()));
    }
}

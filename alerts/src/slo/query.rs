//! The queries of an indicator, in which `{{.window}}` stands for a duration.

use std::sync::LazyLock;

use promql_parser::parser::Expr;
use promql_parser::parser::value::ValueType;
use regex::Regex;

static WINDOW: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{\{-?\s*\.window\s*-?\}\}").expect("the expression is sound"));

/// The query over one window.
pub(super) fn over(template: &str, window: &str) -> String {
    WINDOW.replace_all(template.trim(), window).into_owned()
}

/// Why a query cannot be used; none if it can.
pub(super) fn fault(template: &str) -> Option<String> {
    if !WINDOW.is_match(template) {
        return Some("the query needs {{.window}} where its range stands".to_owned());
    }
    let query = over(template, "5m");
    if query.contains("{{") {
        return Some("only {{.window}} can stand in a query".to_owned());
    }
    match promql_parser::parser::parse(&query) {
        Err(reason) => Some(format!("the query is not PromQL: {reason}")),
        Ok(expr) => match expr.value_type() {
            ValueType::Vector | ValueType::Scalar => None,
            other => Some(format!(
                "the query must give an instant vector, not a {other}"
            )),
        },
    }
}

/// A query that names counters without a range, made one that asks how much they grew in
/// `{{.window}}`: `sum(a)` becomes `sum(rate(a[{{.window}}]))`. None if that would not mean the same.
pub(super) fn of_counters(query: &str) -> Option<String> {
    let expr = promql_parser::parser::parse(query.trim()).ok()?;
    let mut text = String::new();
    write_rates(&expr, &mut text)?;
    Some(text)
}

/// Only sums of plain selectors: the rate of a sum is the sum of rates.
fn write_rates(expr: &Expr, into: &mut String) -> Option<()> {
    match expr {
        Expr::VectorSelector(selector) if selector.offset.is_none() && selector.at.is_none() => {
            into.push_str("rate(");
            into.push_str(&selector.to_string());
            into.push_str("[{{.window}}])");
            Some(())
        }
        Expr::Paren(inside) => {
            into.push('(');
            write_rates(&inside.expr, into)?;
            into.push(')');
            Some(())
        }
        Expr::Aggregate(sum) if sum.op.to_string() == "sum" && sum.modifier.is_none() => {
            into.push_str("sum(");
            write_rates(&sum.expr, into)?;
            into.push(')');
            Some(())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_put_in() {
        let query = "sum(rate(a[{{.window}}])) / sum(rate(b[{{ .window }}]))";
        assert_eq!(over(query, "1h"), "sum(rate(a[1h])) / sum(rate(b[1h]))");
        assert_eq!(fault(query), None);
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        let check = |query: &str, reason: &str| {
            let told = fault(query).unwrap_or_default();
            assert!(told.contains(reason), "{query}: {told}");
        };
        check("sum(rate(a[5m]))", "needs {{.window}}");
        check("sum(rate(a[{{.window}}]", "not PromQL");
        check("a[{{.window}}]", "not a matrix");
        check("sum(rate({{.metric}}[{{.window}}]))", "only {{.window}}");
    }

    #[test]
    fn counters_become_rates() {
        let check = |query: &str, expected: Option<&str>| {
            assert_eq!(of_counters(query).as_deref(), expected, "{query}");
            assert_eq!(of_counters(query).and_then(|query| fault(&query)), None);
        };
        check("a_total", Some("rate(a_total[{{.window}}])"));
        check(
            "sum(a_total{code=\"200\"})",
            Some("sum(rate(a_total{code=\"200\"}[{{.window}}]))"),
        );
        check("avg(a_total)", None);
        check("sum(rate(a_total[5m]))", None);
        check("a_total offset 5m", None);
    }
}

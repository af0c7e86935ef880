//! What an alerting expression compares with what, so that a page can draw both.

use promql_parser::parser::token::{T_LAND, T_LOR, T_LUNLESS};
use promql_parser::parser::{BinaryExpr, Expr};

/// More of them tell nobody anything.
const MOST: usize = 8;

/// One comparison of an expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What is compared, as an expression.
    pub left: String,
    /// `>`, `<=`, …
    pub operator: &'static str,
    /// With what.
    pub right: String,
    /// That, if it is a number.
    pub threshold: Option<f64>,
    /// Where it holds, the alert does not: it stands behind `unless`.
    pub prevents: bool,
}

/// The comparisons that an expression combines, in its order. None for what is no PromQL.
pub fn comparisons(expr: &str) -> Vec<Comparison> {
    let mut found = Vec::new();
    if let Ok(expr) = promql_parser::parser::parse(expr) {
        collect(&expr, false, &mut found);
    }
    found
}

fn collect(expr: &Expr, prevents: bool, found: &mut Vec<Comparison>) {
    if found.len() >= MOST {
        return;
    }
    match expr {
        Expr::Paren(inside) => collect(&inside.expr, prevents, found),
        Expr::Binary(binary) => match binary.op.id() {
            T_LAND | T_LOR => {
                collect(&binary.lhs, prevents, found);
                collect(&binary.rhs, prevents, found);
            }
            T_LUNLESS => {
                collect(&binary.lhs, prevents, found);
                collect(&binary.rhs, true, found);
            }
            _ => found.extend(comparison(binary, prevents)),
        },
        _ => {}
    }
}

fn comparison(binary: &BinaryExpr, prevents: bool) -> Option<Comparison> {
    let written = binary.op.to_string();
    let operator = ["==", "!=", ">=", "<=", ">", "<"]
        .into_iter()
        .find(|operator| *operator == written)?;
    Some(Comparison {
        left: binary.lhs.to_string(),
        operator,
        right: binary.rhs.to_string(),
        threshold: number(&binary.rhs),
        prevents,
    })
}

fn number(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::NumberLiteral(number) => Some(number.val),
        Expr::Paren(inside) => number(&inside.expr),
        Expr::Unary(negative) => number(&negative.expr).map(|value| -value),
        Expr::Binary(binary) => {
            let (left, right) = (number(&binary.lhs)?, number(&binary.rhs)?);
            match binary.op.to_string().as_str() {
                "+" => Some(left + right),
                "-" => Some(left - right),
                "*" => Some(left * right),
                "/" => Some(left / right),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Alerts;
    use crate::rules::{Rule, read_rules};

    fn check(expr: &str, expected: &[&str]) {
        let told: Vec<String> = comparisons(expr)
            .iter()
            .map(|c| {
                let word = if c.prevents { "unless " } else { "" };
                format!(
                    "{word}{} {} {} ({:?})",
                    c.left, c.operator, c.right, c.threshold
                )
            })
            .collect();
        assert_eq!(told, expected, "{expr}");
    }

    #[test]
    fn an_expression_is_taken_apart_where_it_decides() {
        check("up == 0", &["up == 0 (Some(0.0))"]);
        check(
            "(rate(a[1m]) > (4 * 0.25) and b < -5) unless c > 2 * d",
            &[
                "rate(a[1m]) > (4 * 0.25) (Some(1.0))",
                "b < -5 (Some(-5.0))",
                "unless c > 2 * d (None)",
            ],
        );
        check("vector(1)", &[]);
        check("not promql (", &[]);
    }

    #[test]
    fn the_parts_of_every_rule_that_ships_can_be_asked() {
        let (file, text) = Alerts::default_rules();
        for rule in read_rules(&file, &text)
            .unwrap()
            .iter()
            .flat_map(|g| &g.rules)
        {
            let Rule::Alerting(rule) = rule else { continue };
            let parts = comparisons(&rule.expr);
            assert_eq!(
                parts.is_empty(),
                !rule.expr.contains(['<', '>', '=']),
                "{}",
                rule.name
            );
            for part in parts.iter().flat_map(|c| [&c.left, &c.right]) {
                let parsed = promql_parser::parser::parse(part);
                assert!(parsed.is_ok(), "{}: {part}: {parsed:?}", rule.name);
            }
        }
    }
}

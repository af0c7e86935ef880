use std::sync::Arc;

use promql_parser::label::Matchers;
use promql_parser::parser::Expr;
use sha2::{Digest, Sha256};
use watchfire_schemas::LabelSet;

use crate::evaluation::LoadedGroup;
use crate::{RuleKind, RuleStatus};

/// What a request for rules asks for.
#[derive(Debug, Default)]
pub(super) struct RulesQuery {
    kind: Option<RuleKind>,
    names: Vec<String>,
    groups: Vec<String>,
    files: Vec<String>,
    /// A rule's labels must fit all matchers of one of these.
    matches: Vec<Matchers>,
    pub with_alerts: bool,
    pub group_limit: Option<usize>,
    next_token: Option<String>,
}

impl RulesQuery {
    pub(super) fn read(pairs: &[(String, String)]) -> Result<Self, String> {
        let mut query = Self {
            with_alerts: true,
            ..Self::default()
        };
        for (name, value) in pairs {
            let invalid = |reason: &str| format!("invalid parameter {name:?}: {reason}");
            match name.as_str() {
                "type" => query.kind = kind(value).map_err(|reason| invalid(&reason))?,
                "rule_name[]" => query.names.push(value.clone()),
                "rule_group[]" => query.groups.push(value.clone()),
                "file[]" => query.files.push(value.clone()),
                "match[]" => {
                    let read = matchers(value).map_err(|reason| invalid(&reason))?;
                    query.matches.push(read);
                }
                "exclude_alerts" if !value.is_empty() => {
                    let excludes = boolean(value).ok_or_else(|| {
                        invalid(&format!("error converting exclude_alerts: {value:?}"))
                    })?;
                    query.with_alerts = !excludes;
                }
                "group_limit" if !value.is_empty() => {
                    let limit = value.parse().ok().filter(|limit| *limit > 0);
                    let limit = limit
                        .ok_or_else(|| invalid("group_limit needs to be a positive number"))?;
                    query.group_limit = Some(limit);
                }
                "group_next_token" if !value.is_empty() => query.next_token = Some(value.clone()),
                _ => {}
            }
        }
        if query.next_token.is_some() && query.group_limit.is_none() {
            return Err(
                "invalid parameter \"group_limit\": group_limit needs to be present in \
                        order to paginate over the groups"
                    .to_owned(),
            );
        }
        Ok(query)
    }

    /// Where among the sorted groups the answer begins.
    pub(super) fn first_group(&self, groups: &[Arc<LoadedGroup>]) -> Result<usize, String> {
        let Some(wanted) = &self.next_token else {
            return Ok(0);
        };
        let found = groups.iter().position(|group| token(group) == *wanted);
        found.ok_or_else(|| {
            format!("invalid group_next_token '{wanted}'. were rule groups changed?")
        })
    }

    pub(super) fn wants(&self, rule: &RuleStatus) -> bool {
        let is_among =
            |wanted: &[String], found: &String| wanted.is_empty() || wanted.contains(found);
        let fits = |matchers: &Matchers| {
            matchers
                .matchers
                .iter()
                .all(|m| m.is_match(rule.labels.get(&m.name).unwrap_or_default()))
        };
        self.kind.is_none_or(|kind| kind == rule.kind)
            && is_among(&self.names, &rule.name)
            && is_among(&self.groups, &rule.group)
            && is_among(&self.files, &rule.file)
            && (self.matches.is_empty() || self.matches.iter().any(fits))
    }
}

/// By which a client asks for the groups from this one on.
pub(super) fn token(group: &LoadedGroup) -> String {
    let digest = Sha256::digest(group.id());
    let bytes = digest[..20].iter().copied();
    bytes
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

fn kind(text: &str) -> Result<Option<RuleKind>, String> {
    match text {
        "" => Ok(None),
        "alert" => Ok(Some(RuleKind::Alerting)),
        "record" => Ok(Some(RuleKind::Recording)),
        other => Err(format!("not supported value {other:?}")),
    }
}

/// As Go reads it.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

fn matchers(text: &str) -> Result<Matchers, String> {
    match promql_parser::parser::parse(text) {
        Ok(Expr::VectorSelector(selector)) => {
            let mut matchers = selector.matchers;
            if let Some(name) = selector.name {
                let named = promql_parser::label::Matcher::new(
                    promql_parser::label::MatchOp::Equal,
                    LabelSet::NAME,
                    &name,
                );
                matchers = matchers.append(named);
            }
            Ok(matchers)
        }
        Ok(_) => Err(format!("{text:?} is not a series selector")),
        Err(reason) => Err(format!("parse error: {reason}")),
    }
}

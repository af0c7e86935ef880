use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use serde_json::Value;
use watchfire_schemas::{Attributes, LabelSet};

use super::super::metric_name::label_name;
use super::super::{UNKNOWN_SERVICE, attributes};
use crate::OtlpMetrics;

/// The attributes that make `job` and `instance`.
const IDENTIFYING: [&str; 3] = ["service.namespace", "service.name", "service.instance.id"];

/// What all series of a resource, and of a scope in it, have in common.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Attributes of the resource that are wanted on every series: a point's own go before.
    pub(super) promoted: Vec<(String, String)>,
    /// What no attribute can take the place of: `job`, `instance`, the scope.
    pub(super) fixed: Vec<(String, String)>,
    info: Option<LabelSet>,
}

impl Target {
    pub(super) fn of(resource: &Attributes, rules: &OtlpMetrics) -> Self {
        let text = |key: &str| {
            let value = resource.get(key).and_then(Value::as_str);
            value.filter(|text| !text.is_empty())
        };
        let service = text("service.name").unwrap_or(UNKNOWN_SERVICE);
        let job = match text("service.namespace") {
            Some(namespace) => format!("{namespace}/{service}"),
            None => service.to_owned(),
        };
        let instance = text("service.instance.id").unwrap_or_default();
        let label =
            |(key, value): (&String, &Value)| (label_name(key, rules.names), label_value(value));
        let promoted = resource
            .iter()
            .filter(|(key, _)| rules.promote.contains(key));
        let fixed = vec![
            ("job".to_owned(), job),
            ("instance".to_owned(), instance.to_owned()),
        ];
        let rest = resource
            .iter()
            .filter(|(key, _)| !IDENTIFYING.contains(&key.as_str()));
        let rest: Vec<_> = rest.map(label).collect();
        let info = (!rest.is_empty()).then(|| {
            LabelSet::metric("target_info", rest.into_iter().chain(fixed.iter().cloned()))
        });
        Self {
            promoted: promoted.map(label).collect(),
            fixed,
            info,
        }
    }

    /// The same for the series of a scope, which says its name and version.
    pub(super) fn in_scope(
        &self,
        scope: Option<&InstrumentationScope>,
        rules: &OtlpMetrics,
    ) -> Self {
        let mut target = self.clone();
        let Some(scope) = scope.filter(|_| rules.scope_labels) else {
            return target;
        };
        let of_scope = attributes::attributes(&scope.attributes);
        let own = of_scope.iter().map(|(key, value)| {
            let key = format!("otel_scope_{}", label_name(key, rules.names));
            (key, label_value(value))
        });
        let named = [
            ("otel_scope_name", &scope.name),
            ("otel_scope_version", &scope.version),
        ];
        let named = named.map(|(label, value)| (label.to_owned(), value.clone()));
        target.fixed.extend(own.chain(named));
        target
    }

    /// The labels of `target_info`, if there is anything to tell.
    pub(super) fn info(&self) -> Option<LabelSet> {
        self.info.clone()
    }
}

/// A text as it is, everything else as JSON.
pub(super) fn label_value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

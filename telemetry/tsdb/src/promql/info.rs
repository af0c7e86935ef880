//! `info()`: adds to series what an info metric says of the same instance and job.

use std::sync::Arc;

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Call, Expr, VectorSelector};
use rustc_hash::{FxHashMap, FxHashSet};
use watchfire_schemas::LabelSet;

use super::evaluator::{Evaluator, failed};
use super::gathering::Collected;
use super::range_functions::without_parens;
use super::selection::Lookup;
use super::value::{Series, empty_column, same_labels};
use crate::QueryError;
use crate::matcher;
use crate::staleness::is_stale;

/// The info metric that is meant if none is named.
const DEFAULT_METRIC: &str = "target_info";

/// What an info metric and what it tells about have in common.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

pub(crate) fn eval(evaluator: &Evaluator<'_>, call: &Call) -> Result<Vec<Series>, QueryError> {
    let base = call.args.args.first();
    let base = evaluator.vector(base.ok_or_else(|| failed("a vector is missing"))?)?;
    let asked = match call.args.args.get(1).map(|arg| without_parens(arg)) {
        None => VectorSelector::new(None, promql_parser::label::Matchers::empty()),
        Some(Expr::VectorSelector(selector)) => selector.clone(),
        Some(_) => {
            return Err(failed(
                "info() takes a label selector as its second argument",
            ));
        }
    };
    let data = DataLabels::of(&asked)?;
    let infos = Infos::select(evaluator, asked)?;
    let mut results: Vec<Series> = Vec::new();
    let mut places: FxHashMap<Arc<LabelSet>, usize> = FxHashMap::default();
    for series in base {
        if data.is_info(series.metric.name()) {
            results.push(series);
            continue;
        }
        let of_series = infos.of(&series);
        for step in 0..series.values.len() {
            if !series.is_present(step) {
                continue;
            }
            let Some(labels) = data.enriched(&series, of_series.at(step)?)? else {
                continue;
            };
            let metric = series.metric.relabelled(labels, false);
            let place = *places.entry(metric.labels()).or_insert_with(|| {
                let values = empty_column(series.values.len());
                results.push(Series::of_floats(metric, values));
                results.len() - 1
            });
            if results[place].is_present(step) {
                return Err(same_labels());
            }
            results[place].set(step, series.point(step));
        }
    }
    Ok(results)
}

/// Which labels of which info metrics are wanted.
struct DataLabels {
    /// Those of the info metric's name; of the default metric if there is none.
    names: Vec<matcher::Matcher>,
    others: Vec<matcher::Matcher>,
}

impl DataLabels {
    fn of(asked: &VectorSelector) -> Result<Self, QueryError> {
        let mut matchers = asked.matchers.matchers.clone();
        if let Some(name) = &asked.name {
            matchers.push(Matcher::new(MatchOp::Equal, LabelSet::NAME, name));
        }
        let (names, others): (Vec<_>, Vec<_>) =
            matchers.iter().partition(|m| m.name == LabelSet::NAME);
        let read = |matchers: Vec<&Matcher>| -> Result<Vec<_>, QueryError> {
            matchers.into_iter().map(matcher::Matcher::new).collect()
        };
        Ok(Self {
            names: read(names)?,
            others: read(others)?,
        })
    }

    fn is_info(&self, name: &str) -> bool {
        if self.names.is_empty() {
            return name == DEFAULT_METRIC;
        }
        self.names.iter().any(|matcher| matcher.matches(name))
    }

    fn wants(&self, label: &str) -> bool {
        self.others.is_empty() || self.others.iter().any(|matcher| matcher.name == label)
    }

    /// A series' labels with those of the infos; none if an info was demanded and there is none.
    fn enriched(
        &self,
        series: &Series,
        infos: Vec<&Series>,
    ) -> Result<Option<LabelSet>, QueryError> {
        let mut added: Vec<(&str, &str)> = Vec::new();
        for info in infos {
            for (name, value) in info.metric.iter() {
                if name == LabelSet::NAME || !self.wants(name) {
                    continue;
                }
                match added.iter().find(|(other, _)| *other == name) {
                    Some((_, other)) if *other != value => {
                        return Err(failed(&format!("conflicting label: {name}")));
                    }
                    Some(_) => {}
                    None if series.metric.get(name).is_some() => {}
                    None => added.push((name, value)),
                }
            }
        }
        if added.is_empty() && self.others.iter().any(|matcher| !matcher.matches("")) {
            return Ok(None);
        }
        let own = series.metric.labels();
        Ok(Some(LabelSet::new(own.iter().chain(added))))
    }
}

/// Info series by what they tell about.
struct Infos {
    series: Vec<Series>,
    by_identity: FxHashMap<Identity, Vec<usize>>,
}

type Identity = [Option<String>; IDENTIFYING.len()];

impl Infos {
    /// The info series with the times of their samples as values.
    fn select(evaluator: &Evaluator<'_>, mut asked: VectorSelector) -> Result<Self, QueryError> {
        let by_name = asked
            .matchers
            .matchers
            .iter()
            .any(|m| m.name == LabelSet::NAME);
        if asked.name.is_none() && !by_name {
            asked.name = Some(DEFAULT_METRIC.to_owned());
        }
        let windows = evaluator.lookup_windows(&asked);
        let slices = evaluator.select(&asked, windows.span(), true)?;
        let times = Lookup {
            windows,
            times: true,
        };
        let fresh = || Collected::new(evaluator);
        let gathered = evaluator.gather_stored(&slices, windows.span(), &times, &fresh)?;
        Ok(Self::new(gathered.series))
    }

    fn new(series: Vec<Series>) -> Self {
        let mut by_identity: FxHashMap<Identity, Vec<usize>> = FxHashMap::default();
        for (i, one) in series.iter().enumerate() {
            by_identity.entry(identity(one)).or_default().push(i);
        }
        Self {
            series,
            by_identity,
        }
    }

    fn of(&self, series: &Series) -> InfosOf<'_> {
        let identity = identity(series);
        // What has neither label is told about by nothing.
        let known = identity.iter().any(Option::is_some);
        let found = self.by_identity.get(&identity).filter(|_| known);
        let found = found.into_iter().flatten();
        InfosOf(found.map(|&i| &self.series[i]).collect())
    }
}

fn identity(series: &Series) -> Identity {
    IDENTIFYING.map(|name| series.metric.get(name).map(str::to_owned))
}

/// The info series that tell about one series.
struct InfosOf<'i>(Vec<&'i Series>);

impl<'i> InfosOf<'i> {
    /// Those at a step: of each info metric the one with the newest sample.
    fn at(&self, step: usize) -> Result<Vec<&'i Series>, QueryError> {
        let mut newest: Vec<&Series> = Vec::new();
        let mut doubled: FxHashSet<&str> = FxHashSet::default();
        for &info in self.0.iter().filter(|info| !is_stale(info.values[step])) {
            let name = info.metric.name();
            match newest.iter_mut().find(|other| other.metric.name() == name) {
                None => newest.push(info),
                Some(other) if other.values[step] < info.values[step] => {
                    doubled.remove(name);
                    *other = info;
                }
                Some(other) if other.values[step] > info.values[step] => {}
                Some(_) => {
                    doubled.insert(name);
                }
            }
        }
        match doubled.iter().next() {
            Some(name) => Err(failed(&format!(
                "found duplicate series for info metric {name}"
            ))),
            None => Ok(newest),
        }
    }
}

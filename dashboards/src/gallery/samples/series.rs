//! Time series.

use super::*;

/// A wave with noise that is the same each time.
pub(super) fn wave(at: usize, base: f64, swing: f64) -> f64 {
    let noise = ((at * 7919 % 101) as f64 / 101.0 - 0.5) * swing;
    (base + (at as f64 / 9.0).sin() * swing * 0.6 + noise).max(0.0)
}

pub(super) fn points(value: impl Fn(usize) -> f64) -> Vec<(Timestamp, f64)> {
    (0..61)
        .map(|at| (ago((60 - at) as f64 * 60.0), value(at)))
        .collect()
}

pub(crate) fn red(mood: Mood) -> Vec<ServiceRed> {
    let service = |plain: &str, base: f64, failing: bool, p99: f64| ServiceRed {
        name: name(mood, plain),
        rate: points(|at| wave(at, base, base / 5.0)),
        errors: points(|at| match at {
            at if failing && at > 52 => wave(at, base * 0.3, base * 0.1),
            at if at % 17 == 3 => base * 0.004,
            _ => 0.0,
        }),
        p50: points(|at| wave(at, p99 / 9.0, p99 / 60.0)),
        p95: points(|at| wave(at, p99 / 2.0, p99 / 9.0)),
        p99: points(|at| wave(at, p99, p99 / 4.0) * if failing && at > 52 { 3.2 } else { 1.0 }),
        error_logs: points(|at| if failing && at > 52 { 4.1 } else { 0.0 }),
    };
    match mood {
        Mood::Empty => Vec::new(),
        _ => vec![
            service("content", 212.0, true, 0.34),
            service("gateway", 248.0, false, 0.41),
            service("payments", 14.0, false, 0.62),
            service("search", 61.0, false, 0.088),
            service("sync-worker", 0.7, false, 2.4),
        ],
    }
}

/// One observation with its trace.
fn exemplars() -> Vec<ExemplarSeries> {
    vec![ExemplarSeries {
        labels: LabelSet::default(),
        exemplars: vec![Exemplar {
            t: ago(600.0).millis(),
            v: 0.3,
            trace_id: Some(trace()[0].trace_id),
            labels: LabelSet::default(),
        }],
    }]
}

/// What the page of a service found.
pub(crate) fn service_found(mood: Mood) -> service::Found {
    if mood == Mood::Empty {
        return service::Found::default();
    }
    let red = red(mood);
    let groups = groups_of(mood).0.into_iter().take(2);
    service::Found {
        service: red.first().cloned(),
        earlier: red.last().cloned(),
        operations: red,
        buckets: buckets(),
        exemplars: exemplars(),
        busy: BTreeMap::new(),
        failed: Some(span_page(mood)),
        happened: service::Happened {
            changes: changes(mood),
            incidents: incidents_of(mood),
        },
        groups: groups.map(|group| (group, 12.0)).collect(),
        errors: Some(log_page_of(mood)),
        slow: Some(span_page(mood)),
        calls: calls(mood),
        saturation: vec![matrix(mood); 9],
    }
}

fn calls(mood: Mood) -> Vec<Call> {
    let call = |client: &str, server: &str, failed, kind: &str| Call {
        client: name(mood, client),
        server: name(mood, server),
        kind: kind.to_owned(),
        per_second: 20.0,
        failed,
        p95: 0.03,
    };
    vec![
        call("gateway", "content", 0.3, ""),
        call("content", "sqlite", 0.0, "database"),
        call("gateway", "search", 0.02, ""),
    ]
}

/// What the list of services found.
pub(crate) fn services_found(mood: Mood) -> services::Found {
    if mood == Mood::Empty {
        return services::Found::default();
    }
    let red = red(mood);
    services::Found {
        rates: red
            .iter()
            .map(|red| (red.name.clone(), (2.0, 1.0)))
            .collect(),
        services: red,
        open: incidents_of(mood),
        changes: changes(mood),
        traffic: traffic(mood),
        queues: BTreeSet::new(),
    }
}

/// The text of a query.
pub(crate) fn expression(mood: Mood) -> String {
    match mood {
        Mood::Empty => String::new(),
        _ => format!(
            "sum by (service) (rate(log_records_total{{x!={:?}}}[5m]))",
            name(mood, "y")
        ),
    }
}

fn vector(mood: Mood) -> QueryValue {
    let sample = |series: RangeSeries| InstantSample {
        sample: *series.samples.last().unwrap(),
        labels: series.labels,
        histogram: None,
    };
    QueryValue::Vector(matrix(mood).into_iter().map(sample).collect())
}

fn matrix(mood: Mood) -> Vec<RangeSeries> {
    let series = |service: ServiceRed| RangeSeries {
        labels: LabelSet::new([("service".to_owned(), service.name)]),
        samples: on_grid(&service.rate),
        histograms: Vec::new(),
    };
    red(mood).into_iter().map(series).collect()
}

fn on_grid(points: &[(Timestamp, f64)]) -> Vec<Sample> {
    let sample = |(at, v): &(Timestamp, f64)| Sample {
        t: at.millis().div_euclid(15_000) * 15_000,
        v: *v,
    };
    points.iter().map(sample).collect()
}

fn buckets() -> Vec<RangeSeries> {
    let bounds = ["0.005", "0.01", "0.05", "0.1", "0.5", "1", "+Inf"];
    let of_bound = |(at, le): (usize, &str)| RangeSeries {
        labels: LabelSet::new([("le".to_owned(), le.to_owned())]),
        samples: on_grid(&points(|step| wave(step, 40.0, 9.0) * (at + 1) as f64)),
        histograms: Vec::new(),
    };
    bounds.into_iter().enumerate().map(of_bound).collect()
}

/// What the page for expressions found.
pub(crate) fn explored(mood: Mood, url: &state::ExploreUrl) -> answers::Found {
    if mood == Mood::Empty {
        return answers::Found::default();
    }
    let annotations = Annotations {
        warnings: vec![name(
            mood,
            "PromQL warning: quantile value should be between 0 and 1",
        )],
        infos: vec![],
    };
    let value = match url.face {
        state::Face::Table => answers::Value::Now(QueryAnswer {
            value: vector(mood),
            annotations,
        }),
        state::Face::Heat => answers::Value::Lines(QueryAnswer {
            value: buckets(),
            annotations,
        }),
        _ => answers::Value::Lines(QueryAnswer {
            value: matrix(mood),
            annotations,
        }),
    };
    let answered = |letter, expr: String, value| answers::Answered {
        letter,
        expr,
        value,
        ghost: matrix(mood),
        took: Duration::from_millis(12),
    };
    let refused = "invalid parameter \"query\": parse error: unclosed left brace";
    let mut all = vec![answered("a", url.rows[0].expr.clone(), Ok(value))];
    if url.face != state::Face::Heat {
        all.push(answered(
            "b",
            "up{".to_owned(),
            Err(QueryError::BadData(refused.to_owned())),
        ));
    }
    let said = |family: &str, kind| MetricMetadata {
        family: name(mood, family),
        kind,
        help: message(mood, "How long answers take."),
        unit: "seconds".to_owned(),
    };
    let said = vec![
        said(
            "http_server_request_duration_seconds",
            MetricKind::Histogram,
        ),
        said("log_records", MetricKind::Counter),
    ];
    let counts = said
        .iter()
        .map(|meta| (meta.family.clone(), 14))
        .collect::<Vec<_>>();
    answers::Found {
        answers: all,
        exemplars: exemplars(),
        incidents: incidents_of(mood),
        changes: changes(mood),
        metrics: browser::gathered(&counts, said.clone()),
        said,
    }
}

//! Every page, rendered with sample data: full, empty and hostile. The pages are also written to
//! `target/gallery`, to be looked at.

pub(crate) mod samples;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::pages::{
    alerts, exception, exceptions, explore, incident, incidents, logs, missing, overview,
    reliability, runbook, schemas, service, services, settings, status, trace, traces,
};
use crate::range::Asked;
use crate::shell::{House, Shell};
use samples::{Mood, now};

fn house(mood: Mood) -> House {
    House {
        now: now(),
        is_demo: mood == Mood::Full,
        open_incidents: usize::from(mood != Mood::Empty) * 2,
    }
}

fn hour() -> Asked {
    let params = crate::params::Params::parse("last=1h");
    Asked::from_params(&params, now(), "1h").unwrap()
}

/// All pages of a mood, by name.
fn pages(mood: Mood) -> Vec<(&'static str, String)> {
    let mut pages = signals(mood);
    pages.extend(log_pages(mood));
    pages.extend(explore_pages(mood));
    pages.extend(service_pages(mood));
    pages.extend(trace_pages(mood));
    pages.extend(trace_lists(mood));
    pages.extend(responses(mood));
    pages.extend(alert_pages(mood));
    pages.extend(house_pages(mood));
    pages
}

/// The faces of the page of logs, and one record.
fn log_pages(mood: Mood) -> Vec<(&'static str, String)> {
    let house = house(mood);
    let text = |view: &dyn askama::DynTemplate| view.dyn_render().unwrap();
    let open = samples::log_page().records[0].id;
    let page = |more: &str, found: &logs::Found| {
        let query = crate::url::encode(&samples::query(mood));
        let asked = format!("q={query}&off=-severity:TRACE&last=1h{more}");
        let params = crate::params::Params::parse(&asked);
        let url = logs::state::LogsUrl::from_params(&params, now()).unwrap();
        let shell = Shell::ranged(&house, "/logs", "Logs", &url.asked, &[]);
        text(&logs::view(shell, &url, now(), found))
    };
    let list = samples::logs_found(mood);
    let (record, surroundings) = samples::surroundings(mood);
    let around = logs::AskedAround {
        pivot: 0,
        near: 20,
        range: None,
    };
    let shell = Shell::new(&house, "/logs", "Log record");
    // The list of hostile records as it is, and, in the list of samples, as an error.
    let records = logs::Found {
        answer: logs::Answer::Records(samples::log_page_of(mood)),
        ..samples::logs_found(mood)
    };
    let columns = format!("&cols=http.route,client.region&field=http.route&open={open}");
    vec![
        ("logs", page("", &list)),
        ("logs-columns", page(&columns, &records)),
        ("logs-live", page("&view=live", &records)),
        ("logs-table", page("&tz=local", &samples::table_found(mood))),
        (
            "logs-patterns",
            page("&view=patterns", &samples::patterns_found(mood)),
        ),
        (
            "log-record",
            text(&logs::record_view(shell, &record, surroundings, &around)),
        ),
    ]
}

/// The faces of the page for expressions.
fn explore_pages(mood: Mood) -> Vec<(&'static str, String)> {
    let house = house(mood);
    let page = |name: &'static str, more: &str| {
        let expr = crate::url::encode(&samples::expression(mood));
        let asked = format!("a={expr}&b=up%7B&last=1h{more}");
        let params = crate::params::Params::parse(&asked);
        let url = explore::state::ExploreUrl::from_params(&params, now()).unwrap();
        let shell = Shell::ranged(&house, "/explore", "Explore", &url.asked, &[]);
        let found = samples::explored(mood, &url);
        let view = explore::view(shell, &url, now(), "127.0.0.1:7117", &found);
        (name, askama::Template::render(&view).unwrap())
    };
    vec![
        page("explore", "&vs=day"),
        page("explore-stacked", "&stack=1&off=b"),
        page("explore-table", "&view=table"),
        page("explore-heat", "&view=heat"),
        page("explore-metrics", "&view=metrics&find=s"),
    ]
}

/// A trace with its panel, with a log record chosen, and one of thousands of spans.
fn trace_pages(mood: Mood) -> Vec<(&'static str, String)> {
    let house = house(mood);
    let page = |asked: &str, found: &trace::Found| {
        let params = crate::params::Params::parse(asked);
        let id = samples::trace()[0].trace_id;
        let url = trace::TraceUrl::from_params(id, &params, now()).unwrap();
        let shell = Shell::new(&house, "/traces/", "Trace");
        askama::Template::render(&trace::view(shell, &url, found)).unwrap()
    };
    let span = samples::span_id(5);
    let (small, large) = (samples::trace_found(mood), samples::large_trace_found());
    let log = small
        .layout
        .records
        .first()
        .map(|found| found.id.to_string());
    let log = log.unwrap_or_default();
    vec![
        ("trace", page("", &samples::without_panel(mood))),
        (
            "trace-span",
            page(&format!("span={span}&find=tile"), &small),
        ),
        (
            "trace-log",
            page(&format!("log={log}"), &samples::without_panel(mood)),
        ),
        ("trace-large", page("from=100", &large)),
    ]
}

/// The page of traces: as one comes to it, with a region, by another field, slowest first.
fn trace_lists(mood: Mood) -> Vec<(&'static str, String)> {
    let house = house(mood);
    let page = |name: &'static str, more: &str, found: &traces::Found| {
        let query = match mood {
            Mood::Full => "service:content",
            Mood::Empty => "",
            Mood::Hostile => samples::SCRIPT,
        };
        let query = crate::url::encode(query);
        let params = crate::params::Params::parse(&format!("q={query}&last=1h{more}"));
        let url = traces::state::TracesUrl::from_params(&params, now()).unwrap();
        let shell = Shell::ranged(&house, "/traces", "Traces", &url.asked, &[]);
        let view = traces::view(shell, &url, now(), found);
        (name, askama::Template::render(&view).unwrap())
    };
    let found = samples::spans_found(mood);
    let wrong = traces::Found {
        answer: traces::Answer::Unreadable(2, format!("expected a term, not {}", samples::SCRIPT)),
        ..samples::spans_found(mood)
    };
    let slowest = traces::Found {
        answer: traces::Answer::Slowest(None),
        comparison: Some(traces::Comparison::Late),
        ..samples::spans_found(mood)
    };
    let region = "&region=duration:%5B300ms%20TO%202s%7D%20timestamp:%5B2026-11-22T03:06:00Z%20TO%202026-11-22T03:14:00Z%7D";
    vec![
        ("traces", page("", "", &found).1),
        ("traces-region", page("", region, &found).1),
        (
            "traces-slowest",
            page(
                "",
                "&order=slowest&sort=p99&groups=all&region=status:error",
                &slowest,
            )
            .1,
        ),
        ("traces-error", page("", "&group=host.name", &wrong).1),
    ]
}

fn signals(mood: Mood) -> Vec<(&'static str, String)> {
    let (house, asked) = (house(mood), hour());
    let query = samples::query(mood);
    let shell =
        |path, title: &str| Shell::ranged(&house, path, title, &asked, &[("q", query.as_str())]);
    let text = |view: &dyn askama::DynTemplate| view.dyn_render().unwrap();
    let red = samples::red(mood);
    let wanted = service::Wanted {
        name: red
            .first()
            .map_or_else(|| "none".to_owned(), |red| red.name.clone()),
        sort: "rate".to_owned(),
        against: explore::Against::Day,
        asked: asked.clone(),
    };
    let service = samples::service_found(mood);
    vec![
        (
            "overview",
            text(&overview::view(
                Shell::new(&house, "/", "Overview"),
                now(),
                &red,
                &samples::incidents_of(mood),
                &samples::lately(mood),
            )),
        ),
        (
            "service",
            text(&service::view(
                shell("/services/content", "content"),
                now(),
                &wanted,
                &service,
            )),
        ),
    ]
}

/// The map of services at several sizes, around one of them, and its list.
fn service_pages(mood: Mood) -> Vec<(&'static str, String)> {
    let house = house(mood);
    let page = |name: &'static str, asked: &str, found: &services::Found| {
        let params = crate::params::Params::parse(asked);
        let wanted = services::Wanted::from_params(&params, now()).unwrap();
        let shell = Shell::ranged(&house, "/services", "Services", &wanted.asked, &[]);
        let view = services::view(shell, now(), &wanted, found);
        (name, askama::Template::render(&view).unwrap())
    };
    let mut pages = vec![page("services", "last=1h", &samples::services_found(mood))];
    if mood == Mood::Full {
        pages.extend([
            page("services-12", "", &samples::system_found(12)),
            page("services-40", "", &samples::system_found(40)),
            page("services-120", "", &samples::system_found(120)),
            page("services-300", "", &samples::system_found(300)),
            page(
                "services-focus",
                "focus=cart&hops=1",
                &samples::system_found(120),
            ),
            page("services-list", "view=list", &samples::system_found(40)),
        ]);
    }
    pages
}

fn responses(mood: Mood) -> Vec<(&'static str, String)> {
    let (house, asked) = (house(mood), hour());
    let shell = |path, title: &str| Shell::ranged(&house, path, title, &asked, &[]);
    let text = |view: &dyn askama::DynTemplate| view.dyn_render().unwrap();
    let incidents = samples::incidents_of(mood);
    let mut all = samples::past_incidents();
    if mood == Mood::Empty {
        all.clear();
    }
    let (groups, trends) = samples::groups_of(mood);
    let narrowed = exceptions::Narrowed {
        status: "open".to_owned(),
        order: "change".to_owned(),
        ..exceptions::Narrowed::default()
    };
    let open = samples::incident(mood);
    let context = samples::incident_context(mood);
    let resolved = samples::resolved_incident();
    let mut pages = vec![
        (
            "incidents",
            text(&incidents::view(
                shell("/incidents", "Incidents"),
                now(),
                &asked,
                incidents::Narrowed::default(),
                incidents.iter().cloned().chain(all.clone()).collect(),
            )),
        ),
        (
            "incident",
            text(&incident::view(
                Shell::new(&house, "/incidents/", open.title.clone()),
                now(),
                &open,
                &context,
            )),
        ),
        (
            "incident-resolved",
            text(&incident::view(
                Shell::new(&house, "/incidents/", resolved.title.clone()),
                now(),
                &resolved,
                &context,
            )),
        ),
        (
            "exceptions",
            text(&exceptions::view(
                shell("/exceptions", "Exceptions"),
                &asked,
                &narrowed,
                &groups,
                &trends,
            )),
        ),
        ("reliability", reliability_page(mood)),
    ];
    for group in groups.iter().take(1) {
        let context = samples::exception_context(mood, asked.range.start);
        let shell = shell("/exceptions/e", &group.kind);
        pages.push((
            "exception",
            text(&exception::view(shell, &asked, group, &context)),
        ));
    }
    pages
}

/// With three months of incidents, and a comparison.
fn reliability_page(mood: Mood) -> String {
    let wanted = samples::reliability_wanted(mood);
    let shell = Shell::ranged(
        &house(mood),
        "/reliability",
        "Reliability",
        &wanted.asked,
        &[],
    );
    let found = samples::reliability_found(mood, &wanted);
    askama::Template::render(&reliability::view(shell, &wanted, now(), &found)).unwrap()
}

fn alert_pages(mood: Mood) -> Vec<(&'static str, String)> {
    let (house, asked) = (house(mood), hour());
    let text = |view: &dyn askama::DynTemplate| view.dyn_render().unwrap();
    vec![
        (
            "alerts",
            text(&alerts::view(
                Shell::new(&house, "/alerts", "Alerts"),
                now(),
                &samples::alerts_found(mood),
            )),
        ),
        (
            "alert-rule",
            text(&alerts::rule::view(
                Shell::ranged(
                    &house,
                    "/alerts/x",
                    samples::firing_rule(mood).name,
                    &asked,
                    &[],
                ),
                now(),
                &samples::firing_rule(mood),
                "",
                &asked,
                &samples::rule_found(mood),
            )),
        ),
        (
            "silences",
            text(&alerts::silences::view(
                Shell::new(&house, "/alerts/silences", "Silences"),
                now(),
                "service=\"content\"",
                &samples::silences_found(mood),
            )),
        ),
        (
            "runbook",
            text(&runbook::view(
                Shell::new(&house, "/alerts", "Runbook: OperationDown"),
                Some("/alerts/watchfire%2FOperationDown".to_owned()),
                watchfire_alerts::Alerts::runbook("OperationDown").unwrap_or_default(),
            )),
        ),
    ]
}

fn house_pages(mood: Mood) -> Vec<(&'static str, String)> {
    let (house, asked) = (house(mood), hour());
    let text = |view: &dyn askama::DynTemplate| view.dyn_render().unwrap();
    let (rules, _) = samples::rules(mood);
    let started = crate::figures::When::ago(now() - Duration::from_secs(7300), now());
    let destinations = samples::status_found(mood).destinations;
    vec![
        (
            "schemas",
            text(&schemas::view(
                Shell::new(&house, "/schemas", "Schemas"),
                &asked,
                &samples::schemas_found(mood),
            )),
        ),
        (
            "status",
            text(&status::view(
                Shell::new(&house, "/status", "Status"),
                now(),
                &samples::status_found(mood),
            )),
        ),
        (
            "missing",
            text(&missing::view(
                Shell::new(&house, "/x", "There is no such page"),
                samples::query(mood).as_str(),
            )),
        ),
        (
            "settings",
            text(&settings::view(
                Shell::new(&house, "/settings", "Settings"),
                &rules,
                &destinations,
                started,
            )),
        ),
    ]
}

fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/gallery"))
}

#[test]
fn every_page_renders_and_is_written_to_the_gallery() {
    for asset in crate::assets::all() {
        let path = directory().join(asset.href.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, asset.text()).unwrap();
    }
    for (mood, suffix) in [
        (Mood::Full, ""),
        (Mood::Empty, "-empty"),
        (Mood::Hostile, "-hostile"),
    ] {
        for (name, html) in pages(mood) {
            fs::write(directory().join(format!("{name}{suffix}.html")), &html).unwrap();
            for forbidden in [" style=\"", "<style", "onclick", "NaN", "javascript:alert"] {
                assert!(!html.contains(forbidden), "{name}{suffix} has {forbidden}");
            }
            assert!(
                html.len() < 600_000,
                "{name}{suffix} has {} bytes",
                html.len()
            );
            assert_eq!(html.matches("<h1").count(), 1, "{name}{suffix}");
        }
    }
}

#[test]
fn what_came_from_outside_is_always_escaped() {
    for (name, html) in pages(Mood::Hostile) {
        assert!(
            !html.contains(samples::SCRIPT),
            "{name} lets a script through"
        );
        assert!(
            !html.contains("<img src=x"),
            "{name} lets an element through"
        );
    }
    let seen = pages(Mood::Hostile);
    let escaped = seen
        .iter()
        .filter(|(_, html)| html.contains("alert(1)"))
        .count();
    assert!(escaped > 12, "the samples must reach the pages: {escaped}");
}

#[test]
fn a_fault_says_what_is_wrong_without_letting_it_run() {
    use axum::response::IntoResponse;
    let fault = crate::pages::Fault::NotFound(format!("incident {}", samples::SCRIPT));
    assert_eq!(fault.into_response().status(), http::StatusCode::NOT_FOUND);
}

/// Two pages are held letter by letter; `UPDATE_GOLDEN=1` writes them anew.
#[test]
fn pages_are_as_they_were() {
    let shown = pages(Mood::Empty);
    for name in ["overview", "settings"] {
        let (_, html) = shown.iter().find(|(other, _)| *other == name).unwrap();
        let html = html
            .replace(&crate::assets::STYLE.href, "STYLE")
            .replace(&crate::assets::SCRIPT.href, "SCRIPT")
            .replace(&crate::assets::ICON.href, "ICON");
        let path =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.html"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &html).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(html, expected, "{name}; UPDATE_GOLDEN=1 writes it anew");
    }
}

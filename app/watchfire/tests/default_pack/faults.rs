use watchfire_alerts::{Incident, OnsetMethod};
use watchfire_schemas::AlertSeverity;

use crate::traffic::{Fault, Spread, Traffic};
use crate::world::{World, since, told};

/// When it breaks, in seconds, and for how long it is watched.
const ONSET: u64 = 4203;
const WATCHED: u64 = 100;

/// What is asked of the one page that a fault must give.
struct Expected {
    title: &'static str,
    severity: AlertSeverity,
    /// Seconds from onset to detection.
    within: f64,
}

/// One page, in time, by its right name, with its onset dated right.
async fn check(rate: f64, errors: f64, fault: Fault, expected: Expected) -> Incident {
    let seed = 1;
    let traffic = Traffic::new("content", rate, errors, Spread::Chance, seed);
    let mut world = World::new(vec![traffic.with(fault, ONSET..ONSET + 300)]).await;
    world.warm_up(ONSET - 10);
    world.run(ONSET + WATCHED, seed).await;
    let mut pages = world.pages().await;
    let shown: Vec<String> = pages.iter().map(|page| told(page, ONSET)).collect();
    println!("{rate}/s, usually {errors} errors, {fault:?}: {shown:#?}");
    assert_eq!(pages.len(), 1);
    let page = pages.remove(0);
    assert!(page.title.contains(expected.title), "{}", page.title);
    assert_eq!(page.severity, expected.severity);
    let detected = since(ONSET, page.detected_at);
    assert!(0.0 < detected && detected <= expected.within, "{detected}");
    assert_eq!(page.onset.method, OnsetMethod::StepV2);
    assert!(since(ONSET, page.onset.at).abs() <= 5.0);
    let (earliest, latest) = (page.onset.earliest, page.onset.latest);
    assert!(since(ONSET, earliest) <= 1.0 && since(ONSET, latest) >= 0.0);
    page
}

#[tokio::test]
async fn total_failure_pages_within_half_a_minute() {
    let expected = Expected {
        title: "100 % of GET /places fail",
        severity: AlertSeverity::Critical,
        within: 25.0,
    };
    check(5.0, 0.01, Fault::Fails(1.0), expected).await;
}

#[tokio::test]
async fn total_failure_of_one_request_a_second_pages_within_a_minute() {
    let expected = Expected {
        title: "100 % of GET /places fail",
        severity: AlertSeverity::Critical,
        within: 60.0,
    };
    let page = check(1.0, 0.0, Fault::Fails(1.0), expected).await;
    // The warning came first and does not count as detection.
    let rules = page
        .alerts
        .iter()
        .map(|alert| (alert.rule.as_str(), alert.fired_at));
    let (rule, warned) = rules.min_by_key(|(_, fired)| *fired).unwrap();
    assert_eq!(rule, "NewException");
    assert!(warned.unwrap() < page.detected_at);
}

#[tokio::test]
async fn partial_failure_pages_within_a_minute_as_what_users_feel() {
    let expected = Expected {
        title: "% of GET /places fail",
        severity: AlertSeverity::Error,
        within: 45.0,
    };
    check(5.0, 0.01, Fault::Fails(0.4), expected).await;
}

#[tokio::test]
async fn slowness_pages_within_half_a_minute() {
    let expected = Expected {
        title: "GET /places is slow",
        severity: AlertSeverity::Error,
        within: 30.0,
    };
    check(10.0, 0.0, Fault::Slow(0.5), expected).await;
}

#[tokio::test]
async fn traffic_that_is_gone_is_dated_to_the_second() {
    let expected = Expected {
        title: "traffic is gone",
        severity: AlertSeverity::Critical,
        within: 90.0,
    };
    check(10.0, 0.0, Fault::Gone, expected).await;
}

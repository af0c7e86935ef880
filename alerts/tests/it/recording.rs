//! What rules write: their own series, `ALERTS`, and the ends of both.

use std::time::Duration;

use watchfire_alerts::RuleKind;
use watchfire_schemas::Sample;

use crate::house::House;

const RULES: &str = "
groups:
- name: g
  interval: 5s
  rules:
  - record: job:calls:increase15s
    expr: increase(calls{}[15s]) > 0
    labels: {source: rules}
  - alert: Called
    expr: increase(calls{}[15s]) > 20
    for: 5s
    labels: {severity: info}
";

/// What was written since the last time, as `series value @ second`; the marker of staleness as
/// `end`.
fn written(house: &House) -> Vec<String> {
    let written = house.script.take_written().into_iter();
    let mut told: Vec<String> = written
        .map(|(series, at, value)| {
            let series = series.replace(", operation=\"GET /places\", service=\"content\"", "");
            if value.to_bits() == Sample::STALE.to_bits() {
                format!("{series} end @ {at}")
            } else {
                format!("{series} {value} @ {at}")
            }
        })
        .collect();
    told.sort();
    told
}

#[tokio::test]
async fn rules_write_series_and_end_them() {
    let house = House::open(RULES, 100).await;
    house.script.add("calls", 101..105, 6.0);
    house.step().await;
    assert_eq!(
        written(&house),
        [
            "ALERTS_FOR_STATE{alertname=\"Called\", severity=\"info\"} 1000000105 @ 105",
            "ALERTS{alertname=\"Called\", alertstate=\"pending\", severity=\"info\"} 1 @ 105",
            "job:calls:increase15s{operation=\"GET /places\", service=\"content\", source=\"rules\"} 24 @ 105",
        ]
    );
    house.step().await;
    let told = written(&house);
    assert_eq!(told.len(), 4, "{told:#?}");
    assert!(
        told.iter()
            .any(|one| one.contains("\"firing\"") && one.ends_with("} 1 @ 110"))
    );
    assert!(
        told.iter()
            .any(|one| one.contains("\"pending\"") && one.ends_with("end @ 110"))
    );
    house.step_to(125).await;
    drop(written(&house));
    house.step_to(200).await;
    assert_eq!(written(&house), [""; 0]);

    let rules = house.alerts().rules();
    assert_eq!(rules[0].kind, RuleKind::Recording);
    assert_eq!((rules[0].series, rules[1].kind), (0, RuleKind::Alerting));
}

#[tokio::test]
async fn series_of_alerts_end_after_a_restart_too() {
    let mut house = House::open(RULES, 100).await;
    house.script.add("calls", 101..108, 6.0);
    house.step_to(110).await;
    drop(written(&house));
    house.restart().await;
    house.step_to(125).await;
    let ends: Vec<String> = written(&house)
        .into_iter()
        .filter(|one| one.starts_with("ALERTS") && one.contains(" end @ "))
        .collect();
    assert_eq!(ends.len(), 2, "{ends:#?}");
}

#[tokio::test]
async fn other_rules_can_be_put_in_use() {
    let house = House::open(RULES, 100).await;
    house.script.add("calls", 101..400, 6.0);
    house.step_to(110).await;
    assert_eq!(house.alerts().active_alerts().len(), 1);
    let since = house.alerts().active_alerts()[0].active_at;
    drop(written(&house));

    let wrong = [("test.yml".to_owned(), RULES.replace("> 20", "> "))];
    let error = house.alerts().reload(&wrong).await.unwrap_err().to_string();
    assert!(error.starts_with("test.yml:10:11: "), "{error}");
    house.step().await;
    assert_eq!(written(&house).len(), 3);

    let same = [("test.yml".to_owned(), RULES.to_owned())];
    let reloaded = house.alerts().reload(&same).await.unwrap();
    assert_eq!((reloaded.rules, reloaded.changed), (2, 0));

    // The alert goes on as it was, the recording rule is gone and its series ends.
    let (head, alert) = RULES.split_once("  - record").unwrap();
    let alert = alert.split_once("  - alert").unwrap().1;
    let changed = format!("{head}  - alert{}", alert.replace("> 20", "> 10"));
    let files = [("test.yml".to_owned(), changed)];
    let reloaded = house.alerts().reload(&files).await.unwrap();
    assert_eq!((reloaded.rules, reloaded.changed), (1, 1));
    house.step().await;
    assert_eq!(house.alerts().active_alerts()[0].active_at, since);
    let told = written(&house);
    let end = told.iter().find(|one| one.contains(" end @ "));
    assert!(
        end.unwrap().starts_with("job:calls:increase15s"),
        "{told:#?}"
    );

    // Without any rule nothing is left.
    let reloaded = house.alerts().reload(&[]).await.unwrap();
    assert_eq!((reloaded.groups, reloaded.removed), (0, 1));
    let ends = written(&house);
    assert!(
        ends.len() == 2 && ends.iter().all(|one| one.contains(" end @ ")),
        "{ends:#?}"
    );
    assert!(house.alerts().active_alerts().is_empty());
    house.clock.advance(Duration::from_secs(5));
    house.step().await;
    assert_eq!(written(&house), [""; 0]);
}

#[tokio::test]
async fn what_cannot_be_written_is_told_and_ended_later() {
    let house = House::open(RULES, 100).await;
    house.script.add("calls", 101..103, 6.0);
    house.step_to(110).await;
    house.script.set_full(true);
    house.step_to(130).await;
    let error = house.alerts().rules()[0].last_error.clone();
    let expected = "its series were not written: the telemetry does not take samples";
    assert_eq!(error.as_deref(), Some(expected));
    house.script.set_full(false);
    drop(written(&house));
    house.step().await;
    let told = written(&house);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].starts_with("job:calls:increase15s") && told[0].ends_with("end @ 135"));
    assert_eq!(house.alerts().rules()[0].last_error, None);
}

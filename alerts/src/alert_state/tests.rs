use super::*;
use crate::rules::Reads;
use crate::rules::template::Answers;

fn judged(
    rule: &AlertingRule,
    samples: &[(LabelSet, f64)],
    before: &AlertStates,
    (now, limit): (i64, usize),
) -> Result<Evaluated, EvaluationError> {
    let around = Surroundings {
        now: Timestamp::from_secs(now),
        external_url: "",
        external_labels: &LabelSet::default(),
        answers: &Answers::default(),
    };
    evaluate(rule, samples, before, &around, limit)
}

fn rule(hold: u64, keep_firing: u64) -> AlertingRule {
    AlertingRule {
        key: "g/Down".to_owned(),
        name: "Down".to_owned(),
        expr: "up == 0".to_owned(),
        hold: Duration::from_secs(hold),
        keep_firing: Duration::from_secs(keep_firing),
        labels: vec![("severity".to_owned(), "critical".to_owned())],
        annotations: LabelSet::new([("summary", "{{ $labels.job }}: {{ $value }}")]),
        reads: Reads::anything(),
    }
}

/// Feeds whether the expression is true, one evaluation every 10 s, and writes down the state
/// after each: `.` none, `P`, `F`, `r` (resolved).
fn check(rule: &AlertingRule, truths: &str, expected: &str) {
    let mut states = AlertStates::new();
    let mut seen = String::new();
    for (i, truth) in truths.chars().enumerate() {
        let samples = vec![(LabelSet::metric("up", [("job", "web")]), i as f64)];
        let samples = if truth == '1' { samples } else { vec![] };
        let at = (10 * i as i64, 0);
        states = judged(rule, &samples, &states, at).unwrap().states;
        seen.push(match states.values().next().map(|t| t.alert.state) {
            None => '.',
            Some(AlertState::Pending) => 'P',
            Some(AlertState::Firing) => 'F',
            Some(AlertState::Inactive) => 'r',
        });
    }
    assert_eq!(seen, expected, "{truths}");
}

#[test]
fn alerts_go_through_their_states() {
    check(&rule(0, 0), "01100", ".FFrr");
    check(&rule(20, 0), "0111100", ".PPFFrr");
    check(&rule(20, 0), "0110111", ".PP.PPF");
    check(&rule(0, 20), "0100000", ".FFFrrr");
    check(&rule(0, 20), "0101000", ".FFFFFr");
    check(&rule(10, 0), "11011", "PFrPF");
}

#[test]
fn resolved_alerts_are_forgotten_after_a_quarter_of_an_hour() {
    let truths = format!("1{}", "0".repeat(93));
    check(&rule(0, 0), &truths, &format!("F{}..", "r".repeat(91)));
}

#[test]
fn labels_and_annotations_are_of_the_sample_and_the_rule() {
    let up = |job: &str| {
        (
            LabelSet::metric("up", [("job", job), ("alertname", "no")]),
            7.0,
        )
    };
    let found = judged(&rule(0, 0), &[up("web")], &AlertStates::new(), (5, 1)).unwrap();
    let alert = &found.states.values().next().unwrap().alert;
    let expected = [
        ("alertname", "Down"),
        ("job", "web"),
        ("severity", "critical"),
    ];
    assert_eq!(alert.labels, LabelSet::new(expected));
    assert_eq!(alert.annotations.get("summary"), Some("web: 7"));
    assert_eq!(alert.fired_at, Some(Timestamp::from_secs(5)));
    let kinds: Vec<Transition> = found.transitions.iter().map(|t| t.1).collect();
    assert_eq!(kinds, [Transition::Pending, Transition::Firing]);

    let none = AlertStates::new();
    let two = judged(&rule(0, 0), &[up("a"), up("b")], &none, (5, 1));
    assert_eq!(two, Err(EvaluationError::TooMany { found: 2, limit: 1 }));
    let twice = judged(&rule(0, 0), &[up("a"), up("a")], &none, (5, 0));
    assert!(matches!(twice, Err(EvaluationError::DuplicateLabels(_))));
}

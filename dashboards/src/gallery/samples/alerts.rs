//! Rules, their alerts and what became of them.

use watchfire_alerts::{RuleStatus, Silence, SilenceMatcher, SilenceState, comparisons};
use watchfire_schemas::{LabelSet, Sample};
use watchfire_tsdb::RangeSeries;

use super::house::status_found;
use super::incidents::alert;
use super::responses::rules;
use super::{Mood, ago, name, now};
use crate::pages::alerts::evidence::Compared;
use crate::pages::alerts::{Found, Letters, Noise, Objective, rule, silences};

pub(crate) fn alerts_found(mood: Mood) -> Found {
    let (mut rules, active) = rules(mood);
    if let Some(rule) = rules.get_mut(1) {
        rule.alerts.clone_from(&active);
    }
    let objective = |service: &str, left, burn| Objective {
        service: name(mood, service),
        name: name(mood, "availability"),
        target: Some(0.999),
        left: Some(left),
        burn: Some(burn),
        days: Some(30.0),
    };
    let has_any = mood != Mood::Empty;
    Found {
        objectives: if has_any {
            vec![
                objective("content", 0.82, 0.4),
                objective("payments", -0.13, 14.9),
            ]
        } else {
            Vec::new()
        },
        noise: if has_any {
            vec![Noise {
                alert: name(mood, "HighErrorRatio"),
                times: 31,
                firing: std::time::Duration::from_mins(340),
            }]
        } else {
            Vec::new()
        },
        suppressed: crate::pages::alerts::Suppressed::default(),
        silenced: usize::from(has_any),
        letters: Letters {
            destinations: status_found(mood).destinations,
            dead: Vec::new(),
            tests: Vec::new(),
        },
        rules,
        active,
    }
}

pub(crate) fn firing_rule(mood: Mood) -> RuleStatus {
    let found = alerts_found(if mood == Mood::Empty {
        Mood::Full
    } else {
        mood
    });
    let mut rule = found
        .rules
        .into_iter()
        .nth(1)
        .expect("a rule of the samples");
    if mood == Mood::Empty {
        rule.alerts.clear();
        rule.last_evaluation = None;
    }
    rule
}

pub(crate) fn rule_found(mood: Mood) -> rule::Found {
    let points = |value: &dyn Fn(f64) -> f64| -> Vec<Sample> {
        let end = now().millis() / 30_000 * 30_000;
        (0..120)
            .map(|step| Sample {
                t: end - (119 - step) * 30_000,
                v: value(step as f64),
            })
            .collect()
    };
    let series = |labels: LabelSet, samples| RangeSeries {
        labels,
        samples,
        histograms: Vec::new(),
    };
    if mood == Mood::Empty {
        return rule::Found::default();
    }
    let rule = firing_rule(mood);
    let compared = comparisons(&rule.expr)
        .into_iter()
        .map(|comparison| Compared {
            comparison,
            left: vec![series(
                alert(mood).labels.filtered(|name| name == "service"),
                points(&|step| if step > 90.0 { 0.31 } else { 0.012 }),
            )],
            right: Vec::new(),
            now: (
                vec![(LabelSet::default(), 0.31)],
                vec![(LabelSet::default(), 0.05)],
            ),
            error: (mood == Mood::Hostile).then(|| name(mood, "parse error")),
        });
    let told = |state: &str, from: f64, to: f64| {
        let labels = alert(mood)
            .labels
            .with(LabelSet::NAME, "ALERTS")
            .with("alertstate", state);
        let mut samples = points(&|step| step);
        samples.retain(|sample| from <= sample.v && sample.v < to);
        series(labels, samples)
    };
    rule::Found {
        compared: compared.collect(),
        suppressed: crate::pages::alerts::Suppressed::default(),
        told: vec![
            told("pending", 90.0, 94.0),
            told("firing", 94.0, 120.0),
            told("pending", 20.0, 24.0),
        ],
    }
}

pub(crate) fn silences_found(mood: Mood) -> silences::Found {
    if mood == Mood::Empty {
        return silences::Found::default();
    }
    let silence = |state, from: f64, to: f64| Silence {
        id: "0a3a3c2c-0000-4000-8000-000000000001".to_owned(),
        matchers: vec![SilenceMatcher {
            name: "service".to_owned(),
            value: name(mood, "content"),
            is_regex: false,
            is_equal: true,
        }],
        starts_at: ago(from),
        ends_at: if to < 0.0 {
            now() + std::time::Duration::from_secs_f64(-to)
        } else {
            ago(to)
        },
        updated_at: ago(from),
        created_by: name(mood, "Ada"),
        comment: name(mood, "the disk is being replaced"),
        annotations: std::collections::BTreeMap::new(),
        state,
    };
    silences::Found {
        silences: vec![
            silence(SilenceState::Active, 600.0, -3000.0),
            silence(SilenceState::Expired, 90_000.0, 80_000.0),
        ],
        active: vec![alert(mood)],
        preview: Some(match mood {
            Mood::Hostile => Err(name(mood, "bad matcher")),
            _ => Ok(vec![alert(mood)]),
        }),
    }
}

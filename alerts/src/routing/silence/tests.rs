use std::time::Duration;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_000);

fn silence(starts: i64, ends: i64) -> NewSilence {
    NewSilence {
        id: None,
        matchers: vec![SilenceMatcher {
            name: "a".to_owned(),
            value: "b".to_owned(),
            is_regex: false,
            is_equal: true,
        }],
        starts_at: Timestamp::from_secs(starts),
        ends_at: Timestamp::from_secs(ends),
        created_by: "ada".to_owned(),
        comment: "works".to_owned(),
        annotations: BTreeMap::new(),
    }
}

#[test]
fn a_silence_lives_from_its_start_to_its_end() {
    let kept = silence(1_010, 1_020).kept(NOW).unwrap();
    let states = [1_009, 1_010, 1_020, 1_021].map(|at| kept.state(Timestamp::from_secs(at)));
    assert_eq!(
        states,
        [
            SilenceState::Pending,
            SilenceState::Active,
            SilenceState::Active,
            SilenceState::Expired
        ]
    );
    let labels = LabelSet::new([("a", "b"), ("c", "d")]);
    assert!(kept.silences(&labels, Timestamp::from_secs(1_015)));
    assert!(!kept.silences(&labels, NOW));
    assert!(!kept.silences(&LabelSet::new([("a", "c")]), Timestamp::from_secs(1_015)));
    let ended = kept.expired(NOW);
    assert_eq!(
        ended.state(NOW + Duration::from_nanos(1)),
        SilenceState::Expired
    );
}

#[test]
fn what_would_silence_everything_or_nothing_is_refused() {
    let refused = |change: fn(&mut NewSilence), expected: &str| {
        let mut new = silence(1_000, 2_000);
        change(&mut new);
        let reason = new.kept(NOW).unwrap_err();
        assert!(reason.contains(expected), "{reason}");
    };
    refused(|new| new.ends_at = new.starts_at, "before end time");
    refused(
        |new| {
            new.starts_at = Timestamp::from_secs(1);
            new.ends_at = Timestamp::from_secs(2);
        },
        "in the past",
    );
    refused(|new| new.matchers.clear(), "at least one matcher required");
    refused(
        |new| new.matchers[0].is_equal = false,
        "must not match the empty string",
    );
    refused(
        |new| new.matchers[0].name.clear(),
        "invalid label matcher 0",
    );
    refused(
        |new| {
            new.matchers[0].is_regex = true;
            new.matchers[0].value = "(".to_owned();
        },
        "not a regular expression",
    );
}

#[test]
fn the_past_of_a_silence_stands() {
    let check = |known: (i64, i64), other: (i64, i64), expected: bool| {
        let kept = |(starts, ends)| silence(starts, ends).kept(Timestamp::from_secs(0)).unwrap();
        assert_eq!(
            kept(known).may_become(&kept(other), NOW),
            expected,
            "{known:?} {other:?}"
        );
    };
    check((900, 2_000), (900, 3_000), true);
    check((900, 2_000), (900, 999), false);
    check((900, 2_000), (901, 2_000), false);
    check((1_500, 2_000), (1_200, 3_000), true);
    check((1_500, 2_000), (900, 3_000), false);
    check((100, 200), (100, 3_000), false);
    let known = silence(900, 2_000).kept(Timestamp::from_secs(0)).unwrap();
    let mut other = known.clone();
    other.matchers = Matchers::default();
    assert!(!known.may_become(&other, NOW));
}

use super::likes::SIBLINGS;
use super::*;

/// Numbers that look random, the same every time.
fn random(n: u64) -> u64 {
    (n + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(29)
        .wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// A word of letters only.
fn word(n: u64) -> String {
    let letters = (0..9).scan(random(n), |rest, _| {
        let letter = b'a' + (*rest % 26) as u8;
        *rest /= 26;
        Some(char::from(letter))
    });
    letters.collect()
}

fn assign(miner: &mut Miner, line: &str) -> PatternId {
    let mut masked = MaskedLine::default();
    masked.read(line);
    miner.assign(hash_of(&masked), line)
}

fn all(miner: &mut Miner, lines: &[&str]) -> Vec<PatternId> {
    lines.iter().map(|line| assign(miner, line)).collect()
}

const LINES: [&str; 8] = [
    "GET /places/17 answered 200 in 31 ms",
    "GET /places/18/opening-hours answered 404 in 2 ms",
    "sync of tile 7 finished, 12 records in 1.5 s",
    "sync of tile 9 finished, 3,400 records in 900 ms",
    "connection to db-a was lost, trying again",
    "connection to db_b was lost, trying again",
    "cache was emptied",
    "cache was filled",
];

#[test]
fn lines_of_a_pattern_share_its_id() {
    let mut miner = Miner::default();
    let ids = all(&mut miner, &LINES);
    for pair in [0, 2, 4] {
        assert_eq!(ids[pair], ids[pair + 1], "{}", LINES[pair]);
    }
    assert_ne!(ids[6], ids[7]);
    assert_eq!(
        miner.template(ids[4]),
        Some("connection to <*> was lost, trying again")
    );
    assert_eq!(
        miner.template(ids[0]),
        Some("GET <path> answered <num> in <duration>")
    );
}

#[test]
fn the_same_lines_give_the_same_ids() {
    let ids = all(&mut Miner::default(), &LINES);
    assert_eq!(all(&mut Miner::default(), &LINES), ids);
    let mut backwards: Vec<&str> = LINES.to_vec();
    backwards.reverse();
    let mut other = all(&mut Miner::default(), &backwards);
    other.reverse();
    // A pattern is named after its first line, which need not be the same one.
    assert_eq!(other[0], ids[0]);
    assert_eq!(other[6..], ids[6..]);
}

#[test]
fn an_id_stays_when_its_template_widens() {
    let mut miner = Miner::default();
    let first = assign(&mut miner, "node a-1 of ring x-y is up again");
    for n in 0..100 {
        let line = format!("node b-{n} of ring {}-{n} is up again", word(n));
        assert_eq!(assign(&mut miner, &line), first, "{line}");
    }
    assert_eq!(
        miner.template(first),
        Some("node <*> of ring <*> is up again")
    );
}

#[test]
fn a_word_that_many_lines_differ_in_becomes_open() {
    let mut miner = Miner::default();
    let ids: Vec<PatternId> = (0..40)
        .map(|n| assign(&mut miner, &format!("stopped the {} service", word(n))))
        .collect();
    assert_ne!(ids[0], ids[1]);
    let last = ids[39];
    assert_eq!(miner.template(last), Some("stopped the <*> service"));
    assert!(ids[SIBLINGS as usize..].iter().all(|id| *id == last));
    assert_eq!(last, ids[0], "the first of them takes the others in");
    // The first word may be the one that varies.
    let ids: Vec<PatternId> = (0..40)
        .map(|n| assign(&mut miner, &format!("{} started up well", word(n))))
        .collect();
    assert_eq!(miner.template(ids[39]), Some("<*> started up well"));
}

#[test]
fn one_word_is_never_open() {
    let mut miner = Miner::default();
    let mut ids: Vec<PatternId> = (0..40).map(|n| assign(&mut miner, &word(n))).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 40);
}

#[test]
fn what_was_learned_is_known() {
    let mut before = Miner::default();
    let ids = all(&mut before, &LINES);
    let mut after = Miner::default();
    for (id, line) in ids.iter().zip(LINES) {
        after.learn(*id, line);
    }
    assert_eq!(all(&mut after, &LINES), ids);
    for id in ids {
        assert_eq!(after.template(id), before.template(id));
    }
    // An id keeps the template that it had.
    let cache = assign(&mut after, LINES[6]);
    after.learn(cache, "something else entirely it is");
    assert_eq!(after.template(cache), Some(LINES[6]));
}

#[test]
fn random_words_cost_a_bounded_amount_of_memory() {
    let limits = Limits {
        patterns: 500,
        bytes: 200_000,
        bucket: 100,
        lines: 1_000,
        burst: 300,
    };
    let mut miner = Miner::new(limits);
    let real = assign(&mut miner, LINES[0]);
    for n in 0..50_000 {
        let words: Vec<String> = (0..n % 40).map(|at| word(n * 64 + at)).collect();
        assign(&mut miner, &words.join(" "));
        if n % 100 == 0 {
            assert_eq!(assign(&mut miner, LINES[1]), real, "in use, so it stays");
        }
        assert!(miner.len() <= limits.patterns);
        assert!(miner.patterns.len() <= limits.patterns + 1);
    }
    assert!(miner.bytes() < 600_000, "{}", miner.bytes());
    let losses = miner.losses();
    assert!(
        losses.evicted > 0 && losses.overflowed > 10_000,
        "{losses:?}"
    );
    let templates = miner.patterns.iter().flatten();
    let bytes: usize = templates.map(|one| one.template.bytes()).sum();
    assert_eq!(miner.bytes, bytes, "every change was counted");
    let held: usize = miner.buckets.values().map(Vec::len).sum();
    assert_eq!(held, miner.len());
}

#[test]
fn a_crowd_of_patterns_does_not_keep_others_out() {
    let mut miner = Miner::default();
    for n in 0..5_000 {
        let words: Vec<String> = (0..4).map(|at| word(n * 4 + at)).collect();
        assign(&mut miner, &format!("failed to {}", words.join(" ")));
    }
    assert!(
        miner
            .buckets
            .values()
            .all(|bucket| bucket.len() <= miner.limits.bucket)
    );
    let id = assign(&mut miner, "failed to reach db-1 in 5 ms");
    assert_eq!(assign(&mut miner, "failed to reach db-7 in 3 ms"), id);
    assert_ne!(id, PatternId::OTHER);
}

#[test]
fn a_message_of_a_megabyte_is_no_burden() {
    let mut miner = Miner::default();
    for n in 0..20 {
        let line = format!("{} {}", word(n), "x1-y2 ".repeat(170_000));
        assert_ne!(assign(&mut miner, &line), PatternId::OTHER);
    }
    assert!(miner.bytes() < 1 << 20, "{}", miner.bytes());
}

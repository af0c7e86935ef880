use crate::server::run;

fn check(args: &[&str], code: i32, word: &str) {
    let (found, out, err) = run(args);
    assert_eq!(found, Some(code), "{args:?}: {out}{err}");
    assert!(
        out.contains(word) || err.contains(word),
        "{args:?} should say {word:?}: {out}{err}"
    );
}

#[test]
fn wrong_usage_is_told_and_has_its_exit_code() {
    check(&["serve", "--no-such-flag"], 2, "--no-such-flag");
    check(&["serve", "--listen=nowhere"], 2, "nowhere");
    check(&["serve", "--config=no/such.toml"], 64, "no/such.toml");
    check(&["serve", "--listen=0.0.0.0:0"], 64, "--allow-anonymous");
    check(&["serve", "--quiet=soon"], 64, "quiet");
    check(&["serve", "--rules=no/such.yml"], 64, "no/such.yml");
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("bad.yml");
    std::fs::write(&rules, "groups: 5\n").unwrap();
    let rules = format!("--rules={}", rules.display());
    check(&["serve", &rules], 64, "bad.yml:1");
}

#[test]
fn files_are_checked_before_anything_runs_on_them() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let good = file(
        "good.yml",
        "groups:\n- name: a\n  rules:\n  - alert: Down\n    expr: up == 0\n",
    );
    let bad = file(
        "bad.yml",
        "groups:\n- name: a\n  rules:\n  - alert: Down\n    expr: up ==\n",
    );
    check(&["check", "rules", &good], 0, "ok");
    check(&["check", "rules", &bad], 1, "bad.yml:5");
    check(
        &["check", "schemas", &file("schema.json", r#"{"type": 5}"#)],
        1,
        "not valid",
    );
    check(
        &[
            "check",
            "schemas",
            &file("good.json", r#"{"type": "object"}"#),
        ],
        0,
        "ok",
    );
    check(
        &[
            "check",
            "config",
            &file("bad.toml", "quiet = '5m'\nlisten = 7"),
        ],
        1,
        "bad.toml:2:10",
    );
    check(
        &["check", "config", &file("good.toml", "quiet = '5m'")],
        0,
        "ok",
    );
}

#[test]
fn the_way_a_decision_is_made_can_be_asked() {
    let dir = tempfile::tempdir().unwrap();
    let series = dir.path().join("series.ndjson");
    let counts: Vec<u32> = (0..120)
        .map(|bin| if bin < 60 { bin % 2 } else { 30 })
        .collect();
    let line = serde_json::json!({"id": "a", "start": "2026-11-22T00:00:00Z", "bin_seconds": 10, "counts": counts});
    std::fs::write(&series, line.to_string()).unwrap();
    let (code, out, err) = run(&["explain", "onset", &series.display().to_string()]);
    assert_eq!(code, Some(0), "{err}");
    let answer: serde_json::Value = serde_json::from_str(out.trim()).unwrap();
    assert_eq!(
        (&answer["id"], &answer["alarmed"]),
        (&"a".into(), &true.into()),
        "{answer}"
    );
    let onset = |key: &str| answer["onset"][key].as_str().unwrap().to_owned();
    assert!(onset("at").starts_with("2026-11-22T00:10:0"), "{answer}");
    assert!(onset("earliest") < onset("at") && onset("at") < onset("latest"));

    let log = dir.path().join("log.ndjson");
    std::fs::write(&log, r#"{"exception.type":"ValueError","exception.message":"x 17","exception.stacktrace":"Traceback (most recent call last):\n  File \"/app/pay.py\", line 3, in capture\n    raise ValueError(x)\nValueError: x 17"}"#).unwrap();
    let (code, out, err) = run(&["explain", "fingerprint", &log.display().to_string()]);
    assert_eq!(code, Some(0), "{err}");
    let answer: serde_json::Value = serde_json::from_str(out.trim()).unwrap();
    assert_eq!(answer["line"], 1);
    assert_eq!(answer["group"].as_str().map(str::len), Some(16), "{answer}");
    assert!(!answer["frames"].as_array().unwrap().is_empty());

    let flat = r#"{"service.name":"shop","exception.type":"E","exception.message":"m"}"#;
    let nested = r#"{"service":{"name":"shop"},"exception":{"type":"E","message":"m"}}"#;
    std::fs::write(&log, format!("{flat}\n{nested}\n")).unwrap();
    let (_, out, err) = run(&["explain", "fingerprint", &log.display().to_string()]);
    let groups: Vec<serde_json::Value> = out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["group"].clone())
        .collect();
    assert_eq!(groups.len(), 2, "{out}{err}");
    assert_eq!(groups[0], groups[1], "nested or flat, it is one exception");
}

#[test]
fn a_query_is_explained_clause_by_clause() {
    let query = "service:payments \"disk full\" dur_ms:>100 | top 5 host.name";
    let (code, out, err) = run(&["explain", "query", query]);
    assert_eq!(code, Some(0), "{err}");
    let clause = "clause   \"disk full\"  ←  term index with positions of message";
    assert!(out.contains(clause), "{out}");
    assert!(out.contains("pipe     top 5 host.name"), "{out}");
    let (_, out, _) = run(&["explain", "query", "--json", query]);
    let plan: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(plan["clauses"][2]["answered_by"], "column");
    check(&["explain", "query", "a (b"], 1, "column 5: expected )");
}

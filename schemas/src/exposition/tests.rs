use proptest::prelude::*;

use super::*;

const AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Families as `name kind [series value@millis …]`, one a line.
fn told(text: &str) -> String {
    match parse_exposition(text, AT) {
        Err(error) => error.to_string(),
        Ok(families) => families.iter().map(family).collect::<Vec<_>>().join("\n"),
    }
}

fn family(family: &MetricFamily) -> String {
    let mut text = format!("{} {}", family.name, family.kind.as_str());
    for series in &family.series {
        let samples = series.samples.iter();
        text.extend(samples.map(|s| format!(" {}={}@{}", series.labels, s.v, s.t - AT.millis())));
        text.extend(series.exemplars.iter().map(|exemplar| {
            let trace = exemplar
                .trace_id
                .map(|id| id.to_string())
                .unwrap_or_default();
            format!(
                "~{}@{}{trace}{}",
                exemplar.v,
                exemplar.t - AT.millis(),
                exemplar.labels
            )
        }));
    }
    text
}

fn check(text: &str, expected: &str) {
    assert_eq!(told(text), expected, "{text}");
}

#[test]
fn the_text_format_is_read() {
    check("", "");
    check("up 1", "up unknown up=1@0");
    check(
        "# just a comment\n\n  up{} 1 1700000000005\n",
        "up unknown up=1@5",
    );
    check(
        "# HELP a_total Things.\n# TYPE a_total counter\na_total{b=\"x\"} 3\na_total{b=\"y\",} 4\n",
        r#"a counter a_total{b="x"}=3@0 a_total{b="y"}=4@0"#,
    );
    check(
        "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\nh_sum 1.5e-3\nh_count 2\n",
        r#"h histogram h_bucket{le="+Inf"}=2@0 h_sum=0.0015@0 h_count=2@0"#,
    );
    check(
        "# TYPE s summary\ns{quantile=\"0.5\"} NaN\ns_sum -Inf\n",
        r#"s summary s{quantile="0.5"}=NaN@0 s_sum=-inf@0"#,
    );
    check(
        "# TYPE g gauge\ng +Inf\ng_sum 1\n",
        "g gauge g=inf@0\ng_sum unknown g_sum=1@0",
    );
    check(
        r#"m{a="x\\y\n\"}\q, z"} 1"#,
        r#"m unknown m{a="x\\y\n\"}\\q, z"}=1@0"#,
    );
    check(
        "m 1 1\nm 2 2",
        "m unknown m=1@-1699999999999 m=2@-1699999999998",
    );
}

#[test]
fn openmetrics_is_read_with_its_exemplars() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let text = format!(
        "# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n\
         a_seconds_bucket{{le=\"1.0\",p=\" # {{\"}} 3 1700000001.5 # {{trace_id=\"{trace}\",x=\"y\"}} 0.7 1700000000.25\n\
         # TYPE b counter\nb_total 5 # {{}} 1\nb_created 1.0\n# TYPE c info\nc_info{{v=\"1\"}} 1\n# EOF\n"
    );
    let expected = format!(
        "a_seconds histogram a_seconds_bucket{{le=\"1.0\", p=\" # {{\"}}=3@1500~0.7@250{trace}{{x=\"y\"}}\n\
         b counter b_total=5@0~1@0{{}} b_created=1@0\nc info c_info{{v=\"1\"}}=1@0"
    );
    check(&text, &expected);
    let families = parse_exposition(&text, AT).unwrap();
    assert_eq!(families[0].unit, "seconds");
    assert_eq!(families[0].series[0].kind, MetricKind::Histogram);
}

#[test]
fn help_is_unescaped() {
    let help = |text: &str| parse_exposition(text, AT).unwrap().remove(0).help;
    assert_eq!(
        help("# HELP m a\\\\b\\nc \\\"d\\\"\nm 1\n"),
        "a\\b\nc \\\"d\\\""
    );
    assert_eq!(
        help("# HELP m a\\\\b\\nc \\\"d\\\"\n# EOF\n"),
        "a\\b\nc \"d\""
    );
}

#[test]
fn names_may_be_of_any_characters() {
    check(
        "# TYPE \"my.name\" counter\n{\"my.name\", \"l.x\"=\"v\", m=\"w\"} 2\n{n=\"1\",\"é\"} 3",
        "my.name counter my.name{l.x=\"v\", m=\"w\"}=2@0\né unknown é{n=\"1\"}=3@0",
    );
    check(
        "{a=\"b\"} 1",
        r#"line 1, column 1: "{a=\"b\"}" is no name of a metric"#,
    );
    check(
        "a{\"b\"} 1",
        "line 1, column 7: a second name of the metric",
    );
    check(
        "{\"b\",\"c\"} 1",
        "line 1, column 9: a second name of the metric",
    );
    check(
        "{\"\"} 1",
        "line 1, column 4: the name of a label has no end, or is empty",
    );
}

#[test]
fn blanks_are_free_in_the_text_format_only() {
    check(
        "\tup\t{ a = \"b\" , } \t 1 \t 1700000000005 ",
        r#"up unknown up{a="b"}=1@5"#,
    );
    check("up{a=\"b\"}1\r\n", r#"up unknown up{a="b"}=1@0"#);
    check("up  1\n# EOF", "line 1, column 4: a sample without a value");
    check(
        "up{ a=\"b\"} 1\n# EOF",
        r#"line 1, column 4: "a" is no name of a label"#,
    );
    check("\n# EOF", "line 1, column 1: an empty line");
    check("up 1 \n# EOF", "line 1, column 6: \"\" is no number");
    check(
        "# note\n# EOF",
        "line 1, column 7: a comment that is neither HELP, TYPE, UNIT nor EOF",
    );
}

#[test]
fn openmetrics_ends_with_its_mark() {
    let mut reader = ExpositionReader::new("up 1\n", ExpositionFormat::OpenMetrics);
    assert!(matches!(
        reader.next_line(),
        Ok(Some(ExpositionLine::Sample(_)))
    ));
    let error = reader.next_line().unwrap_err().to_string();
    assert_eq!(error, "line 2, column 1: the text does not end with # EOF");
    let mut text = ExpositionReader::new("# EOF\nup 1", ExpositionFormat::Text);
    assert!(matches!(
        text.next_line(),
        Ok(Some(ExpositionLine::Sample(_)))
    ));
}

#[test]
fn a_series_is_of_the_kind_of_its_family() {
    let kind_of = |name: &str| match name {
        "h" => Some(MetricKind::Histogram),
        "g" => Some(MetricKind::Gauge),
        "c" => Some(MetricKind::Counter),
        _ => None,
    };
    let kind = |name| MetricKind::of_series(name, kind_of);
    assert_eq!(kind("h_bucket"), MetricKind::Histogram);
    assert_eq!(kind("g"), MetricKind::Gauge);
    assert_eq!(kind("g_sum"), MetricKind::Unknown);
    assert_eq!(kind("c_total"), MetricKind::Counter);
}

#[test]
fn a_fault_is_told_with_its_place() {
    check(
        "up 1\n5up 1",
        r#"line 2, column 1: "5up" is no name of a metric"#,
    );
    check("up-1", r#"line 1, column 1: "up-1" is no name of a metric"#);
    check("up", "line 1, column 3: a sample without a value");
    check("up one", r#"line 1, column 4: "one" is no number"#);
    check("é 1", r#"line 1, column 1: "é" is no name of a metric"#);
    check("up 1 2 3", "line 1, column 8: text after the sample");
    check(
        "up 1 NaN",
        r#"line 1, column 6: "NaN" is no time in milliseconds"#,
    );
    check("up{a} 1", "line 1, column 5: a label without a value");
    check(
        "up{a=b} 1",
        "line 1, column 6: the value of the label a is not quoted",
    );
    check(
        "up{a=\"b} 1",
        "line 1, column 6: the value of the label a has no end",
    );
    check(
        "up{a=\"é\" c=\"d\"} 1",
        "line 1, column 10: expected a comma or a brace after the label a",
    );
    check(
        "up{a=\"1\",a=\"2\"} 1",
        "line 1, column 10: the label a is there twice",
    );
    check(
        "up{a-b=\"1\"} 1",
        r#"line 1, column 4: "a-b" is no name of a label"#,
    );
    check("up 1\nup 1", "line 2, column 1: up is there twice");
    check(
        "# TYPE up thing",
        r#"line 1, column 11: "thing" is no type of a metric"#,
    );
    check(
        "up 1\n# TYPE up gauge",
        "line 2, column 1: the type of up comes after its samples",
    );
    check("# EOF\nup 1\n# EOF", "line 2, column 1: text after # EOF");
    check(
        "up 1 # 5\n# EOF",
        "line 1, column 8: an exemplar begins with its labels",
    );
    check(
        "up 1 # {} 1 2 3\n# EOF",
        "line 1, column 15: text after the exemplar",
    );
    check(
        "# UNIT a_bytes seconds\n# EOF",
        "line 1, column 16: the unit \"seconds\" does not end a_bytes",
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "([a-z{}=\",# \\\\\n0-9]|é|NaN|# TYPE ){0,60}") {
        drop(parse_exposition(&text, AT));
    }

    #[test]
    fn a_label_survives_its_escapes(value in ".{0,20}") {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let families = parse_exposition(&format!("m{{a=\"{escaped}\"}} 1\n"), AT);
        // A line ends at a carriage return's line feed only, so `.` gives nothing that splits it.
        let families = families.unwrap();
        let read = families[0].series[0].labels.get("a").unwrap_or_default();
        prop_assert_eq!(read, value);
    }
}

use super::*;

fn samples() -> Vec<QuerySample> {
    [("b", 21.0), ("a", 11.0)]
        .map(|(instance, value)| QuerySample {
            labels: LabelSet::metric("metric", [("instance", instance)]),
            value,
        })
        .into()
}

fn check(template: &str, value: f64, expected: &str) {
    let labels = LabelSet::new([("instance", "web-1.example:9100"), ("job", "web")]);
    let external = LabelSet::new([("region", "eu")]);
    let mut answers = Answers::default();
    answers.learn("metric".to_owned(), Ok(samples()));
    answers.learn("nothing".to_owned(), Ok(Vec::new()));
    answers.learn("broken(".to_owned(), Err("it is broken".to_owned()));
    let scope = Scope {
        labels: &labels,
        value,
        around: Surroundings {
            now: Timestamp::from_secs(1_435_065_584),
            external_url: "http://watchfire/path",
            external_labels: &external,
            answers: &answers,
        },
    };
    let filled = Template::parse(template).and_then(|parsed| parsed.fill(&scope));
    assert_eq!(told(filled), expected, "{template}");
}

fn refused(template: &str, reason: &str) {
    let error = Template::parse(template).unwrap_err().to_string();
    assert!(error.contains(reason), "{template}: {error}");
}

#[test]
fn holes_are_filled() {
    check("{{ $labels.job }} at {{ $value }}", 0.5, "web at 0.5");
    check("{{.Labels.job}}={{.Value}}", 3.0, "web=3");
    check("{{ $labels.nosuch }}!", 0.0, "!");
    check("{{ index $labels \"job\" }}", 0.0, "web");
    check("a {{- $value -}} b", 1.0, "a1b");
    check("a {{/* nothing */}}x {{- /* nor this */ -}} y", 0.0, "a xy");
    check(
        "{{ $externalURL }}{{ pathPrefix }} {{ externalURL }}",
        0.0,
        "http://watchfire/path/path http://watchfire/path",
    );
    check(
        "{{ $externalLabels.region }} {{ .ExternalLabels }}",
        0.0,
        "eu map[region:eu]",
    );
    check(
        "{{ $labels }}",
        0.0,
        "map[instance:web-1.example:9100 job:web]",
    );
    check("{{ \"}}\" }}{{ `{{` }}", 0.0, "}}{{");
    check("{{ now }}", 0.0, "1.435065584e+09");
}

#[test]
fn values_are_made_readable() {
    check("{{ $value | humanize }}", 1_234_567.0, "1.235M");
    check("{{ humanize $value }}", 0.00012, "120u");
    check("{{ humanize \"2048\" }} {{ humanize 1 }}", 0.0, "2.048k 1");
    check("{{ $value | humanize1024 }}", 1_048_576.0, "1Mi");
    check("{{ $value | humanize1024 }}", 2048.0, "2ki");
    check("{{ $value | humanizePercentage }}", 0.123_456, "12.35%");
    check("{{ $value | humanizeDuration }}", 3_725.0, "1h 2m 5s");
    check("{{ $value | humanizeDuration }}", 0.25, "250ms");
    check("{{ $value | humanizeDuration }}", 93_784.0, "1d 2h 3m 4s");
    let at = 1_435_065_584.128;
    let written = "2015-06-23 13:19:44.128 +0000 UTC";
    check("{{ $value | humanizeTimestamp }}", at, written);
    check("{{ $value | toTime }}", at, written);
    check(
        "{{ (toTime $value).Format \"15:04\" }} {{ (toTime $value).Year }}",
        at,
        "13:19 2015",
    );
    check(
        "{{ toDuration $value }} {{ (toDuration $value).Hours }}",
        5400.0,
        "1h30m0s 1.5",
    );
    check(
        "{{ parseDuration \"1m30s\" }} {{ printf \"%.1f\" (parseDuration \"1m30s\") }}",
        0.0,
        "90 90.0",
    );
}

#[test]
fn printing_is_gos() {
    check("{{ printf \"%.2f\" $value }}%", 12.345_6, "12.35%");
    check(
        "{{ $value | printf \"%.0f of %s\" }}",
        2.0,
        "2 of %!s(MISSING)",
    );
    check("{{ printf \"%d %d\" 5 $value }}", 2.0, "5 %!d(float64=2)");
    check("{{ printf \"%s: %v\" $labels.job $value }}", 2.0, "web: 2");
    check(
        "{{ printf \"%5.1f|%-6s|%05d|%+d|%q|%x\" $value \"a\" 42 7 \"q\\\"\" 255 }}",
        2.25,
        "  2.2|a     |00042|+7|\"q\\\"\"|ff",
    );
    check("{{ printf \"%v\" 1 2 }}", 0.0, "1%!(EXTRA int=2)");
    check(
        "{{ printf \"%g %e %G\" $value $value $value }}",
        1e-7,
        "1e-07 1.000000e-07 1E-07",
    );
    check("{{ print 1 2 \"a\" 3 }}|{{ println 1 }}", 0.0, "1 2a3|1\n");
    check("{{ $value }}", 1e21, "1e+21");
    check(
        "{{ $value }} {{ $value | printf \"%v\" }}",
        1_234_567.0,
        "1.234567e+06 1.234567e+06",
    );
    check("{{ $value }}", 123_456.0, "123456");
    check("{{ $value }}", f64::INFINITY, "+Inf");
}

#[test]
fn texts_are_changed() {
    check("{{ $labels.job | toUpper | title }}", 0.0, "WEB");
    check("{{ title \"aa bb-cc_dd\" }}", 0.0, "Aa Bb-Cc_dd");
    check(
        "{{ $labels.instance | stripPort }} {{ stripDomain $labels.instance }}",
        0.0,
        "web-1.example web-1:9100",
    );
    check(
        "{{ stripPort \"[::1]:80\" }} {{ stripPort \"::1\" }} {{ stripDomain \"10.0.0.1:80\" }}",
        0.0,
        "::1 ::1 10.0.0.1:80",
    );
    check(
        "{{ reReplaceAll \"web-(.*):.*\" \"n$1\" $labels.instance }}",
        0.0,
        "n1.example",
    );
    check("{{ match \"we.\" $labels.job }}", 0.0, "true");
    check(
        "{{ graphLink \"a == 1\" }} {{ tableLink \"up\" }}",
        0.0,
        "/graph?g0.expr=a+%3D%3D+1&g0.tab=0 /graph?g0.expr=up&g0.tab=1",
    );
    check(
        "{{ \"<a&b>\" | html }} {{ safeHtml \"<b>\" }} {{ urlQueryEscape \"a b/\" }}",
        0.0,
        "&lt;a&amp;b&gt; <b> a+b%2F",
    );
    check("{{ slice \"abcdef\" 1 3 }} {{ len \"abc\" }}", 0.0, "bc 3");
}

#[test]
fn there_are_choices_and_loops() {
    check(
        "{{ if gt $value 5.0 }}high{{ else if eq $value 5.0 }}five{{ else }}low{{ end }}",
        5.0,
        "five",
    );
    check(
        "{{ if and (eq $labels.job \"web\") (not false) }}yes{{ end }}",
        0.0,
        "yes",
    );
    check(
        "{{ if or $labels.nosuch $labels.job }}yes{{ end }}",
        0.0,
        "yes",
    );
    check(
        "{{ with $labels.nosuch }}a{{ else }}b{{ end }}{{ with $labels.job }}{{ . }}{{ end }}",
        0.0,
        "bweb",
    );
    check(
        "{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}",
        0.0,
        "2",
    );
    check(
        "{{ range $i, $s := query \"metric\" }}{{ $i }}:{{ $s.Labels.instance }} {{ end }}",
        0.0,
        "0:b 1:a ",
    );
    check(
        "{{ range query \"metric\" | sortByLabel \"instance\" }}{{ .Labels.instance }}={{ .Value }};{{ end }}",
        0.0,
        "a=11;b=21;",
    );
    check(
        "{{ range query \"nothing\" }}x{{ else }}none{{ end }}",
        0.0,
        "none",
    );
    check(
        "{{ range $k, $v := $labels }}{{ $k }}={{ $v }},{{ end }}",
        0.0,
        "instance=web-1.example:9100,job=web,",
    );
    check(
        "{{ range query \"metric\" }}{{ if eq (label \"instance\" .) \"a\" }}{{ break }}{{ end }}{{ . | value }}{{ end }}",
        0.0,
        "21",
    );
    check(
        "{{ query \"metric\" | first | value | humanize }} {{ query \"metric\" | len }}",
        0.0,
        "21 2",
    );
    check(
        "{{ define \"x\" }}{{ .arg0 }}-{{ .arg1 }}{{ end }}{{ template \"x\" (args 1 \"b\") }}{{ tmpl \"x\" (args 2 3) }}",
        0.0,
        "1-b2-3",
    );
    check("{{ range $i := 3 }}{{ $i }}{{ end }}", 0.0, "012");
}

#[test]
fn what_fails_says_so() {
    let failed = |reason: &str| format!("<error expanding template: {reason}>");
    check(
        "{{ query \"nothing\" | first }}",
        0.0,
        &failed("error calling first: first() called on vector with no elements"),
    );
    check(
        "{{ query \"broken(\" }}",
        0.0,
        &failed("error calling query: it is broken"),
    );
    check(
        "{{ $labels.job | humanize }}",
        0.0,
        &failed("error calling humanize: parsing \"web\": invalid syntax"),
    );
    check(
        "{{ if gt $value 5 }}{{ end }}",
        0.0,
        &failed("error calling gt: incompatible types for comparison"),
    );
    check(
        "{{ .Nosuch }}",
        0.0,
        &failed("can't evaluate field Nosuch in type struct"),
    );
    check(
        "{{ template \"nosuch\" }}",
        0.0,
        &failed("template \"nosuch\" not defined"),
    );
    check(
        "{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}",
        0.0,
        &failed("templates call each other too deeply"),
    );
    check(
        "{{ range $i := 9999 }}{{ range $j := 9999 }}x{{ end }}{{ end }}",
        0.0,
        &failed("the text grows too long"),
    );
}

#[test]
fn what_is_no_template_is_refused() {
    refused("{{ nosuch $value }}", "function \"nosuch\" not defined");
    refused("{{ $nosuch }}", "undefined variable \"$nosuch\"");
    refused("{{ $value ", "not closed");
    refused("{{ $value | }}", "missing value for command");
    refused("{{ if true }}", "{{end}} is missing");
    refused("{{ end }}", "unexpected {{end}}");
    refused("{{ (1 }}", "unclosed left paren");
    refused("{{ 1) }}", "unexpected )");
    refused("{{ }}", "missing value");
    refused("{{ break }}", "outside {{range}}");
    refused(
        "{{ define \"x\" }}{{ $labels.a }}{{ end }}",
        "undefined variable",
    );
    refused("{{ \"a }}", "not closed");
    refused("{{ $value | 5 }}", "non executable command");
}

#[test]
fn a_question_is_noted_and_its_answer_used() {
    let mut answers = Answers::default();
    let fill = |answers: &Answers| {
        let labels = LabelSet::new([("instance", "a")]);
        let scope = Scope {
            labels: &labels,
            value: 1.0,
            around: Surroundings {
                now: Timestamp::from_secs(0),
                external_url: "",
                external_labels: &labels,
                answers,
            },
        };
        let template = "{{ query (printf \"up{instance=%q}\" $labels.instance) | first | value }}";
        Template::parse(template).unwrap().fill(&scope)
    };
    assert_eq!(fill(&answers), Err(TemplateError::Unanswered));
    let open: Vec<String> = answers.take_open().into_iter().collect();
    assert_eq!(open, ["up{instance=\"a\"}"]);
    answers.learn(open[0].clone(), Ok(samples()));
    assert_eq!(fill(&answers), Ok("21".to_owned()));
    assert!(answers.take_open().is_empty());
}

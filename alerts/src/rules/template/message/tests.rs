use super::*;

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Value {
    kv(pairs.into_iter())
}

fn one(is_firing: bool, instance: &str) -> Value {
    let own = labels([
        ("job", "api"),
        ("instance", instance),
        ("alertname", "Down"),
    ]);
    let about = labels([("summary", "<b>down</b> & out")]);
    let starts = "2026-11-22T08:00:00Z".parse::<Timestamp>().expect("a time");
    let ends = (!is_firing).then_some(starts.nanos() + 60_000_000_000);
    let (url, fingerprint) = ("http://p.example/g?a=1&b=2", "00f1");
    alert(
        is_firing,
        (own, about),
        (starts.nanos(), ends),
        (url, fingerprint),
    )
}

fn sample() -> Value {
    let alerts = Value::List(vec![one(true, "a:1"), one(false, "b:1")].into());
    data(
        [
            ("Receiver", "receiver", "team one"),
            ("Status", "status", "firing"),
            (
                "NotificationReason",
                "notification_reason",
                "first notification",
            ),
            ("ExternalURL", "externalURL", "http://am.example"),
        ],
        [
            alerts,
            labels([("alertname", "Down")]),
            labels([("alertname", "Down"), ("job", "api")]),
            labels([("summary", "<b>down</b> & out")]),
        ],
    )
}

fn filled(text: &str, is_html: bool) -> Result<String, TemplateError> {
    let data = sample();
    let mut library = Library::default();
    library.add("{{ define \"who\" }}{{ .Receiver | toUpper }}{{ end }}")?;
    let scope = MessageScope {
        data: &data,
        library: &library,
        now: "2026-11-22T08:02:05Z".parse().expect("a time"),
    };
    let template = Template::parse_message(text)?;
    template.fill_message(&scope, is_html)
}

fn check(text: &str, expected: &str) {
    assert_eq!(filled(text, false).as_deref(), Ok(expected), "{text}");
}

/// What Alertmanager 0.28 made of the same.
#[test]
fn a_group_is_looked_into() {
    check("{{ .Status }} {{ len .Alerts }}", "firing 2");
    check(
        "{{ .Alerts.Firing | len }}/{{ .Alerts.Resolved | len }}",
        "1/1",
    );
    check(
        "{{ range .Alerts }}{{ .Labels.instance }};{{ end }}",
        "a:1;b:1;",
    );
    check(
        "{{ range $i, $a := .Alerts }}{{ $i }}{{ $a.Status }} {{ end }}",
        "0firing 1resolved ",
    );
    check(
        "{{ .CommonLabels.SortedPairs.Values | join \" \" }}",
        "Down api",
    );
    check(
        "{{ (index .Alerts 0).Labels.Names.Join \",\" }}",
        "alertname,instance,job",
    );
    check(
        "{{ with .CommonLabels.Remove .GroupLabels.Names }}{{ .Values | join \" \" }}{{ end }}",
        "api",
    );
    check("{{ .CommonLabels }}", "alertname=Down, job=api");
    check(
        "{{ .CommonLabels.nothing }}|{{ .GroupLabels.SortedPairs }}",
        "|alertname=Down",
    );
    check(
        "{{ range .CommonLabels.SortedPairs }}{{ .Name }}={{ .Value }} {{ end }}",
        "alertname=Down job=api ",
    );
    check(
        "{{ template \"who\" . }} {{ .ExternalURL }}",
        "TEAM ONE http://am.example",
    );
    check("{{ .Receiver | urlquery }}", "team+one");
}

#[test]
fn functions_are_alertmanagers() {
    check("{{ title \"hELLO wORLD\" }}", "Hello World");
    check("{{ \" a \" | trimSpace }}|", "a|");
    check("{{ match \"^a\" \"abc\" }}", "true");
    check("{{ reReplaceAll \"(a)\" \"$1$1\" \"cat\" }}", "caat");
    check("{{ stringSlice \"a\" \"b\" | join \"-\" }}", "a-b");
    check("{{ urlUnescape \"a%20b+c\" }}", "a b c");
    check(
        "{{ (index .Alerts 0).StartsAt | date \"15:04 MST\" }}",
        "08:00 UTC",
    );
    check(
        "{{ (index .Alerts 0).StartsAt | tz \"Europe/Paris\" | date \"15:04 MST -0700\" }}",
        "09:00 CET +0100",
    );
    check(
        "{{ (index .Alerts 0).StartsAt | since | humanizeDuration }}",
        "2m 5s",
    );
    check(
        "{{ (index .Alerts 0).EndsAt }}",
        "0001-01-01 00:00:00 +0000 UTC",
    );
    check("{{ .GroupLabels | toJson }}", "{\"alertname\":\"Down\"}");
    check(
        "{{ (index .Alerts 1).Annotations | toJson }}",
        "{\"summary\":\"\\u003cb\\u003edown\\u003c/b\\u003e \\u0026 out\"}",
    );
    check("{{ $d := dict \"a\" 1 }}{{ $d.a }}", "1");
    check("{{ base64decode (base64encode \"hi?\") }}", "hi?");
    check("{{ len (append (list 1 2) 3) }}", "3");
}

#[test]
fn markup_is_made_safe_in_html() {
    let html = |text: &str| filled(text, true).expect("it is filled");
    let summary = "{{ .CommonAnnotations.summary }}";
    assert_eq!(html(summary), "&lt;b&gt;down&lt;/b&gt; &amp; out");
    assert_eq!(
        html("{{ .CommonAnnotations.summary | safeHtml }}"),
        "<b>down</b> & out"
    );
    let url = "<a href=\"{{ (index .Alerts 0).GeneratorURL }}\">";
    assert_eq!(html(url), "<a href=\"http://p.example/g?a=1&amp;b=2\">");
    check(summary, "<b>down</b> & out");
}

#[test]
fn what_is_wrong_is_told() {
    assert!(Template::parse_message("{{ query \"up\" }}").is_err());
    assert!(Template::parse_message("{{ $labels.a }}").is_err());
    assert!(filled("{{ .Nothing }}", false).is_err());
    assert!(filled("{{ template \"missing\" . }}", false).is_err());
}

"""Rules and series on which our unit tests of rules are compared with promtool's.

A case is a dictionary: `rules` (the YAML of a group's rules, or of whole groups), `series`, `alerts` (name and
times at which it is looked at), `exprs` (expression and time), and what else a file of tests may say. Ranges are
no multiples of the interval, since Prometheus 2 takes in the sample at their start and 3 does not.
"""

UP = {'up{job="web", instance="a:9090"}': "1 1 1 0x20", 'up{job="web", instance="b:9090"}': "1x20"}
COUNTERS = {
    'requests_total{job="web", code="200"}': "0+60x40",
    'requests_total{job="web", code="500"}': "0x10 3+6x30",
    'requests_total{job="api", code="200"}': "0+30x40",
}
LATENCY = {
    f'latency_seconds_bucket{{job="web", le="{le}"}}': f"0+{step}x40"
    for le, step in [("0.1", 10), ("0.5", 40), ("1", 55), ("+Inf", 60)]
}


def alert(expr, **more):
    """An alerting rule of the name A as YAML."""
    lines = [f"- alert: {more.pop('name', 'A')}", f"  expr: {quoted(expr)}"]
    for key, value in more.items():
        key = {"hold": "for"}.get(key, key)
        if isinstance(value, dict):
            lines.append(f"  {key}:")
            lines += [f"    {name}: {quoted(text)}" for name, text in value.items()]
        else:
            lines.append(f"  {key}: {value}")
    return "\n".join(lines) + "\n"


def record(name, expr, **labels):
    lines = [f"- record: {name}", f"  expr: {quoted(expr)}"]
    if labels:
        lines.append("  labels:")
        lines += [f"    {label}: {quoted(text)}" for label, text in labels.items()]
    return "\n".join(lines) + "\n"


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def template(text, series=None, expr="x", **more):
    """What a template makes of a sample, as an annotation and as a label."""
    rule = alert(expr, labels={"told": text}, annotations={"told": text, "framed": "a " + text + " b"})
    return {"rules": rule, "series": series or {'x{job="web", instance="web-1.example:9100"}': "12345.678x5"},
            "alerts": [("A", ["2m"])], **more}


TEMPLATES = [
    "{{ $labels.job }} {{ $value }}", "{{ .Labels.instance }} {{ .Value }}", "{{ $labels.nosuch }}!",
    "{{ $value | humanize }}", "{{ humanize1024 $value }}", "{{ humanizeDuration $value }}",
    "{{ humanizePercentage 0.123456 }}", "{{ humanizeTimestamp $value }}", "{{ $value | toTime }}",
    '{{ printf "%.2f|%8.1f|%-8.1f|%+.0f|%e|%g" $value $value $value $value $value $value }}',
    '{{ printf "%d %s %q %v %t %x" 42 "s" "q" 1.5 true 255 }}', '{{ printf "%d %s" $value $value }}',
    '{{ printf "%s" }} {{ printf "x" 1 }}', '{{ print 1 2 "a" "b" 3 4.5 }}', "{{ println 1 2 }}",
    "{{ title \"aa bb-cc\" }} {{ toUpper \"aB\" }} {{ toLower \"aB\" }}",
    '{{ reReplaceAll "(.*):(.*)" "$2/$1" $labels.instance }}', '{{ match "we.*" $labels.job }} {{ match "^b" "ab" }}',
    '{{ stripPort "a:1" }} {{ stripPort "[::1]:2" }} {{ stripPort "a" }} {{ stripPort "a:b:c" }}',
    '{{ stripDomain "a.b.c:80" }} {{ stripDomain "10.1.2.3:80" }} {{ stripDomain "a.b" }}',
    '{{ graphLink "a > 1 and b{c=\\"d\\"}" }} {{ tableLink "up" }}', '{{ safeHtml "<b>" }} {{ html "<a&b>" }} {{ "a b/c?" | urlquery }}',
    '{{ parseDuration "1h2m3s" }}', "{{ $externalURL }} {{ .ExternalURL }} {{ $externalLabels.region }}",
    "{{ if gt $value 100.0 }}high{{ else }}low{{ end }}", "{{ if eq $labels.job \"api\" }}a{{ else if eq $labels.job \"web\" }}w{{ end }}",
    "{{ with $labels.nosuch }}x{{ else }}none{{ end }}{{ with $labels.job }}{{ . }}{{ end }}",
    "{{ range $k, $v := $labels }}{{ $k }}={{ $v }};{{ end }}",
    '{{ define "t" }}{{ .arg0 }}/{{ .arg1 | humanize }}{{ end }}{{ template "t" (args "a" 2000) }}',
    '{{ $x := "a" }}{{ if true }}{{ $x = "b" }}{{ end }}{{ $x }}', "a {{- 1 -}} b {{ 2 }} c {{/* no */}}d",
    '{{ len "abc" }} {{ index $labels "job" }} {{ slice "abcdef" 1 3 }}', "{{ and 1 0 }} {{ or 0 \"x\" }} {{ not 0 }}",
    "{{ lt 1 2 }} {{ le 2 2 }} {{ ne \"a\" \"b\" }} {{ ge 1.5 1.0 }} {{ eq 1 2 1 }}", "{{ $labels }}",
    "{{ 1e6 }} {{ 1234567.0 }} {{ 1e-7 }} {{ 100000.0 }} {{ 0.0001 }} {{ 1e21 }}", "{{ humanize 0.0 }} {{ humanize 0.00123 }} {{ humanize -1234.5 }} {{ humanize 1e30 }}",
    "{{ humanizeDuration 0.0 }} {{ humanizeDuration 59.99 }} {{ humanizeDuration 3600.0 }} {{ humanizeDuration -90061.0 }} {{ humanizeDuration 0.000012 }}",
    "{{ humanize1024 1023.0 }} {{ humanize1024 1048576.0 }} {{ humanize1024 0.5 }}",
]
QUERIES = [
    '{{ query "sort(y)" | first | value }}', '{{ with query "sort(y)" }}{{ . | first | label "n" }}{{ end }}',
    '{{ range query "y" | sortByLabel "n" }}{{ .Labels.n }}={{ .Value }} {{ end }}',
    '{{ range query "nosuch" }}x{{ else }}none{{ end }}', '{{ query "y" | len }}',
    '{{ range $i, $s := query "sort(y)" }}{{ $i }}:{{ $s.Value | humanize }},{{ end }}',
    '{{ with printf "y{n=\\"%s\\"}" "b" | query }}{{ . | first | value | humanizePercentage }}{{ end }}',
    '{{ range query "count_values(\\"__value__\\", y)" | sortByLabel "__value__" }}{{ strvalue . }} {{ end }}',
    '{{ query "y" | first }}'.replace("| first }}", '| sortByLabel "n" | first | value }}'),
    '{{ query "nosuch" | first | value }}', '{{ query "(" }}',
]


def cases():
    yield "fires at once", {"rules": alert("up == 0"), "series": UP, "alerts": [("A", ["0m", "2m", "3m", "5m30s", "20m"])]}
    yield "waits for", {"rules": alert("up == 0", hold="5m"), "series": UP, "alerts": [("A", ["3m", "7m", "8m", "9m", "15m"])]}
    yield "is interrupted", {"rules": alert("x > 0", hold="2m"), "series": {"x": "1 1 0 1 1 1 0 1 1 1 1"},
                             "alerts": [("A", [f"{i}m" for i in range(12)])]}
    yield "keeps firing", {"rules": alert("x > 0", keep_firing_for="3m"), "series": {"x": "0 1 0 0 0 0 0 1 0 1 0 0 0 0"},
                           "alerts": [("A", [f"{i}m" for i in range(14)])]}
    yield "labels are set, taken away, overridden", {
        "rules": alert("up == 0", labels={"severity": "page", "job": "", "alertname": "other", "n": "{{ $value }}"}),
        "series": UP, "alerts": [("A", ["5m"])]}
    # Not at 9m: a sample of five minutes ago is still seen by Prometheus 2, no longer by 3.
    yield "series end", {"rules": alert("x > 0"), "series": {"x": "1 1 stale _ 1 _x7 1"}, "alerts": [("A", [f"{i}m" for i in range(14) if i != 9])],
                         "exprs": [("x", "2m"), ("x", "4m"), ("x", "8m59s"), ("count(x)", "9m30s")]}
    yield "notation", {"rules": "", "series": {'a{n="1"}': "0+10x5", 'a{n="2"}': "1 _x3 5", 'a{n="3"}': "-2-3x4", 'a{n="4"}': "1x5",
                                             'a{n="5"}': "_ _ 1e3 .5 -1.5e-3", 'a{n="6"}': "NaN Inf -Inf 3x2", "b": "5-1x3 stale"},
                       "exprs": [(e, t) for e in ("a", "b", 'a{n=~"[1-5]"} * 2') for t in ("0m", "1m", "2m", "3m", "4m", "5m", "9m30s")]}
    yield "recording in order", {
        "rules": record("job:requests:rate4m", "sum by (job) (rate(requests_total[4m30s]))", team="core")
        + record("job:requests:rate4m:double", "job:requests:rate4m * 2") + alert("job:requests:rate4m:double > 1.5"),
        "series": COUNTERS, "alerts": [("A", ["1m", "6m", "20m"])],
        "exprs": [("job:requests:rate4m", "10m"), ("job:requests:rate4m:double", "10m"), ("count({team='core'})", "20m")]}
    yield "recorded series vanish", {"rules": record("high", "x > 2"), "series": {'x{n="1"}': "3 3 1 1 3 1 1 1 1 1"},
                                     "exprs": [("high", f"{i}m") for i in range(8)]}
    yield "recorded labels", {"rules": record("r", "x", a="1", n=""), "series": {'x{n="1", b="2"}': "1x5"}, "exprs": [("r", "2m"), ("{a='1'}", "3m")]}
    yield "ALERTS in the same round", {
        "rules": alert("up == 0", hold="2m", labels={"severity": "page"}) + alert('ALERTS{alertname="A", alertstate="firing"}', name="B")
        + alert('count(ALERTS{alertstate="pending"}) > 0', name="C"),
        "series": UP, "alerts": [("B", ["2m", "4m", "5m", "6m"]), ("C", ["3m", "4m", "5m", "6m"])],
        "exprs": [("ALERTS", "4m"), ("ALERTS", "6m"), ("ALERTS_FOR_STATE", "6m"), ("count(ALERTS)", "2m")]}
    yield "ALERTS end", {"rules": alert("x > 0"), "series": {"x": "1 1 0 0 0 0"}, "exprs": [("ALERTS", f"{i}m") for i in range(6)]}
    yield "later group reads earlier", {
        "groups": "- name: b\n  rules:\n" + indented(record("second", "first + 1")) + "- name: a\n  rules:\n" + indented(record("first", "x")),
        "group_eval_order": ["a", "b"], "series": {"x": "1+1x10"}, "exprs": [("second", "5m"), ("first", "5m")]}
    yield "limit kept", {"groups": "- name: g\n  limit: 2\n  rules:\n" + indented(alert("up == 0")), "series": UP, "alerts": [("A", ["5m"])]}
    yield "limit passed", {"groups": "- name: g\n  limit: 1\n  rules:\n" + indented(alert("up")), "series": UP, "alerts": [("A", ["5m"])], "verdict_only": True}
    yield "recording limit passed", {"groups": "- name: g\n  limit: 1\n  rules:\n" + indented(record("r", "up")), "series": UP, "exprs": [("r", "5m")], "verdict_only": True}
    yield "alike alerts", {"rules": alert("up", labels={"instance": ""}), "series": UP, "alerts": [("A", ["5m"])], "verdict_only": True}
    yield "alike series", {"rules": record("r", "up", instance=""), "series": UP, "exprs": [("r", "5m")], "verdict_only": True}
    yield "scalar and vector", {"rules": alert("1", name="A") + alert("vector(time()) > 100", name="B") + record("s", "42"), "series": {},
                                "alerts": [("A", ["1m"]), ("B", ["1m", "2m"])], "exprs": [("s", "2m"), ("1 + 1", "1m"), ("time()", "3m")]}
    yield "absent", {"rules": alert('absent(up{job="db"})', hold="1m") + alert("absent(up)", name="B"), "series": UP, "alerts": [("A", ["0m", "1m", "5m"]), ("B", ["2m"])]}
    yield "ratio", {"rules": alert('sum by (job) (rate(requests_total{code=~"5.."}[4m30s])) / sum by (job) (rate(requests_total[4m30s])) > 0.05', hold="3m",
                                   annotations={"summary": "{{ $labels.job }} at {{ $value | humanizePercentage }}"}),
                    "series": COUNTERS, "alerts": [("A", ["10m", "13m", "16m", "30m"])]}
    yield "quantile", {"rules": alert("histogram_quantile(0.9, sum by (job, le) (rate(latency_seconds_bucket[4m30s]))) > 0.5",
                                      annotations={"summary": "{{ humanizeDuration $value }}"}),
                       "series": LATENCY, "alerts": [("A", ["10m"])], "exprs": [("histogram_quantile(0.5, latency_seconds_bucket)", "10m")]}
    yield "offset and subquery", {"rules": record("r", "x offset 2m30s") + alert("max_over_time(x[4m30s:1m]) > 5"), "series": {"x": "0+1x20"},
                                  "alerts": [("A", ["4m", "6m", "10m"])], "exprs": [("r", "10m"), ("delta(x[4m30s])", "10m30s")]}
    yield "joins", {"rules": alert("up == 0 and on (job) requests_total > 0") + alert("up * on (job) group_left (team) owner", name="B"),
                    "series": {**UP, 'owner{job="web", team="core"}': "1x20"}, "alerts": [("A", ["5m"]), ("B", ["5m"])]}
    yield "intervals differ", {"rules": alert("x > 5", hold="1m"), "series": {"x": "0+1x50"}, "interval": "15s", "evaluation_interval": "30s",
                               "alerts": [("A", ["1m", "1m30s", "2m", "2m30s", "2m45s", "3m"])], "exprs": [("x", "45s"), ("x", "3m")]}
    yield "same name twice", {"rules": alert("x > 0", labels={"severity": "a"}) + alert("x > 3", labels={"severity": "b"}), "series": {"x": "1+1x10"},
                              "alerts": [("A", ["1m", "5m"])]}
    yield "no such alert", {"rules": alert("x > 0"), "series": {"x": "1x5"}, "alerts": [("Nosuch", ["1m"])]}
    yield "resolved long ago", {"rules": alert("x > 0"), "series": {"x": "1 0x30"}, "alerts": [("A", ["0m", "1m", "10m", "30m"])]}
    yield "many series", {"rules": record("s:sum", "sum without (i) (x)") + alert("x > 45"), "series": {f'x{{i="{i}", j="{i % 3}"}}': f"{i}+1x10" for i in range(50)},
                          "alerts": [("A", ["0m", "3m"])], "exprs": [("s:sum", "5m"), ("topk(2, x)", "5m")]}
    yield "annotations follow the value", {"rules": alert("x > 0", annotations={"v": "{{ $value }}"}), "series": {"x": "1+1x10"}, "alerts": [("A", ["1m", "2m", "3m"])]}
    yield "a label of the value", {"rules": alert("x > 0", hold="2m", labels={"v": "{{ $value }}"}), "series": {"x": "1 1 1 2 2 2 2"}, "alerts": [("A", [f"{i}m" for i in range(7)])]}
    yield "several tests", {"rules": alert("x > 0"), "series": {"x": "1x5"}, "alerts": [("A", ["1m"])], "copies": 3}
    yield "unary, bool, modifiers", {"rules": "", "series": UP | {"x": "1 2 3 4 5 6"}, "exprs": [
        ("-x", "3m"), ("x > bool 2", "3m"), ("x @ 60", "4m"), ("x offset -1m", "2m"), ("sum(up) by (job)", "4m"), ("label_replace(up, 'h', '$1', 'instance', '(.*):.*')", "2m"),
        ("count_values('v', up)", "5m"), ("quantile(0.5, x)", "2m"), ("changes(x[4m30s])", "5m"), ("resets(x[4m30s])", "5m"), ("nosuch", "1m")]}
    for number, text in enumerate(TEMPLATES):
        yield f"template {number}", template(text, external_labels={"region": "eu"}, external_url="http://fire.example/path")
    for number, text in enumerate(QUERIES):
        yield f"query {number}", template(text, series={"x": "1x5", 'y{n="b"}': "0.25x5", 'y{n="a"}': "11x5"})
    yield from wrong()


def indented(text):
    return "".join(f"  {line}\n" for line in text.splitlines())


def wrong():
    """What both must refuse."""
    good = {"series": {"x": "1x5"}, "alerts": [("A", ["1m"])], "verdict_only": True}
    for name, rules in [
        ("an expression that is none", alert("x >")), ("a range", alert("x[5m]")), ("a template not closed", alert("x", annotations={"a": "{{ $value"})),
        ("a function that is none", alert("x", annotations={"a": "{{ nosuch 1 }}"})), ("a variable that is none", alert("x", labels={"a": "{{ $nosuch }}"})),
        ("a key that is none", alert("x", fro="5m")), ("a duration that is none", alert("x", hold="soon")), ("a reserved label", alert("x", labels={"__name__": "a"})),
        ("a record with for", record("r", "x") + "  for: 5m\n"), ("a record with annotations", record("r", "x") + "  annotations: {a: b}\n"),
        ("both", "- alert: A\n  record: a\n  expr: x\n"), ("neither", "- expr: x\n"), ("no expression", "- alert: A\n"),
    ]:
        yield "wrong: " + name, {**good, "rules": rules}
    yield "wrong: the same group twice", {**good, "groups": "- name: g\n  rules: []\n- name: g\n  rules: []\n"}
    for name, series in [("values", {"x": "1 a"}), ("a series", {"x{": "1"}), ("a matcher", {'x{a=~"b"}': "1"})]:
        yield "wrong: " + name, {**good, "rules": alert("x"), "series": series}
    yield "wrong: the expression of a test", {"rules": "", "series": {}, "exprs": [("x >", "1m")], "verdict_only": True}
    yield "wrong: a group ordered twice", {**good, "rules": alert("x"), "group_eval_order": ["g", "g"]}

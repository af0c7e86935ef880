"""Traces as they should not be: clocks that disagree, parents that never came, rings, ids used twice,
50,000 spans, 50,000 children, a chain 50,000 deep, a megabyte in one attribute, spans without a name or
hours late, logs without spans. Each is sent by OTLP, and its page and its API answer sensibly. With a
browser, people then scroll, fold, search and walk through 10,000 spans.

    broken_traces.py path/to/watchfire [--pages .ci/checks/pages.js] [--shots folder] [--deep 50000]
"""

import argparse
import html
import json
import os
import re
import subprocess
import time
import urllib.request

from server import Watchfire, close, expect

NOW = time.time_ns() // 1_000_000 * 1_000_000 - 600 * 10**9
MS = 10**6
KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
AT_ONCE = 2_000


def trace_id(number):
    return f"{0xB0 << 24 | number:032x}"


def span(own, parent, service, start, end, name="work", kind="internal", failed=False, attributes=(), events=()):
    """Times in milliseconds after the beginning."""
    return service, {
        "spanId": f"{own:016x}",
        "parentSpanId": f"{parent:016x}" if parent else "",
        "name": name,
        "kind": KINDS[kind],
        "startTimeUnixNano": str(NOW + int(start * MS)),
        "endTimeUnixNano": str(NOW + int(end * MS)),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes],
        "events": list(events),
        "status": {"code": 2, "message": "it failed"} if failed else {},
    }


def post(fire, path, body):
    request = urllib.request.Request(
        f"http://{fire.addresses['otlp_http']}{path}", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    while True:
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503):
                raise SystemExit(f"{path}: {error.code} {error.read().decode()[:300]}") from error
            time.sleep(0.5)


def resource(service):
    return {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}


def send(fire, trace, spans):
    for begin in range(0, len(spans), AT_ONCE):
        services = {}
        for service, one in spans[begin : begin + AT_ONCE]:
            services.setdefault(service, []).append({"traceId": trace, **one})
        body = [{"resource": resource(service), "scopeSpans": [{"spans": own}]} for service, own in services.items()]
        answer = post(fire, "/v1/traces", {"resourceSpans": body})
        if answer.get("partialSuccess", {}).get("rejectedSpans"):
            raise SystemExit(f"spans of {trace} were refused: {answer}")


def send_logs(fire, trace, logs):
    records = [
        {
            "timeUnixNano": str(NOW + int(at * MS)),
            "severityNumber": 17 if "failed" in text else 9,
            "body": {"stringValue": text},
            "traceId": trace,
            "spanId": f"{own:016x}" if own else "",
        }
        for own, at, text in logs
    ]
    post(fire, "/v1/logs", {"resourceLogs": [{"resource": resource("shop"), "scopeLogs": [{"logRecords": records}]}]})


def page(fire, trace, **parameters):
    begins = time.time()
    status, body = fire.ask(f"/traces/{trace}", **parameters)
    took = (time.time() - begins) * 1e3
    text = body.decode("utf-8", "strict")
    return status, text, took


def words(text):
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


def rows(text):
    """Of the rows of a page: their number in all, and the ids of those that are written."""
    total = int(re.search(r'data-total="(\d+)"', text).group(1))
    return total, re.findall(r'<div role="row" class="rw[^"]*" id="n([^"]+)"', text)


def judged(fire, what, trace, spans, *wanted, patience=60):
    """The page is there with all spans and says `wanted`; its size and time are told."""
    until = time.time() + patience
    while True:
        status, text, took = page(fire, trace)
        said = words(text)
        counted = re.search(r"([\d,]+) spans?,", said)
        found = int(counted.group(1).replace(",", "")) if counted else 0
        if (status == 200 and found == spans) or time.time() > until:
            break
        time.sleep(0.5)
    missing = [one for one in wanted if one not in said]
    expect(status == 200 and found == spans and not missing, f"{what}: {found} spans, {took:.0f} ms, {len(text) >> 10} KiB, without {missing}")
    status, body = fire.ask(f"/api/v1/traces/{trace}")
    expect(status == (200 if spans else 404) and json.loads(body), f"{what}: the API answers {status}")
    return text


def each_row_once(fire, what, trace, spans, **parameters):
    seen, begin, total = [], 0, 1
    while begin < total:
        status, text, _ = page(fire, trace, **{"view": "all", "as": "rows", "from": begin}, **parameters)
        if status != 200:
            expect(False, f"{what}: rows from {begin} answer {status}")
            return
        total, ids = rows(text)
        seen += ids
        begin += len(ids) or 1
    own = [one for one in seen if re.fullmatch(r"[0-9a-f]+-[0-9a-f]+", one)]
    expect(len(own) == spans == len(set(own)) and len(seen) == total, f"{what}: {spans} spans in {total} rows, each once")


def small(fire):
    skewed = trace_id(1)
    send(fire, skewed, [
        span(1, 0, "gateway", 0, 100, "GET /cart", "client"),
        span(2, 1, "cart", 140, 220, "GET /cart", "server"),
        span(3, 2, "cart", 150, 200, "SELECT lines"),
    ])
    judged(fire, "clock skew", skewed, 3, "Clocks of cart and gateway differ by about 130 ms (cart is ahead)")
    _, text, _ = page(fire, skewed, clocks="adjusted")
    expect("Shown as if they agreed" in words(text), "clock skew: adjusted where asked")

    rootless = trace_id(2)
    send(fire, rootless, [span(1, 99, "shop", 0, 90), span(2, 99, "shop", 10, 20), span(3, 1, "shop", 5, 7)])
    judged(fire, "missing root", rootless, 3, "2 spans name a parent that has not arrived: 0000000000000063", "parent missing")

    ring = trace_id(3)
    send(fire, ring, [span(1, 3, "shop", 0, 9), span(2, 1, "shop", 1, 8), span(3, 2, "shop", 2, 7), span(4, 4, "shop", 3, 5)])
    judged(fire, "rings, one of a single span", ring, 4, "2 spans are each its own ancestor", "its own ancestor")

    twins = trace_id(4)
    send(fire, twins, [span(1, 0, "shop", 0, 9), span(2, 1, "shop", 1, 8, "first"), span(2, 1, "shop", 1, 7, "second"), span(3, 2, "shop", 2, 3)])
    text = judged(fire, "an id used twice", twins, 4, "2 spans share their id with another span", "first", "second", "id used twice")
    records = re.findall(r"record=([0-9a-f]+-[0-9a-f]+)", text)
    names = {re.search(r'<h2>.*?<bdi>(\w+)</bdi>', page(fire, twins, span=f"{2:016x}", record=record)[1], re.S).group(1) for record in records}
    expect(names == {"first", "second"}, f"an id used twice: each of them opens ({names})")

    roots = trace_id(5)
    send(fire, roots, [span(1, 0, "shop", 0, 10), span(2, 0, "mail", 20, 90), span(3, 0, "shop", 30, 40)])
    judged(fire, "several roots", roots, 3, "mail: work")

    times = trace_id(6)
    send(fire, times, [span(1, 0, "shop", 0, 0), span(2, 1, "shop", 5, 5), span(3, 1, "shop", 9, 2)])
    judged(fire, "zero and negative durations", times, 3)
    expect("NaN" not in page(fire, times)[1], "zero durations: no figure is nonsense")

    names = trace_id(7)
    hostile = "a\u202egnp.exe\u0000\u0007\u001b[31m<script>alert(1)</script>"
    send(fire, names, [
        span(1, 0, "shop", 0, 9, ""),
        span(2, 1, "shop\u202e", 1, 8, hostile, attributes=[(hostile, hostile), ("", "")], events=[{"name": "", "timeUnixNano": str(NOW)}]),
    ])
    judged(fire, "empty names, control and bidi characters", names, 2, "(no name)")
    status, text, _ = page(fire, names, span=f"{2:016x}", find="<script>")
    expect(status == 200 and "<script>alert" not in text and "&#60;script&#62;" in text, "hostile names: written, not run")

    logs = trace_id(8)
    send_logs(fire, logs, [(0, 0, "only a log"), (77, 5, "a span failed that is not here")])
    judged(fire, "a trace of logs alone", logs, 0, "No span of this trace has arrived", "only a log", "its span is not here")
    mixed = trace_id(9)
    send(fire, mixed, [span(1, 0, "shop", 0, 100), span(2, 1, "shop", 50, 90)])
    send_logs(fire, mixed, [(1, 20, "before the child"), (1, 95, "after the child"), (78, 60, "of another span")])
    text = judged(fire, "logs between spans", mixed, 2, "before the child", "after the child", "of another span")
    order = [place for place in (text.find(one) for one in ("before the child", "after the child"))]
    expect(0 < order[0] < order[1], "logs between spans: in their time order")
    for trace in (skewed, rootless, ring, twins, roots, times, names):
        each_row_once(fire, trace[-2:], trace, len(re.findall(r'class="rw sp', page(fire, trace)[1])))
    return [skewed, rootless, logs, mixed]


def path_of(fire):
    """The critical path of a known tree: of children at once the last to end, and nothing that outlives."""
    trace = trace_id(10)
    send(fire, trace, [
        span(1, 0, "shop", 0, 100, "root"),
        span(2, 1, "shop", 10, 60, "quick"),
        span(3, 1, "stock", 10, 90, "slow"),
        span(4, 1, "mail", 20, 4000, "outlives"),
        span(5, 3, "stock", 15, 80, "below"),
    ])
    judged(fire, "critical path", trace, 5, "The critical path explains the 100 ms of root")
    _, text, _ = page(fire, trace, only="path")
    shown = [name for name in ("root", "quick", "slow", "outlives", "below") if re.search(rf"<bdi>{name}</bdi></a>", text)]
    expect(shown == ["root", "slow", "below"], f"critical path: {shown}")


def late(fire):
    trace = trace_id(11)
    send(fire, trace, [span(1, 0, "shop", 0, 100), span(3, 2, "shop", 20, 30)])
    judged(fire, "before the late span", trace, 2, "has not arrived")
    send(fire, trace, [span(2, 1, "shop", 10, 40), span(4, 1, "mail", -5 * 3600e3, -5 * 3600e3 + 50)])
    text = judged(fire, "hours away, and late", trace, 4, "no span ran", "Zoom to the others")
    expect("has not arrived" not in words(text), "the late parent has its child")


def heavy(fire):
    trace = trace_id(12)
    big = "x" * 500_000 + "needle" + "y" * 500_000
    send(fire, trace, [span(1, 0, "shop", 0, 100), span(2, 1, "shop", 1, 50, attributes=[("big", big), ("small", "s")])])
    text = judged(fire, "a megabyte in an attribute", trace, 2)
    expect(len(text) < 100_000, f"its page weighs {len(text) >> 10} KiB")
    status, text, took = page(fire, trace, span=f"{2:016x}")
    expect(status == 200 and len(text) < 100_000 and "Show all" in text, f"its panel is cut: {len(text) >> 10} KiB, {took:.0f} ms")
    status, text, took = page(fire, trace, span=f"{2:016x}", whole=1)
    expect(status == 200 and big in text, f"and whole where asked: {took:.0f} ms")
    status, text, _ = page(fire, trace, find="needle")
    expect("1 match" in words(text), "what is in the middle of it is found")


def large(fire, deep):
    """Names differ, so that nothing is folded into runs; and a run of all."""
    chain = trace_id(20)
    send(fire, chain, [span(n, n - 1, "shop", n / 100, 2e6 / 100 - n / 100, f"step {n}") for n in range(1, deep + 1)])
    judged(fire, "a deep chain", chain, deep, f"{deep:,} levels", patience=180)
    status, text, took = page(fire, chain, view="all", span=f"{deep:016x}")
    expect(status == 200 and f"step {deep}" in text, f"its last span opens: {took:.0f} ms")
    alike = trace_id(21)
    send(fire, alike, [span(1, 0, "shop", 0, deep)] + [span(n, 1, "db", n - 1, n - 0.5, "SELECT orders", "client", n == deep - 7) for n in range(2, deep + 2)])
    text = judged(fire, "children alike", alike, deep + 1, f"× {deep:,}", "one after another", "1 failed", patience=180)
    expect(rows(text)[0] == 3, f"children alike: the root, the run and its failed one ({rows(text)[0]} rows)")
    wide = trace_id(22)
    send(fire, wide, [span(1, 0, "shop", 0, deep)] + [span(n, 1, "db", n - 1, n, f"query {n}") for n in range(2, deep + 2)])
    judged(fire, "children of one span", wide, deep + 1, patience=180)
    status, text, took = page(fire, wide, view="all", **{"from": deep})
    expect(rows(text)[0] == deep + 1 and f"query {deep + 1}" in text, f"their last rows: {took:.0f} ms")
    # Not the chain: all of it is critical path, and no browser takes a picture a million pixels high.
    return [alike]


def ten_thousand(fire, count=10_000):
    """A tree of many services, with errors: the trace that is scrolled through."""
    trace = trace_id(30)
    spans = [span(1, 0, "gateway", 0, 12_000, "GET /report", "server")]
    for n in range(2, count + 1):
        parent = 1 if n < 40 else 2 + n % 38
        start = n if n < 40 else 40 + n
        end = 11_900 if n < 40 else start + 3 + n % 50
        spans.append(span(n, parent, f"service-{n % 9}", start, end, f"op {n}", failed=n in (5_000, 9_000)))
    send(fire, trace, spans)
    judged(fire, "ten thousand spans", trace, count, "2 errors", patience=180)
    each_row_once(fire, "ten thousand spans", trace, count)
    took = sorted(page(fire, trace, view="all", **{"from": n * 400})[2] for n in range(25))
    print(f"     a page of it: median {took[12]:.0f} ms, greatest {took[-1]:.0f} ms")
    _, text, took = page(fire, trace, find="op 7777")
    expect("1 match" in words(text), f"a name is found in it: {took:.0f} ms")
    return trace


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--pages", help="pages.js: look at the pages in a browser, and act in trace_page.js beside it")
    parser.add_argument("--shots", default="/tmp/watchfire-shots")
    parser.add_argument("--deep", type=int, default=50_000)
    asked = parser.parse_args()
    fire = Watchfire(asked.binary)
    looked_at = small(fire)
    path_of(fire)
    late(fire)
    heavy(fire)
    looked_at += large(fire, asked.deep)
    big = ten_thousand(fire)
    if asked.pages:
        paths = [f"/traces/{trace}" for trace in [*looked_at, big]]
        paths.append(f"/traces/{big}?only=errors&span={5000:016x}")
        looked = subprocess.run(["node", asked.pages, fire.url, asked.shots, *paths], check=False)
        expect(looked.returncode == 0, "the pages look sound in a browser")
        actions = os.path.join(os.path.dirname(asked.pages), "trace_page.js")
        acted = subprocess.run(["node", actions, fire.url, big], check=False)
        expect(acted.returncode == 0, "people can work with 10,000 spans")
    status, _ = fire.ask("/healthz")
    expect(status == 200, "it is well after all that")
    fire.stop()
    close()


if __name__ == "__main__":
    main()

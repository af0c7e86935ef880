"""The official Sentry SDK of Python (and a client of Airbrake) send to Watchfire: events with causes,
structured logs, transactions, check-ins. What they sent is found again, and one throw site is one
group: after a shift of its lines, from another folder, with another id in the message, and whether
Sentry's SDK or OpenTelemetry's says it.

    error_clients.py path/to/watchfire
"""

import importlib.util
import json
import logging
import pathlib
import sys
import tempfile
import time
import urllib.error
import urllib.request

import sentry_sdk
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from sentry_sdk.integrations.logging import LoggingIntegration

from server import Watchfire, close, expect

SOURCE = """
class OutOfStock(Exception):
    pass

{blank}
def find(rows, sku):
    return rows[sku]

def reserve(order):
    try:
        find({{}}, f"sku-{{order}}")
    except KeyError as error:
        raise OutOfStock(f"order {{order}} of 10.0.{{order}}.1 cannot be reserved") from error

def refund(order):
    raise ValueError(f"order {{order}} has no payment")
"""


def shop(folder, blank):
    """The same code somewhere else, its lines shifted."""
    path = pathlib.Path(folder) / "app" / "shop_orders.py"
    path.parent.mkdir(parents=True)
    path.write_text(SOURCE.format(blank="\n" * blank))
    spec = importlib.util.spec_from_file_location("shop_orders", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def raised(call, order):
    try:
        call(order)
    except Exception as error:  # noqa: BLE001
        return error


def by_sentry(url, code, orders):
    sentry_sdk.init(dsn=url, release="1.4.2", environment="production", server_name="web-3",
                    traces_sample_rate=1.0, enable_logs=True,
                    disabled_integrations=[LoggingIntegration()])
    sentry_sdk.set_tag("tenant", "acme")
    sentry_sdk.set_user({"id": "u-17"})
    for order in orders:
        with sentry_sdk.start_transaction(op="http.server", name="POST /orders"):
            with sentry_sdk.start_span(op="db.query", name="SELECT stock"):
                pass
            for call in (code.reserve, code.refund):
                sentry_sdk.capture_exception(raised(call, order))
    sentry_sdk.logger.warning("stock is low: {left}", left=3)
    sentry_sdk.capture_message("nightly stock count began", level="info")
    sentry_sdk.crons.capture_checkin(monitor_slug="nightly", status="ok", duration=2)
    sentry_sdk.flush(timeout=30)


def by_opentelemetry(endpoint, code, order):
    provider = LoggerProvider(resource=Resource.create({"service.name": "checkout"}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(endpoint=f"{endpoint}/v1/logs")))
    log = logging.getLogger("otel")
    log.propagate = False
    log.addHandler(LoggingHandler(logger_provider=provider))
    for call in (code.reserve, code.refund):
        log.error("by OpenTelemetry", exc_info=raised(call, order))
    provider.shutdown()


def post(url, body, headers=None, method="POST"):
    request = urllib.request.Request(url, body, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def forms_of_requests(fire):
    """What clients in other languages and in browsers do."""
    envelope = f"{fire.url}/api/1/envelope/"
    event = json.dumps({"message": "from a page", "platform": "javascript"})
    body = f'{{"dsn":"http://webshop@localhost/1"}}\n{{"type":"event"}}\n{event}\n'.encode()
    page = {"origin": "https://shop.example", "sec-fetch-site": "cross-site", "content-type": "text/plain"}
    status, headers, _ = post(envelope, b"", page, "OPTIONS")
    expect(status == 204 and headers.get("access-control-allow-origin") == "*", "a page may ask before it sends")
    status, headers, _ = post(envelope, body, page)
    expect(status == 200 and headers.get("access-control-allow-origin") == "*", f"a page of another origin may send ({status})")
    status, headers, answer = post(envelope, b'{}\n{"type":"event"}\n{}\n')
    expect(status == 403 and "x-sentry-error" in headers, f"without a key it is refused ({status} {answer.decode()})")
    status, headers, answer = post(f"{envelope}?sentry_key=k", b"no envelope")
    expect(status == 400 and "not JSON" in headers.get("x-sentry-error", ""), f"what is no envelope is told ({answer.decode()})")
    status, _, _ = post(f"{fire.url}/api/1/store/?sentry_key=webshop", event.encode())
    expect(status == 200, "an event by itself is taken")
    notice = {"errors": [{"type": "OrderError", "message": "order 5", "backtrace": [
        {"file": "/srv/shop/orders.rb", "line": 3, "function": "place"}]}], "context": {"language": "ruby/3.3"}}
    status, _, answer = post(f"{fire.url}/api/v3/projects/7/notices?key=webshop", json.dumps(notice).encode())
    expect(status == 201 and json.loads(answer)["id"], f"a notice of Airbrake is taken ({status} {answer.decode()})")
    deploy = {"environment": "production", "username": "ann", "revision": "38748467ea579e7ae64f7815452307c9d05e05c5", "version": "v2.0"}
    status, _, answer = post(f"{fire.url}/api/v4/projects/7/deploys?key=webshop", json.dumps(deploy).encode(), {"content-type": "application/json"})
    change = fire.get("/api/v1/changes", service="webshop")["changes"]
    expect(status == 201 and change[0]["version"] == "v2.0" and change[0]["author"] == "ann", f"a deploy that Airbrake's clients tell is a change ({status})")
    status, _, answer = post(f"{fire.url}/api/v3/projects/7/notices?key=webshop", b"{}")
    expect(status == 400 and b"errors" in answer, f"one without errors is told ({answer.decode()})")


def searched(fire, query, count):
    """The records, once there are so many."""
    deadline = time.time() + 30
    while True:
        records = fire.get("/api/v1/logs", q=query, limit=500)["records"]
        if len(records) >= count or time.time() > deadline:
            return records
        time.sleep(0.2)


def main():
    fire = Watchfire(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        here, there = shop(f"{folder}/a", 0), shop(f"{folder}/releases/20261122/b", 7)
        address = fire.url.split("//")[1]
        by_sentry(f"http://checkout@{address}/1", here, [1, 22])
        by_sentry(f"http://checkout@{address}/1", there, [333])
        by_opentelemetry("http://" + fire.addresses["otlp_http"], there, 4)
    events = searched(fire, "service:checkout exception.type:*", 8)
    expect(len(events) == 8, f"six events of Sentry's SDK and two of OpenTelemetry's ({len(events)})")
    by_site = {}
    for event in events:
        by_site.setdefault(event["exception.type"].split(".")[-1], set()).add(event["exception_group"])
    expect({site: len(groups) for site, groups in by_site.items()} == {"OutOfStock": 1, "ValueError": 1},
           f"one group for each throw site: {by_site}")
    event = next(e for e in events if e.get("sentry.event_id"))
    expect(event["service.version"] == "1.4.2" and event["deployment.environment.name"] == "production"
           and event["tenant"] == "acme" and event["user.id"] == "u-17", "release, environment, tag and user are attributes")
    chained = next(e["exception.stacktrace"] for e in events if "OutOfStock" in e["exception.type"] and e.get("sentry.event_id"))
    expect("KeyError" in chained and "direct cause" in chained, "the cause is part of the stack trace")
    spans = fire.get(f"/api/v1/traces/{event['trace_id']}")["spans"]
    expect(sorted(s["name"] for s in spans) == ["POST /orders", "SELECT stock"], "the transaction is the event's trace")
    logs = searched(fire, '"stock is low"', 2)
    expect(logs and logs[0]["severity"] == "WARN" and logs[0]["service.name"] == "checkout", "structured logs are records")
    expect(len(searched(fire, '"nightly stock count began"', 2)) == 2, "messages are records")
    alive = fire.promql('time() - check_in_last_timestamp_seconds{monitor="nightly",status="ok"} < 300')
    expect(len(alive) == 1, f"a check-in is a series ({alive})")
    forms_of_requests(fire)
    expect(len(searched(fire, "service:webshop", 3)) == 3, "each of these is a record of its service")
    fire.stop()
    close()


main()

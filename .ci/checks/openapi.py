"""The services' OpenAPI documents held against what the services answer: each document's examples keep its own
schemas, and schemathesis asks every operation through the gateway, with what the document calls valid and with
what it does not. No answer may be a 5xx, or of a status, content type, header or shape that the document does
not have.

    openapi.py path/to/watchfire [--only content …] [--examples 8] [--seed 7117] [--workers 1]
    openapi.py --gateway http://127.0.0.1:7118     # services that run already
    openapi.py --url http://127.0.0.1:7201 --only payments
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import jsonschema
import referencing
import referencing.jsonschema

import credentials
from application_services import PREFIXES, Services, ask
from server import close, expect

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]
# Each operation of these is asked with every boundary value of every parameter, too. content's 63 operations share
# their parameters: there it would be 20,000 requests of few kinds, and drawn ones reach the same.
BOUNDARIES = {"messages", "reminders", "recruitment", "payments"}
# How many of schemathesis' lines are shown of a failure.
TAIL = 60


def examples(document):
    """Each example with its schema and where it is."""

    def walk(node, where):
        if isinstance(node, dict):
            schema = node.get("schema")
            if isinstance(schema, dict):
                if "example" in node:
                    yield where, schema, node["example"]
                for name, example in (node.get("examples") or {}).items():
                    if isinstance(example, dict) and "value" in example:
                        yield f"{where}/{name}", schema, example["value"]
            for key, value in node.items():
                if key not in ("example", "examples", "schema"):
                    yield from walk(value, f"{where}/{key}")
        elif isinstance(node, list):
            for at, value in enumerate(node):
                yield from walk(value, f"{where}/{at}")

    yield from walk({key: document[key] for key in ("paths", "components") if key in document}, "")


def judge_examples(service, document):
    resource = referencing.Resource(contents=document, specification=referencing.jsonschema.DRAFT202012)
    registry = referencing.Registry().with_resource("urn:document", resource)
    wrong, judged = [], 0
    for where, schema, example in examples(document):
        absolute = json.loads(json.dumps(schema).replace('"#/', '"urn:document#/'))
        validator = jsonschema.Draft202012Validator(absolute, registry=registry)
        judged += 1
        wrong += [f"{where}: {error.message[:160]}" for error in validator.iter_errors(example)]
    expect(judged and not wrong, f"{service}: {judged} examples keep the document's schemas {wrong[:3] or ''}")


def fuzz(service, document, url, options):
    """Runs schemathesis over one service; what it found."""
    sent = credentials.headers(service, lambda path, *more: ask(url + path, *more))
    phases = "examples,coverage,fuzzing" if service in BOUNDARIES else "examples,fuzzing"
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / f"{service}.json"
        path.write_text(json.dumps(document))
        command = [
            str(pathlib.Path(sys.executable).parent / "schemathesis"),
            "run", str(path), f"--url={url}", f"--checks={','.join(CHECKS)}", f"--phases={phases}",
            f"--max-examples={options.examples}", f"--seed={options.seed}", f"--workers={options.workers}",
            "--suppress-health-check=all", "--request-timeout=30", "--warnings=off", "--no-color",
            "--generation-database=none",
            *[f"--header={name}: {value}" for name, value in sent.items()],
        ]
        began = time.monotonic()
        run = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        took = time.monotonic() - began
    cases = re.findall(r"(\d+) generated", run.stdout)
    operations = re.findall(r"(\d+) (?:selected|tested)", run.stdout)
    told = f"{cases[-1] if cases else 'no'} requests to {operations[0] if operations else '?'} operations in {took:.0f} s"
    expect(run.returncode == 0, f"{service}: {told} answered as the document says")
    if run.returncode != 0:
        lines = (run.stdout + run.stderr).splitlines()
        print("\n".join(lines if options.whole else lines[-TAIL:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", nargs="?")
    parser.add_argument("--gateway")
    parser.add_argument("--url", help="where the one service of --only answers by itself")
    parser.add_argument("--only", nargs="*", default=list(PREFIXES))
    parser.add_argument("--examples", type=int, default=8)
    parser.add_argument("--seed", type=int, default=7117)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--whole", action="store_true", help="print all that schemathesis says")
    options = parser.parse_args()
    services = None if options.gateway or options.url else Services(options.binary, **credentials.environment())
    gateway = services.gateway if services else (options.gateway or "").rstrip("/")
    for service in options.only:
        prefix = PREFIXES[service]
        url = options.url or gateway + prefix
        status, _, body = ask(f"{url}/openapi.json")
        expect(status == 200, f"{service}: {prefix}/openapi.json is there ({status})")
        if status != 200:
            continue
        document = json.loads(body)
        expect(str(document.get("openapi", "")).startswith("3.1"), f"{service}: OpenAPI {document.get('openapi')}")
        judge_examples(service, document)
        fuzz(service, document, url, options)
    if services:
        errors = services.errors()
        expect(not errors, f"nothing was logged as ERROR {errors[:2] or ''}")
        expect(services.stop() == 0, "a clean stop")
    close()


if __name__ == "__main__":
    main()

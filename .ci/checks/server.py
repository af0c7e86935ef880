"""A running Watchfire, and what a client asks of it."""

import json
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request


class Watchfire:
    def __init__(self, binary, command="serve", *more):
        self.dir = tempfile.TemporaryDirectory()
        addresses = ["--listen=127.0.0.1:0", "--otlp-grpc=127.0.0.1:0", "--otlp-http=127.0.0.1:0"]
        arguments = [binary, command, *addresses, "--print-addresses", f"--data-dir={self.dir.name}", *more]
        self.started = time.time()
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.said = []
        threading.Thread(target=lambda: self.said.extend(self.process.stderr), daemon=True).start()
        line = self.process.stdout.readline()
        if not line:
            time.sleep(0.5)
            raise SystemExit("it did not start: " + "".join(self.said))
        self.addresses = json.loads(line)
        self.url = "http://" + self.addresses["listen"]

    def get(self, path, **parameters):
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        try:
            with urllib.request.urlopen(self.url + path + query, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise SystemExit(f"GET {path}{query}: {error.code} {error.read().decode()}") from error

    def promql(self, query):
        return self.get("/prometheus/api/v1/query", query=query)["data"]["result"]

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=60)
        expect(code == 0, f"a clean stop (exit code {code})")
        self.dir.cleanup()


passed = failed = 0


def expect(holds, what):
    global passed, failed
    passed, failed = passed + bool(holds), failed + (not holds)
    print("ok  " if holds else "FAIL", what, flush=True)


def close():
    print(f"{passed} passed, {failed} failed")
    raise SystemExit(1 if failed else 0)

"""The application services by themselves, behind their gateway."""

import json
import os
import queue
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request

# Under which path the gateway offers each.
PREFIXES = {
    "content": "/api",
    "messages": "/messages",
    "reminders": "/reminders",
    "recruitment": "/recruitment",
    "payments": "/payments",
}
PATIENCE = 60


def ask(url, method="GET", headers=None, body=None):
    """The status, the headers and the answer, whatever they are."""
    request = urllib.request.Request(url, body, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


class Services:
    """In a folder of its own; what they log is kept."""

    def __init__(self, binary, *more, **environment):
        self.dir = tempfile.TemporaryDirectory()
        arguments = [binary, "services", "--gateway=127.0.0.1:0", "--print-addresses", f"--data-dir={self.dir.name}", *more]
        self.process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
        )
        self.logged, self.said = [], []
        found = queue.Queue()
        threading.Thread(target=self.listen, args=(found,), daemon=True).start()
        threading.Thread(target=lambda: self.said.extend(self.process.stderr), daemon=True).start()
        try:
            self.gateway = "http://" + found.get(timeout=PATIENCE)
        except queue.Empty:
            self.process.kill()
            raise SystemExit("they did not start: " + "".join(self.said[-20:] + self.logged[-20:])) from None

    def listen(self, found):
        for line in self.process.stdout:
            if '"gateway"' in line and not self.logged_gateway(line):
                found.put(json.loads(line)["gateway"])
            else:
                self.logged.append(line)

    @staticmethod
    def logged_gateway(line):
        """Whether a line that names the gateway is one of the log."""
        return "severity" in json.loads(line)

    def ask(self, path, method="GET", headers=None, body=None):
        """The status, the headers and the answer, whatever they are."""
        return ask(self.gateway + path, method, headers, body)

    def errors(self):
        """What they logged as ERROR."""
        return [line for line in self.logged if '"severity":"ERROR"' in line.replace(" ", "")]

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=PATIENCE)
        self.dir.cleanup()
        return code

"""The application services as a process of their own, and sessions as the accounts service issues them."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import struct
import subprocess
import threading
import time

KEY_ID, KEY = "check", "a-key-of-this-check-only"
NOWHERE = {"OTEL_TRACES_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}


def plain_base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def session(person, device="phone", programme=None, lifetime=3600, key_id=KEY_ID, key=KEY):
    """Signed here: the service asks nobody whether it is good."""
    now = int(time.time())
    claims = {"p": person, "d": device, "i": now - 1, "e": now + lifetime}
    if programme:
        claims["g"] = programme
    claims = plain_base64(json.dumps(claims).encode())
    signed = b"watchfire session v1\0" + struct.pack(">Q", len(claims)) + claims.encode()
    signature = hmac.new(key.encode(), signed, hashlib.sha256).digest()
    return f"wfs1.{key_id}.{claims}.{plain_base64(signature)}"


class Services:
    def __init__(self, binary, folder, environment=None):
        mine = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        mine |= {"WATCHFIRE_SESSIONS_KEY": f"{KEY_ID}:{KEY}"} | (environment or NOWHERE)
        arguments = [binary, "services", "--gateway=127.0.0.1:0", "--print-addresses", f"--data-dir={folder}"]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=mine)
        self.said = []
        threading.Thread(target=lambda: self.said.extend(self.process.stderr), daemon=True).start()
        addresses = {}
        while "gateway" not in addresses:
            line = self.process.stdout.readline()
            if not line:
                time.sleep(0.5)
                raise SystemExit("the services did not start: " + "".join(self.said))
            addresses = json.loads(line) if line.startswith("{") else {}
        # Log lines of the services come on the same pipe.
        self.lines = []
        threading.Thread(target=self.read, daemon=True).start()
        self.gateway = addresses["gateway"]
        self.local = threading.local()

    def read(self):
        for line in self.process.stdout:
            if len(self.lines) < 200_000:
                self.lines.append(line)

    def ask(self, method, path, token=None, body=None, headers=None):
        """Status, headers and what the body means."""
        headers = dict(headers or {})
        if token:
            headers["authorization"] = f"Bearer {token}"
        if body is not None:
            headers["content-type"] = "application/json"
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        for again in (False, True):
            connection = getattr(self.local, "connection", None) or http.client.HTTPConnection(self.gateway, timeout=30)
            self.local.connection = connection
            try:
                connection.request(method, "/reminders" + path, body, headers)
                answer = connection.getresponse()
                raw = answer.read()
                break
            except (http.client.HTTPException, OSError):
                connection.close()
                self.local.connection = None
                if again:
                    raise
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, json.loads(raw) if raw.startswith(b"{") else raw

    def send(self, token, changes):
        status, _, answer = self.ask("POST", "/v1/sync/send", token, {"changes": changes})
        if status != 200:
            raise SystemExit(f"changes were refused: {status} {answer}")
        return [result["result"] for result in answer["results"]]

    def fetch(self, token, since=None, limit=500):
        """All pages: the records by id, and the token to go on with."""
        records, more = {}, True
        while more:
            path = f"/v1/sync/fetch?limit={limit}" + (f"&token={since}" if since else "")
            status, _, page = self.ask("GET", path, token)
            if status != 200:
                raise SystemExit(f"no page: {status} {page}")
            records |= {record["id"]: record for record in page["changes"]}
            since, more = page["token"], page["more"]
        return records, since

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=60)


def put(change, id, title="Ramipril", base=0, zone="Europe/Berlin"):
    schedule = {"zone": zone, "starts_on": "2026-01-01", "times": ["08:00", "20:00"]}
    about = {"kind": "medication", "name": title, "dose": "5 mg"}
    reminder = {"title": title, "about": about, "schedule": schedule}
    return {"op": "put_reminder", "change_id": change, "base_version": base, "id": id, "reminder": reminder}


def delete(change, id, base):
    return {"op": "delete_reminder", "change_id": change, "base_version": base, "id": id}

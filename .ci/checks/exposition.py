"""Is /metrics good exposition? Judged by the parsers of prometheus_client, by promtool's linter and
by a real Prometheus that scrapes it.

    exposition.py path/to/watchfire
"""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from server import Watchfire, close, expect


def fetch(url, accept):
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": accept}), timeout=20) as answer:
        return answer.headers["content-type"], answer.read().decode()


def scraped(target):
    """A real Prometheus scrapes the target; how many samples it got, and what it warned of."""
    with tempfile.TemporaryDirectory() as folder:
        config = {"scrape_configs": [{"job_name": "watchfire", "scrape_interval": "1s", "scrape_timeout": "1s",
                                      "static_configs": [{"targets": [target]}]}]}
        with open(f"{folder}/prometheus.yml", "w", encoding="utf-8") as file:
            json.dump(config, file)
        port = 19_117
        with open(f"{folder}/log", "w+", encoding="utf-8") as log:
            process = subprocess.Popen(
                ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                 f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
            try:
                samples = 0
                for _ in range(60):
                    time.sleep(1)
                    try:
                        url = f"http://127.0.0.1:{port}/api/v1/query?query=scrape_samples_scraped"
                        result = json.load(urllib.request.urlopen(url, timeout=2))["data"]["result"]
                    except OSError:
                        continue
                    samples = float(result[0]["value"][1]) if result else 0
                    if samples:
                        break
                log.seek(0)
                return samples, [line for line in log if "level=warn" in line and "scrape" in line]
            finally:
                process.kill()
                process.wait()


def main():
    fire = Watchfire(sys.argv[1])
    url = fire.url + "/metrics"
    kind, text = fetch(url, "text/plain;version=0.0.4")
    expect(kind.startswith("text/plain") and "version=0.0.4" in kind, f"content type {kind}")
    families = list(parse_text(text))
    expect(len(families) > 10, f"the text format parses: {len(families)} families")
    lint = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    expect(lint.returncode == 0 and not lint.stdout + lint.stderr, f"promtool finds nothing: {lint.stdout}{lint.stderr}")
    kind, text = fetch(url, "application/openmetrics-text; version=1.0.0")
    expect("openmetrics" in kind and list(parse_openmetrics(text)), "OpenMetrics parses")
    samples, warnings = scraped(fire.addresses["listen"])
    expect(samples > 10, f"Prometheus scraped {samples} samples")
    expect(not warnings, f"and warned of nothing {warnings}")
    fire.stop()
    close()


main()

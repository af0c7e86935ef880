"""Two hours of series such as services have, for questions in PromQL.

Every sample lies between the half and the whole seconds that expressions are evaluated at: Prometheus 2
takes what lies on the left edge of a range, 3 does not. Counters stay far from zero: 2 and 3 extrapolate
differently to a zero that lies within a gap.
"""

import random

SPAN = 7200  # seconds
STEP = 15
BOUNDS = [0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0]


class Samples:
    """`series`: (labels, [(milliseconds, value)]), earliest first."""

    def __init__(self, seed, start):
        self.random, self.start, self.series = random.Random(seed), start, []
        for job in ("api", "db", "web"):
            for instance in ("a:1", "b:2", "c:3"):
                self.target({"job": job, "instance": instance})
        self.alone()

    def times(self, count=SPAN // STEP, first=0, missed=0.02):
        """As scrapes come: a little late, some not at all."""
        r, late = self.random, self.random.uniform(1, 14)
        times = []
        for i in range(first, first + count):
            millis = round((self.start + late + i * STEP + r.uniform(0, 0.09)) * 1000)
            # Away from whole and half seconds, where expressions are evaluated.
            millis += 3 if millis % 500 == 0 else 0
            if r.random() >= missed:
                times.append(millis)
        return times

    def add(self, name, labels, samples):
        self.series.append(({"__name__": name, **labels}, samples))

    def counter(self, growth, resets=0.004):
        r, value, samples = self.random, self.random.randint(2000, 9000), []
        for t in self.times():
            value = r.randint(300, 900) if r.random() < resets else value
            value += r.randint(0, growth)
            samples.append((t, float(value)))
        return samples

    def walk(self, level, width, nan=0.0):
        r, value, samples = self.random, level, []
        for t in self.times():
            value += r.gauss(0, width)
            samples.append((t, float("nan") if r.random() < nan else round(value, 4)))
        return samples

    def target(self, base):
        r = self.random
        self.add("up", base, [(t, float(r.random() > 0.05)) for t in self.times()])
        for method in ("GET", "POST"):
            for status, growth in (("200", 5), ("404", 1), ("500", 1)):
                self.add("http_requests_total", {**base, "method": method, "status": status}, self.counter(growth))
        self.histogram(base)
        self.add("temp", base, self.walk(r.uniform(10, 90), 1.5, nan=0.003))
        self.add("mem_bytes", base, [(t, float(r.randint(10**8, 10**10))) for t in self.times(count=300)])
        self.add("start_seconds", base, [(t, float(self.start - 86400 * r.choice([1, 1, 2]))) for t in self.times()])
        self.add("build_info", {**base, "version": r.choice(["1.2", "1.3"]), "path": "a/b.c"}, [(t, 1.0) for t in self.times()])

    def histogram(self, base):
        r, total, counts = self.random, 5000.0, [500 + 500 * i for i in range(len(BOUNDS) + 1)]
        buckets, sums, numbers = [[] for _ in counts], [], []
        for t in self.times():
            for _ in range(r.randint(0, 6)):
                seen = r.expovariate(8)
                total += seen
                counts = [count + (i == len(BOUNDS) or seen <= BOUNDS[i]) for i, count in enumerate(counts)]
            for bucket, count in zip(buckets, counts):
                bucket.append((t, float(count)))
            sums.append((t, total))
            numbers.append((t, float(counts[-1])))
        for bound, bucket in zip([*map(str, BOUNDS), "+Inf"], buckets):
            self.add("lat_bucket", {**base, "le": bound}, bucket)
        self.add("lat_sum", base, sums)
        self.add("lat_count", base, numbers)

    def alone(self):
        """Series that are short, broken, odd or the only ones of their kind."""
        enumerated = lambda times: [(t, float(i)) for i, t in enumerate(times)]
        self.add("cap", {"job": "api", "team": "core"}, [(t, 10.0) for t in self.times()])
        self.add("cap", {"job": "db", "team": "data"}, [(t, 20.0) for t in self.times()])
        self.add("short", {"job": "x"}, enumerated(self.times(count=30)))
        self.add("gap", {"job": "x"}, enumerated(self.times(count=60)) + enumerated(self.times(count=60, first=270)))
        self.add("one", {"job": "x"}, [(self.start * 1000 + 3_000_123, 42.0)])
        self.add("const", {"job": "x"}, [(t, 5.0) for t in self.times()])
        self.add("neg", {"job": "x"}, [(t, -i * 0.5) for i, t in enumerate(self.times())])
        odd = [float("inf"), float("-inf"), float("nan"), 0.0, -0.0, 1e-300, 1e150, 1e21, 1e-7, 0.1]
        self.add("odd", {"job": "x"}, [(t, odd[i // 3 % len(odd)]) for i, t in enumerate(self.times())])
        self.add("words", {"job": "ü", "weird": 'a"b\\c\nd'}, [(t, 7.0) for t in self.times()])
        self.add("left", {"job": "x", "k": "1"}, self.walk(5, 1))
        self.add("left", {"job": "x", "k": "2"}, self.walk(5, 1))
        self.add("right", {"job": "x", "k": "2", "more": "m"}, self.walk(5, 1))
        self.add("right", {"job": "x", "k": "3", "more": "n"}, self.walk(5, 1))

    def slices(self, seconds=60):
        """All series in slices of time, as a sender would send them."""
        by_slice = {}
        for at, (labels, samples) in enumerate(self.series):
            for t, value in samples:
                by_slice.setdefault(t // (seconds * 1000), {}).setdefault(at, []).append((t, value))
        for slice_ in sorted(by_slice):
            yield [(self.series[at][0], samples) for at, samples in by_slice[slice_].items()]

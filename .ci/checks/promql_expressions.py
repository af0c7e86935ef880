"""Expressions over `promql_samples`: a list along the language's documentation, and as many as wanted that
are put together at random, of the types that the language knows.

Made at random is nothing whose answer the language leaves open: which of equals is among the top, and in
what digit a sum ends that becomes a label.
"""

import random

LISTED = r"""
up
up == 1
up{job="api"}
up{job!="api"}
up{job=~"a.*|db"}
up{job!~"a.*"}
up{instance=~"[ab]:.",job=~".+"}
{__name__=~"cap|const"}
{__name__=~"lat_.*",le!~".+"}
{job="x",__name__!="short"}
http_requests_total{status=~"5..",method="GET"}
http_requests_total{status=~".*",nope=""}
http_requests_total{status=~""}
words{weird="a\"b\\c\nd"}
words{weird=~"a.b.c.d"}
build_info{path=~"a/b.+"}
rate(http_requests_total[5m])
rate(http_requests_total[1m])
rate(http_requests_total[37s])
rate(http_requests_total[20m] offset 7m)
rate(http_requests_total[5m] offset -3m)
increase(http_requests_total[5m])
increase(http_requests_total[10m])
increase(http_requests_total[1h])
delta(temp[5m])
delta(mem_bytes[7m])
irate(http_requests_total[3m])
idelta(temp[3m])
deriv(temp[10m])
deriv(mem_bytes[10m])
deriv(const[10m])
predict_linear(mem_bytes[10m], 600)
predict_linear(temp{job="db"}[13m], 3600)
predict_linear(const[13m], -60)
changes(up[10m])
changes(temp[10m])
changes(odd[10m])
resets(http_requests_total[30m])
resets(neg[30m])
avg_over_time(temp[5m])
avg_over_time(odd[3m])
sum_over_time(temp[5m])
min_over_time(temp[5m])
max_over_time(temp[5m])
min_over_time(odd[10m])
max_over_time(odd[10m])
count_over_time(temp[5m])
stddev_over_time(temp[5m])
stdvar_over_time(mem_bytes[5m])
last_over_time(temp[5m])
last_over_time(gap[1h])
present_over_time(short[5m])
quantile_over_time(0.9, temp[5m])
quantile_over_time(0.5, mem_bytes[11m])
quantile_over_time(1.5, mem_bytes[11m])
quantile_over_time(-1, mem_bytes[11m])
quantile_over_time(scalar(one), temp[5m])
absent_over_time(short[5m])
absent_over_time(nope{job="x"}[5m])
absent(short)
absent(nope{job="x",a=~"b"})
absent(nope{job="x",job="y"})
absent(sum(nope))
sum(up)
sum by (job) (up)
sum by (job, instance) (rate(http_requests_total[5m]))
sum without (instance, status) (rate(http_requests_total[5m]))
sum without () (up)
sum by () (up)
sum by (nope) (up)
sum by (job)(rate(http_requests_total{status="500"}[5m])) / sum by (job)(rate(http_requests_total[5m]))
avg by (job) (temp)
avg(odd)
min by (job) (temp)
max by (job) (temp)
count by (job) (temp)
group by (job) (temp)
stddev by (job) (mem_bytes)
stdvar by (job) (mem_bytes)
stddev(temp)
topk(3, mem_bytes)
bottomk(2, mem_bytes)
topk by (job) (1, mem_bytes)
topk(2, temp) by (job)
bottomk by (instance) (1, temp)
topk(0, temp)
topk(-1, temp)
topk(2.7, mem_bytes)
topk(scalar(count(up)) - 6, mem_bytes)
quantile(0.9, mem_bytes)
quantile by (job) (0.5, temp)
quantile by (job) (-1, temp)
quantile(1.2, mem_bytes)
count_values("v", up)
count_values by (job) ("v", up)
count_values without (instance) ("x", round(temp, 20))
count_values("job", up)
histogram_quantile(0.9, rate(lat_bucket[5m]))
histogram_quantile(0.99, sum by (le, job) (rate(lat_bucket[5m])))
histogram_quantile(0.5, sum by (le) (rate(lat_bucket[10m])))
histogram_quantile(0.5, lat_bucket)
histogram_quantile(1.2, lat_bucket)
histogram_quantile(-0.1, lat_bucket)
histogram_quantile(0, lat_bucket)
histogram_quantile(1, rate(lat_bucket[5m]))
histogram_quantile(scalar(const) / 10, rate(lat_bucket[5m]))
histogram_quantile(0.9, lat_bucket{le!="+Inf"})
histogram_quantile(0.9, lat_bucket{le="+Inf"})
histogram_quantile(0.9, up)
rate(lat_sum[5m]) / rate(lat_count[5m])
sum by (job)(rate(lat_sum[5m])) / sum by (job)(rate(lat_count[5m]))
sum(rate(lat_bucket{le="0.1"}[5m])) by (job) / sum(rate(lat_count[5m])) by (job)
abs(neg)
ceil(temp)
floor(temp)
exp(left)
ln(temp)
log2(temp)
log10(neg)
sqrt(neg)
sgn(neg)
round(temp)
round(temp, 0.5)
round(neg, 5)
round(odd, 0.1)
clamp(temp, 20, 40)
clamp(temp, 40, 20)
clamp_min(temp, 50)
clamp_max(temp, scalar(const))
sin(temp)
cos(temp)
tan(temp)
asin(left / 100)
acos(left / 100)
atan(temp)
sinh(left)
cosh(left)
tanh(left)
asinh(left)
acosh(temp)
atanh(left / 100)
deg(left)
rad(temp)
pi()
time()
time() - start_seconds
vector(1)
vector(time())
vector(pi()) * 2
scalar(const)
scalar(up)
scalar(nope)
timestamp(up)
timestamp(up offset 5m)
timestamp(up * 1)
timestamp(timestamp(up))
minute()
hour()
hour(vector(1.7e9))
minute(start_seconds)
day_of_month(start_seconds)
day_of_week(start_seconds)
day_of_year(start_seconds)
days_in_month(start_seconds)
month(start_seconds)
year()
sort(mem_bytes)
sort_desc(temp)
sort_desc(sum by (job) (rate(http_requests_total[5m])))
label_replace(up, "short", "$1", "instance", "(.):.*")
label_replace(up, "instance", "", "instance", ".*")
label_replace(up, "x", "${1}_${2}", "instance", "(.):(.)")
label_replace(up, "x", "$name", "instance", "(?P<name>.*):.*")
label_replace(up, "x", "v", "nope", "")
label_replace(up, "x", "v", "nope", "y")
label_replace(up, "job", "same", "job", ".*")
label_replace(up, "__name__", "renamed", "job", ".*")
label_join(up, "both", "-", "job", "instance")
label_join(up, "both", ", ", "job", "nope", "instance")
label_join(up, "job", "")
up + 1
1 + up
temp * 2 - 1
temp / 0
temp % 7
neg % 3
2 ^ left
left ^ 2
-temp
-2 ^ 2
2 ^ 3 ^ 2
1 + 2 * 3 % 4
-(-temp)
+temp
1 / 0
0 / 0
NaN
Inf
-Inf
0x1F
1e3
.5
"a string"
1 == bool 1
1 > bool 2
temp > 50
temp >= 50 < 70
temp > bool 50
50 < temp
50 < bool temp
up != 1
mem_bytes > temp
mem_bytes > bool temp
temp atan2 left
left + right
left + on (k) right
left - ignoring (more) right
left * on (job, k) group_left (more) right
right * on (job, k) group_right (more) left
right * on (job) group_left () const
left + on (job) group_left right
cap * on (job) group_right () up
up * on (job) group_left (team) cap
up * on (job) group_left (team, nope) cap
sum by (job) (up) / on (job) cap
temp and up == 1
temp and on (job) cap
temp or cap
temp or on (job) cap
up unless on (job) cap
temp unless temp > 50
up and ignoring (instance) cap
left or right or const
vector(1) or vector(2)
up == on (instance, job) group_right () http_requests_total
http_requests_total / on (job, instance) group_left up
up offset 5m
up offset -5m
up offset 1h30m
sum(up offset 10m)
temp - temp offset 10m
up @ end()
up @ start()
rate(http_requests_total[5m] @ end())
rate(http_requests_total[5m] @ start() offset 5m)
topk(1, rate(http_requests_total[10m] @ end()))
up and topk(2, mem_bytes @ end())
max_over_time(temp[10m:1m])
max_over_time(rate(http_requests_total[2m])[10m:1m])
avg_over_time(sum by (job) (up)[10m:30s])
rate(http_requests_total[5m:20s])
sum_over_time(vector(1)[10m:1m])
min_over_time(sum by (job)(rate(http_requests_total[1m]))[10m:1m])
max_over_time(temp[10m:1m] offset 5m)
max_over_time(temp[10m:1m] @ end())
quantile_over_time(0.5, (temp * 2)[10m:])
count_over_time((temp > 50)[30m:1m])
deriv(rate(http_requests_total[2m])[20m:1m])
absent_over_time(nope[5m:1m])
holt_winters(temp[10m], 0.5, 0.1)
holt_winters(mem_bytes[10m], 0.9, 0.9)
(sum by (job)(rate(http_requests_total{status="500"}[5m])) / sum by (job)(rate(http_requests_total[5m]))) > 0.05 and sum by (job)(rate(http_requests_total[5m])) > 0.1
clamp_max(sum by (job) (increase(http_requests_total{status="500"}[1h])), 100)
sum(increase(http_requests_total[90s]))
round(sum by (job)(rate(http_requests_total[5m])), 0.001)
count(count by (job, instance) (up))
count(up == 0) or vector(0)
100 * (1 - avg by (instance) (up))
sum(temp * on (job, instance) group_left (version) build_info) by (version)
1 - (sum(rate(lat_bucket{le="0.1"}[10m])) by (job) / sum(rate(lat_count[10m])) by (job))
predict_linear(mem_bytes[1h], 4 * 3600) < 0
changes(start_seconds[15m]) > 2
topk(1, sum by (job) (rate(http_requests_total[5m])))
sum by (job) (mem_bytes) / ignoring () group_left sum by (job) (temp)
bool
1 == 1
up{
sum(
rate(up)
rate(up[5m]) by (job)
up offset
up[5m]
up[5m:1m]
up[5m] offset 1m
sum(up[5m])
{}
{job=~".*"}
{__name__=""}
up{job=~"["}
up + on (instance) up
cap * up
up + on (job) group_left up
label_replace(up, "~", "x", "job", ".*")
label_replace(up, "x", "y", "job", "(")
label_join(up, "a b", "-", "job")
topk(up, 1)
quantile("a", up)
count_values("a b", up)
nope()
sum(1)
"a" + 1
up and 1
abs("x")
time(1)
histogram_quantile(up, up)
rate(up[0s])
up[5m][5m]
sum by (job (up)
vector(up)
scalar(1)
1 and 2
up{job="a" or job="b"
""".strip().splitlines()

GAUGES = ["temp", "mem_bytes", "up", "cap", "left", "right", "neg", "const", "gap", "short", "odd"]
UNLIKE = ["mem_bytes", "avg_over_time(mem_bytes[3m])", "deriv(mem_bytes[7m])", "mem_bytes / 7"]
PLAIN = ["mem_bytes", "up", "left", "right", "cap", "rate(lat_count[5m])", "max_over_time(http_requests_total[5m])"]
WHOLE = ["up", "http_requests_total", "changes(up[10m])", "round(temp, 5)", "mem_bytes", "count_over_time(temp[5m])"]
COUNTERS = ["http_requests_total", "lat_count", "lat_sum", "lat_bucket"]
MATCHERS = [
    "", "", "", '{job="api"}', '{job!="web"}', '{job=~"api|db"}', '{instance=~"[ab]:."}', '{instance!~"c.*"}',
    '{job="x"}', '{nope=""}', '{job=~".+",instance!="a:1"}',
]
SPANS = ["45s", "1m", "2m30s", "5m", "10m", "20m", "1h"]
SHIFTS = ["", "", "", "", " offset 3m", " offset 11m", " offset -2m", " @ end()", " @ start()"]
LABELS = ["job", "instance", "status", "method", "le", "team", "k", "nope"]
FAMILY = {
    "abs": "{}", "ceil": "{}", "floor": "{}", "sqrt": "{}", "sgn": "{}", "round": "{}", "exp": "{} / 1e12", "ln": "{}",
    "clamp_min": "{}, 3", "clamp_max": "{}, 60", "clamp": "{}, 1, 50", "timestamp": "{}", "absent": "{}",
}


class Expressions:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def some(self, count):
        for _ in range(count):
            yield self.vector(self.random.choice([1, 2, 2, 3, 3, 4]))

    def selector(self, names=None):
        r = self.random
        return r.choice(names or GAUGES + COUNTERS) + r.choice(MATCHERS)

    def vector(self, depth):
        r = self.random
        if depth <= 0:
            return self.selector() + r.choice(SHIFTS)
        make = r.choice([self.function, self.ranged, self.ranged, self.ranged, self.aggregation, self.aggregation, self.aggregation,
                         self.binary, self.binary, self.matched, self.set_operator, self.labelled, self.quantile, self.ranking])
        return make(depth)

    def function(self, depth):
        name = self.random.choice(list(FAMILY))
        return f"{name}({FAMILY[name].format(self.operand(depth - 1))})"

    def operand(self, depth):
        vector = self.vector(depth)
        return f"({vector})" if depth > 0 else vector

    def ranged(self, depth):
        r = self.random
        counters = ["rate", "increase", "irate", "resets", "changes"]
        gauges = ["delta", "idelta", "deriv", "avg_over_time", "sum_over_time", "min_over_time", "max_over_time", "count_over_time",
                  "stddev_over_time", "stdvar_over_time", "last_over_time", "present_over_time", "changes", "absent_over_time"]
        if r.random() < 0.25 and depth > 1:
            step = r.choice(["", "30s", "1m", "47s"])
            return f"{r.choice(gauges)}(({self.vector(depth - 2)})[{r.choice(['5m', '10m', '25m'])}:{step}]{r.choice(SHIFTS[:-2])})"
        name, selected = r.choice([(r.choice(counters), COUNTERS), (r.choice(gauges), GAUGES)])
        inner = f"{self.selector(selected)}[{r.choice(SPANS)}]{r.choice(SHIFTS)}"
        special = r.random()
        if special < 0.1:
            return f"quantile_over_time({r.choice(['0', '0.25', '0.9', '1'])}, {inner})"
        if special < 0.2:
            return f"predict_linear({inner}, {r.choice(['60', '3600', '-300'])})"
        return f"{name}({inner})"

    def grouping(self):
        r = self.random
        names = ", ".join(r.sample(LABELS, r.randint(0, 3)))
        return r.choice(["", f" by ({names})", f" by ({names})", f" without ({names})"])

    def aggregation(self, depth):
        r = self.random
        name = r.choice(["sum", "sum", "avg", "min", "max", "count", "group", "quantile"])
        parameter = "0.7, " if name == "quantile" else ""
        return f"{name}{self.grouping()} ({parameter}{self.vector(depth - 1)})"

    def ranking(self, _depth):
        r, by = self.random, self.grouping()
        shape = r.random()
        if shape < 0.5:
            return f"{r.choice(['topk', 'bottomk'])}{by} ({r.choice(['1', '2', '3', '100'])}, {r.choice(UNLIKE)})"
        if shape < 0.75:
            return f"{r.choice(['stddev', 'stdvar'])}{by} ({r.choice(PLAIN)})"
        return f'count_values{by} ("value", {r.choice(WHOLE)})'

    def binary(self, depth):
        r = self.random
        operator = r.choice(["+", "-", "*", "/", "^", ">", "<", ">=", "!=", "== bool", "> bool", "<= bool", "atan2"])
        number = r.choice(["2", "0", "-3.5", "50", "1e9", "scalar(const)", "time()", "NaN"])
        vector = self.operand(depth - 1)
        return f"{vector} {operator} {number}" if r.random() < 0.6 else f"{number} {operator} {vector}"

    def matched(self, depth):
        """Two vectors by their labels; often an error, then in both."""
        r = self.random
        operator = r.choice(["+", "-", "*", "/", ">", "< bool", "=="])
        one, other = self.operand(depth - 1), self.operand(depth - 1)
        names = ", ".join(r.sample(LABELS, r.randint(1, 2)))
        shape = r.random()
        if shape < 0.35:
            return f"{one} {operator} {one}"
        if shape < 0.7:
            return f"{self.aggregated(one, names)} {operator} on ({names}) {self.aggregated(other, names)}"
        return f"{one} {operator} on ({names}) group_left () {self.aggregated(other, names)}"

    def aggregated(self, vector, names):
        return f"{self.random.choice(['sum', 'max', 'count'])} by ({names}) ({vector})"

    def set_operator(self, depth):
        r = self.random
        names = ", ".join(r.sample(LABELS, r.randint(1, 2)))
        by = r.choice(["", f" on ({names})", f" ignoring ({names})"])
        return f"{self.operand(depth - 1)} {r.choice(['and', 'or', 'unless'])}{by} {self.operand(depth - 1)}"

    def labelled(self, depth):
        inner = self.vector(depth - 1)
        return self.random.choice([
            f'label_replace({inner}, "extra", "$1-x", "instance", "(.):.*")',
            f'label_replace({inner}, "job", "", "job", "db")',
            f'label_join({inner}, "joined", "/", "job", "instance")',
        ])

    def quantile(self, _depth):
        r = self.random
        by, span = r.choice(["le", "le, job", "le, job, instance"]), r.choice(SPANS)
        return f"histogram_quantile({r.choice(['0.5', '0.9', '0.99', '0.01'])}, sum by ({by}) (rate(lat_bucket{r.choice(MATCHERS)}[{span}])))"

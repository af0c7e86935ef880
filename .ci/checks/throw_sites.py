"""Programs that throw at known sites, in each language, and the changes that leave a failure the same.

A program has SITES functions `site_N`, five to a file, each called by a `route_N` of its own. What
differs between variants never differs between failures.
"""

import json
import os
import random
import re
import shutil
import subprocess
from pathlib import Path

SITES = 20
FILES = 4
#: what is changed: nothing, lines, the folder, the message, a library in between, a wrapper, a deploy
VARIANTS = ["base", "lines", "folder", "message", "framework", "wrapped", "deploy"]


class Variant:
    def __init__(self, name, root, seed):
        self.name = name
        self.random = random.Random(f"{name}{seed}")
        self.dir = root / {"folder": "srv/releases/2026-11-22", "deploy": "opt/app-9f3c2d1"}.get(name, "app") / name
        self.dir.mkdir(parents=True)
        self.wraps = name == "wrapped"
        self.relays = name == "framework"
        self.hash = f"{self.random.getrandbits(32):08x}"

    def pad(self, comment):
        """Lines that shift what follows."""
        if self.name != "lines":
            return ""
        return "".join(f"{comment} {n}\n" for n in range(self.random.randrange(1, 9)))

    def message(self, site):
        if self.name != "message":
            return f"order 17 of 4711 failed in step {site}"
        uuid = f"{self.hash}-1111-4222-8333-{self.random.getrandbits(48):012x}"
        return f"order {self.random.randrange(10**6)} of {uuid} at 10.0.0.{site} failed in step {site}"

    def write(self, name, text):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


def run(command, cwd, **env):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env={**os.environ, **env}, timeout=120)
    if done.returncode != 0:
        raise SystemExit(f"{command}: {done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def sites_of(file):
    return range(file * SITES // FILES, (file + 1) * SITES // FILES)


def python(v):
    kinds = ["ValueError", "KeyError", "RuntimeError"]
    for file in range(FILES):
        text = "from relaylib import relay\n"
        for n in sites_of(file):
            call = f"relay(site_{n})" if v.relays else f"site_{n}()"
            if v.wraps:
                # One names its cause, the other leaves it to the runtime.
                cause = " from error" if n % 2 else ""
                body = f"    try:\n        {call}\n    except Exception as error:\n        raise OSError('wrapped'){cause}\n"
            else:
                body = f"    {call}\n"
            text += v.pad("#") + f"def site_{n}():\n{v.pad('    #')}    raise {kinds[n % 3]}({v.message(n)!r})\n"
            text += v.pad("#") + f"def route_{n}():\n{body}"
        v.write(f"shop_{file}.py", text)
    v.write("lib/python3/site-packages/relaylib.py", "def relay(f):\n    return f()\n")
    imports = "".join(f"from shop_{file} import *\n" for file in range(FILES))
    main = v.write("main.py", "import json, sys, traceback\nsys.path.insert(1, sys.path[0] + '/lib/python3/site-packages')\n" + imports + f"""
def dispatch(n):
    globals()[f'route_{{n}}']()

for n in range({SITES}):
    try:
        dispatch(n)
    except Exception as error:
        print(json.dumps({{'site': n, 'type': type(error).__qualname__, 'message': str(error), 'stack': traceback.format_exc()}}))
""")
    return run(["python3", str(main)], v.dir)


def javascript(v):
    kinds = ["TypeError", "RangeError", "Error"]
    mark = f".{v.hash}" if v.name == "deploy" else ""
    for file in range(FILES):
        text = "const { relay } = require('relaylib');\n"
        for n in sites_of(file):
            call = f"relay(site_{n})" if v.relays else f"site_{n}()"
            if v.wraps:
                call = f"try {{ {call} }} catch (cause) {{ throw new Error('wrapped', {{ cause }}) }}"
            text += v.pad("//") + f"function site_{n}() {{\n{v.pad('  //')}  throw new {kinds[n % 3]}({json.dumps(v.message(n))});\n}}\n"
            text += v.pad("//") + f"function route_{n}() {{\n  {call}\n}}\nexports.route_{n} = route_{n};\n"
        v.write(f"shop_{file}{mark}.js", text)
    v.write("node_modules/relaylib/index.js", "exports.relay = function relay(f) { return f(); };\n")
    routes = ", ".join(f"...require('./shop_{file}{mark}.js')" for file in range(FILES))
    main = v.write(f"main{mark}.js", f"""const routes = {{ {routes} }};
function dispatch(n) {{ (0, routes['route_' + n])(); }}
for (let n = 0; n < {SITES}; n += 1) {{
  try {{ dispatch(n); }} catch (error) {{
    const stack = error.cause ? require('util').inspect(error) : error.stack;
    console.log(JSON.stringify({{ site: n, type: error.name, message: error.message, stack }}));
  }}
}}
""")
    return run(["node", str(main)], v.dir)


def engines(told):
    """The same failures as Firefox and Safari print them: made of V8's, since neither runs here."""
    made = []
    for one in told:
        calls = re.findall(r"^    at (?:(\S+) \()?(/[^)\n]*:\d+:\d+)\)?$", one["stack"], re.M)
        short = [("" if name == "Object.<anonymous>" else name.split(".")[-1], f"https://shop.example{place}") for name, place in calls]
        made.append({**one, "stack": "".join(f"{name}@{place}\n" for name, place in short)})
        made.append({**one, "stack": "".join(f"{name or 'global code'}@{place}\n" for name, place in short) + "forEach@[native code]\n"})
    return made


def ruby(v):
    kinds = ["ArgumentError", "KeyError", "RuntimeError"]
    for file in range(FILES):
        text = "require 'relay'\n"
        for n in sites_of(file):
            call = f"Relay.call(method(:site_{n}))" if v.relays else f"site_{n}()"
            if v.wraps:
                call += "\nrescue StandardError\n  raise IOError, 'wrapped'"
            text += v.pad("#") + f"def site_{n}\n{v.pad('  #')}  raise {kinds[n % 3]}, {json.dumps(v.message(n))}\nend\n"
            text += v.pad("#") + f"def route_{n}\n  {call}\nend\n"
        v.write(f"shop_{file}.rb", text)
    v.write("gems/relay-1.0/lib/relay.rb", "module Relay\n  def self.call(f)\n    f.call\n  end\nend\n")
    requires = "".join(f"require_relative 'shop_{file}'\n" for file in range(FILES))
    main = v.write("main.rb", "require 'json'\n$LOAD_PATH << File.join(__dir__, 'gems/relay-1.0/lib')\n" + requires + f"""
def dispatch(n)
  send("route_#{{n}}")
end

{SITES}.times do |n|
  begin
    dispatch(n)
  rescue StandardError => e
    puts JSON.generate(site: n, type: e.class.name, message: e.message, stack: e.full_message(highlight: false, order: :top))
  end
end
""")
    return run(["ruby", str(main)], v.dir)


def php(v):
    kinds = ["LogicException", "RuntimeException", "DomainException"]
    for file in range(FILES):
        text = "<?php\n"
        for n in sites_of(file):
            call = f"relay('site_{n}');" if v.relays else f"site_{n}();"
            if v.wraps:
                call = f"try {{ {call} }} catch (Exception $e) {{ throw new ErrorException('wrapped', 0, 1, null, null, $e); }}"
            text += v.pad("//") + f"function site_{n}() {{\n{v.pad('  //')}  throw new {kinds[n % 3]}({json.dumps(v.message(n))});\n}}\n"
            text += v.pad("//") + f"function route_{n}() {{\n  {call}\n}}\n"
        v.write(f"shop_{file}.php", text)
    v.write("vendor/relay/relay.php", "<?php\nfunction relay($f) { return $f(); }\n")
    requires = "".join(f"require __DIR__ . '/shop_{file}.php';\n" for file in range(FILES))
    main = v.write("main.php", "<?php\nrequire __DIR__ . '/vendor/relay/relay.php';\n" + requires + f"""
function dispatch($n) {{ ('route_' . $n)(); }}
for ($n = 0; $n < {SITES}; $n++) {{
  try {{ dispatch($n); }} catch (Exception $e) {{
    echo json_encode(['site' => $n, 'type' => get_class($e), 'message' => $e->getMessage(), 'stack' => (string) $e], JSON_UNESCAPED_SLASHES), "\\n";
  }}
}}
""")
    return run(["php", str(main)], v.dir)


def java(v):
    kinds = ["IllegalStateException", "IllegalArgumentException", "ArithmeticException"]
    for file in range(FILES):
        text = "package com.shop;\n"
        text += f"class Shop{file} {{\n"
        for n in sites_of(file):
            call = f"org.apache.relay.Relay.call(() -> site{n}());" if v.relays else f"site{n}();"
            if v.wraps:
                call = f"try {{ {call} }} catch (RuntimeException e) {{ throw new RuntimeException(\"wrapped\", e); }}"
            text += v.pad("//") + f"static void site{n}() {{\n{v.pad('  //')}  throw new {kinds[n % 3]}({json.dumps(v.message(n))});\n}}\n"
            text += v.pad("//") + f"static void route{n}() {{\n  {call}\n}}\n"
        v.write(f"com/shop/Shop{file}.java", text + "}\n")
    v.write("org/apache/relay/Relay.java", "package org.apache.relay;\npublic class Relay { public static void call(Runnable f) { f.run(); } }\n")
    cases = "".join(f"case {n}: Shop{file}.route{n}(); break;\n" for file in range(FILES) for n in sites_of(file))
    v.write("com/shop/Main.java", f"""package com.shop;
public class Main {{
  static void dispatch(int n) {{ switch (n) {{ {cases} default: }} }}
  static String quoted(String s) {{ return "\\"" + s.replace("\\\\", "\\\\\\\\").replace("\\"", "\\\\\\"").replace("\\n", "\\\\n").replace("\\t", "\\\\t").replace("\\r", "") + "\\""; }}
  public static void main(String[] args) {{
    for (int n = 0; n < {SITES}; n++) {{
      try {{ dispatch(n); }} catch (RuntimeException e) {{
        java.io.StringWriter out = new java.io.StringWriter();
        e.printStackTrace(new java.io.PrintWriter(out));
        System.out.println("{{\\"site\\":" + n + ",\\"type\\":" + quoted(e.getClass().getName()) + ",\\"message\\":" + quoted(e.getMessage()) + ",\\"stack\\":" + quoted(out.toString()) + "}}");
      }}
    }}
  }}
}}
""")
    sources = [str(path) for path in v.dir.rglob("*.java")]
    run(["javac", "-d", "classes", *sources], v.dir)
    return run(["java", "-Xshare:auto", "-cp", "classes", "com.shop.Main"], v.dir)


def go(v):
    text = ""
    for file in range(FILES):
        text = 'package main\n\nimport "errors"\n\nvar _ = errors.New\n'
        if v.relays:
            text += 'import "example.com/relay"\n'
            text = 'package main\n\nimport (\n\t"errors"\n\t"example.com/relay"\n)\n\nvar _ = errors.New\n'
        for n in sites_of(file):
            call = f"relay.Call(site{n})" if v.relays else f"site{n}()"
            guard = 'defer func() { if e := recover(); e != nil { panic(errors.New("wrapped")) } }()\n\t' if v.wraps else ""
            fails = [f"panic({json.dumps(v.message(n))})", f"panic(errors.New({json.dumps(v.message(n))}))", "var m map[string]int; m[\"a\"] = 1"][n % 3]
            text += v.pad("//") + f"func site{n}() {{\n{v.pad('// ')}\t{fails}\n}}\n"
            text += v.pad("//") + f"func route{n}() {{\n\t{guard}{call}\n}}\n"
        v.write(f"shop{file}.go", text)
    v.write("pkg/mod/example.com/relay@v1.0.0/relay.go", "package relay\n\nfunc Call(f func()) { f() }\n")
    v.write("pkg/mod/example.com/relay@v1.0.0/go.mod", "module example.com/relay\n\ngo 1.19\n")
    v.write("go.mod", "module shop\n\ngo 1.19\n\nrequire example.com/relay v1.0.0\n\nreplace example.com/relay => ./pkg/mod/example.com/relay@v1.0.0\n")
    cases = "".join(f"\tcase {n}:\n\t\troute{n}()\n" for n in range(SITES))
    v.write("main.go", f"""package main

import (
\t"encoding/json"
\t"fmt"
\t"os"
\t"runtime/debug"
)

func dispatch(n int) {{
\tswitch n {{
{cases}\t}}
}}

func attempt(n int) {{
\tdefer func() {{
\t\tif e := recover(); e != nil {{
\t\t\tjson.NewEncoder(os.Stdout).Encode(map[string]any{{"site": n, "type": "panic", "message": fmt.Sprint(e), "stack": string(debug.Stack())}})
\t\t}}
\t}}()
\tdispatch(n)
}}

func main() {{
\tfor n := 0; n < {SITES}; n++ {{
\t\tattempt(n)
\t}}
}}
""")
    off = {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOSUMDB": "off", "GO111MODULE": "on", "GOTOOLCHAIN": "local"}
    run(["go", "build", "-o", "shop.bin", "."], v.dir, **off)
    return run([str(v.dir / "shop.bin")], v.dir)


def rust(v):
    mods = ""
    for file in range(FILES):
        text = ""
        for n in sites_of(file):
            call = f"std::iter::once(()).for_each(|()| site_{n}());" if v.relays else f"site_{n}();"
            fails = [f"panic!({json.dumps(v.message(n))});", "None::<u8>.unwrap();", f"Err::<u8, _>({json.dumps(v.message(n))}).expect(\"told\");"][n % 3]
            text += v.pad("//") + f"#[inline(never)]\nfn site_{n}() {{\n{v.pad('//')}    {fails}\n}}\n"
            text += v.pad("//") + f"#[inline(never)]\npub fn route_{n}() {{\n    {call}\n}}\n"
        v.write(f"shop_{file}.rs", text)
        mods += f"mod shop_{file};\n"
    cases = "".join(f"{n} => shop_{file}::route_{n}(),\n" for file in range(FILES) for n in sites_of(file))
    # A panic cannot be wrapped so that it tells of both; the long form is what may differ instead.
    form = "{:#}" if v.wraps else "{}"
    v.write("main.rs", mods + f"""
use std::cell::RefCell;
thread_local! {{ static TOLD: RefCell<String> = RefCell::new(String::new()); }}
fn dispatch(n: usize) {{ match n {{ {cases} _ => {{}} }} }}
fn main() {{
    std::panic::set_hook(Box::new(|info| {{
        let told = format!("{{info}}\\nstack backtrace:\\n{form}", std::backtrace::Backtrace::force_capture());
        TOLD.with(|cell| *cell.borrow_mut() = told);
    }}));
    for n in 0..{SITES} {{
        let _ = std::panic::catch_unwind(|| dispatch(n));
        let told = TOLD.with(|cell| cell.borrow().clone());
        let quoted = told.replace('\\\\', "\\\\\\\\").replace('"', "\\\\\\"").replace('\\n', "\\\\n").replace('\\t', " ");
        println!("{{{{\\"site\\":{{n}},\\"type\\":\\"panic\\",\\"message\\":\\"told\\",\\"stack\\":\\"{{quoted}}\\"}}}}");
    }}
}}
""")
    run(["rustc", "--edition", "2021", "-C", "debuginfo=1", "-o", "shop.bin", "main.rs"], v.dir)
    return run([str(v.dir / "shop.bin")], v.dir)


def dotnet(v):
    """Recorded by hand: the form of .NET's traces, filled in; no .NET runs here."""
    told = []
    for n in range(SITES):
        line, path = v.random.randrange(5, 90), f"{v.dir}/Shop{n % FILES}.cs"
        site = f"Shop.Shop{n % FILES}.<Site{n}>d__{line}.MoveNext()" if n % 2 else f"Shop.Shop{n % FILES}.Site{n}()"
        again = "--- End of stack trace from previous location ---\n" if n % 2 else ""
        relay = "   at System.Threading.Tasks.Task.Execute()\n" if v.relays else ""
        route = f"   at Shop.Shop{n % FILES}.Route{n}(String id) in {path}:line {line + 3}\n"
        inner = f"System.InvalidOperationException: {v.message(n)}\n   at {site} in {path}:line {line}\n{again}{relay}{route}"
        end = f"   at Shop.Program.Dispatch(Int32 n) in {v.dir}/Program.cs:line 7\n"
        stack, kind = inner + end, "System.InvalidOperationException"
        if v.wraps:
            stack = "Shop.Failed: wrapped\n ---> " + inner + "   --- End of inner exception stack trace ---\n" + route + end
            kind = "Shop.Failed"
        told.append({"site": n, "type": kind, "message": v.message(n), "stack": stack})
    return told


#: what each needs to run
RUNTIMES = {
    "python": (python, ["python3"]),
    "javascript": (javascript, ["node"]),
    "java": (java, ["javac", "java"]),
    "go": (go, ["go"]),
    "rust": (rust, ["rustc"]),
    "ruby": (ruby, ["ruby"]),
    "php": (php, ["php"]),
    "dotnet (recorded by hand)": (dotnet, []),
}


def missing(runtime):
    return [tool for tool in RUNTIMES[runtime][1] if shutil.which(tool) is None]


def traces(runtime, root):
    """(variant, what was told) of all variants."""
    make = RUNTIMES[runtime][0]
    told = []
    for name in VARIANTS:
        found = make(Variant(name, Path(root) / runtime.split()[0], runtime))
        if len(found) != SITES:
            raise SystemExit(f"{runtime} {name}: {len(found)} of {SITES} sites told")
        told += [(name, one) for one in found]
        if runtime == "javascript" and name != "wrapped":
            told += [(f"{name} in browsers", one) for one in engines(found)]
    return told

use super::{Chain, Section, StackFrame, is_number};

/// `runtime.Stack`, the runtime's own panic and `%+v` of an error that carries its stack: innermost
/// first. Of goroutines the first is the one that broke; of errors the first is the cause.
pub(super) fn read(lines: &[&str]) -> Chain {
    let mut sections = vec![Section::default()];
    let mut goroutines = 0;
    let mut is_between = false;
    let mut pairs = lines.iter().zip(lines.iter().skip(1).chain([&""]));
    while let Some((line, next)) = pairs.next() {
        if line.starts_with("goroutine ") && line.ends_with("]:") {
            goroutines += 1;
            if goroutines > 1 {
                break;
            }
        } else if goroutines == 1 && line.starts_with("created by ") {
            break;
        } else if let Some(file) = file_of(next)
            && let Some(frame) = frame(line, file)
        {
            pairs.next();
            if std::mem::take(&mut is_between) && goroutines == 0 {
                sections.push(Section::default());
            }
            if let Some(section) = sections.last_mut() {
                section.frames.push(frame);
            }
        } else if !line.is_empty() {
            is_between = sections.iter().any(|section| !section.frames.is_empty());
        }
    }
    for section in &mut sections {
        // What ran since the panic is who noticed it, not where it broke.
        let panicked = |frame: &StackFrame| frame.function == "panic" && frame.module.is_empty();
        if let Some(at) = section.frames.iter().rposition(panicked) {
            section.frames.drain(..at);
        }
    }
    sections.reverse();
    Chain { sections }
}

/// `/app/capture.go:12 +0x1d`
fn file_of(line: &str) -> Option<&str> {
    let place = line.strip_prefix('\t')?.split(' ').next()?;
    let (file, line) = place.rsplit_once(':')?;
    let of_go = file.strip_suffix(".go").is_some();
    (is_number(line) && of_go).then_some(file)
}

/// `main.(*Server).charge(0xc000012345, {0x1, 0x2})`
fn frame(call: &str, file: &str) -> Option<StackFrame> {
    if call.starts_with("created by ") || call.starts_with(char::is_whitespace) {
        return None;
    }
    let function = call
        .strip_suffix(')')
        .map_or(call, |call| without_arguments(call));
    let library = [
        "/usr/local/go/",
        "/usr/lib/go",
        "/pkg/mod/",
        "/vendor/",
        "/libexec/src/",
        // Built with -trimpath, of a module that was fetched.
        "@v",
    ];
    let path = function.rsplit('/').next()?;
    let (package, name) = path.split_once('.').unwrap_or(("", path));
    let root = function.split(['/', '.']).next().unwrap_or_default();
    let is_std = STANDARD.contains(&root) && !function.starts_with("main.");
    let in_app = !library.iter().any(|part| file.contains(part)) && !is_std && function != "panic";
    Some(StackFrame::new(package, stable_name(name), in_app))
}

/// Up to the parenthesis that opens the arguments; a receiver has parentheses of its own.
fn without_arguments(call: &str) -> &str {
    let mut depth = 1;
    for (at, c) in call.char_indices().rev() {
        match c {
            ')' => depth += 1,
            '(' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &call[..at];
        }
    }
    call
}

/// Without generics and the numbers of closures: `charge[...].func1.2` is `charge`.
fn stable_name(name: &str) -> String {
    let mut plain = String::new();
    let mut depth = 0;
    for c in name.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    let numbered = |part: &str| {
        let digits = part
            .strip_prefix("func")
            .unwrap_or(part)
            .trim_start_matches("gowrap");
        part.is_empty()
            || (digits != part || part.starts_with(|c: char| c.is_ascii_digit()))
                && digits.bytes().all(|b| b.is_ascii_digit())
    };
    let parts = plain.split('.').filter(|part| !numbered(part));
    parts.collect::<Vec<_>>().join(".")
}

/// Where the packages of the standard library begin.
const STANDARD: &[&str] = &[
    "archive",
    "bufio",
    "bytes",
    "cmp",
    "compress",
    "container",
    "context",
    "crypto",
    "database",
    "debug",
    "embed",
    "encoding",
    "errors",
    "expvar",
    "flag",
    "fmt",
    "go",
    "hash",
    "html",
    "image",
    "index",
    "internal",
    "io",
    "iter",
    "log",
    "maps",
    "math",
    "mime",
    "net",
    "os",
    "path",
    "plugin",
    "reflect",
    "regexp",
    "runtime",
    "slices",
    "sort",
    "strconv",
    "strings",
    "sync",
    "syscall",
    "testing",
    "text",
    "time",
    "unicode",
    "unsafe",
];

#[cfg(test)]
mod tests {
    use super::super::{check, check_same};

    #[test]
    fn an_error_that_was_wrapped_broke_where_it_was_made() {
        check_same(
            "no route\nmain.site\n\t/app/main.go:12\nmain.wrap\n\t/app/main.go:16\nmain.main\n\t/app/main.go:20\nruntime.main\n\t/usr/lib/go/src/runtime/proc.go:250\n",
            "no route\nshop/main.go: order 17\nmain.site\n\t/srv/main.go:120\nmain.wrap\n\t/srv/main.go:160\nmain.main\n\t/srv/main.go:200\nruntime.main\n\t/usr/lib/go/src/runtime/proc.go:250\norder 17\nmain.wrap\n\t/srv/main.go:161\nmain.main\n\t/srv/main.go:200\n",
        );
    }

    #[test]
    fn who_noticed_a_panic_is_not_where_it_broke() {
        check(
            "goroutine 7 [running]:\nruntime/debug.Stack()\n\t/usr/lib/go/src/runtime/debug/stack.go:24 +0x64\nmain.recovering.func1()\n\t/app/main.go:8 +0x1d\npanic({0x4a, 0xc0})\n\t/usr/lib/go/src/runtime/panic.go:770 +0x132\nmain.site(...)\n\t/app/main.go:12\nnet/http.HandlerFunc.ServeHTTP(0x1)\n\tnet/http/server.go:2 +0x1\nshop.example/lib.Do()\n\tshop.example/lib@v1.2.3/do.go:4 +0x2\n",
            &[
                ("panic", false),
                ("main.site", true),
                ("http.HandlerFunc.ServeHTTP", false),
                ("lib.Do", false),
            ],
        );
    }

    #[test]
    fn the_first_goroutine_is_read_without_arguments() {
        check(
            "panic: order 17\n\ngoroutine 34 [running]:\n\
             panic({0x4a1b20?, 0xc00001?})\n\t/usr/local/go/src/runtime/panic.go:770 +0x132\n\
             shop.example/pay/capture.(*Service).Charge.func1({0xc0, 0x1})\n\t/app/capture/service.go:31 +0x1d\n\
             main.walk[...](0x1)\n\t/app/main.go:5\n\
             created by main.main in goroutine 1\n\t/app/main.go:9 +0x25\n\n\
             goroutine 1 [sleep]:\nmain.main()\n\t/app/main.go:12\n",
            &[
                ("panic", false),
                ("capture.(*Service).Charge", true),
                ("main.walk", true),
            ],
        );
    }
}

use super::{Section, Stack, StackFrame};

/// `runtime.Stack` and the runtime's own panic: innermost first; the first goroutine is the one
/// that broke.
pub(super) fn read(lines: &[&str]) -> Stack {
    let mut frames = Vec::new();
    let mut goroutines = 0;
    for pair in lines.windows(2) {
        if pair[0].starts_with("goroutine ") && pair[0].ends_with("]:") {
            goroutines += 1;
            if goroutines > 1 {
                break;
            }
        } else if let Some(file) = file_of(pair[1])
            && let Some(frame) = frame(pair[0], file)
        {
            frames.push(frame);
        }
    }
    Stack::of_sections([Section {
        frames,
        cause: None,
    }])
}

/// `/app/capture.go:12 +0x1d`
fn file_of(line: &str) -> Option<&str> {
    let place = line.strip_prefix('\t')?.split(' ').next()?;
    let (file, line) = place.rsplit_once(':')?;
    let is_number = line.bytes().all(|b| b.is_ascii_digit());
    file.strip_suffix(".go").filter(|_| is_number).map(|_| file)
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
        "/go/src/",
        "/usr/lib/go",
        "/pkg/mod/",
        "/vendor/",
        "/libexec/src/",
    ];
    let in_app = !library.iter().any(|part| file.contains(part))
        && !function.starts_with("runtime.")
        && function != "panic";
    let path = function.rsplit('/').next()?;
    let (package, name) = path.split_once('.').unwrap_or(("", path));
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

#[cfg(test)]
mod tests {
    use super::super::check;

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

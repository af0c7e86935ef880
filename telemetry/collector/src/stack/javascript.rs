use super::{Chain, Section, StackFrame, base_name, is_number, leading_type};

/// `error.stack` of V8, and of Firefox and Safari: innermost first. Causes are there only where the
/// error was printed whole.
pub(super) fn read(lines: &[&str]) -> Chain {
    let mut sections = vec![Section::default()];
    let mut of_several = false;
    for line in lines {
        let line = line.trim();
        let is_call = line.starts_with("at ");
        if let Some(kind) = cause_of(line) {
            of_several |= line.starts_with("[errors]");
            sections.push(Section {
                kind: leading_type(kind),
                ..Section::default()
            });
            continue;
        }
        let Some(section) = sections.last_mut() else {
            break;
        };
        let frame = match line.strip_prefix("at ") {
            Some(call) => v8_frame(call.trim_end_matches([' ', '{', '}', ']', ','])),
            None => gecko_frame(line),
        };
        if let Some(frame) = frame {
            section.frames.push(frame);
        } else if !is_call && section.kind.is_none() && section.frames.is_empty() {
            section.kind = leading_type(line.trim_start_matches("Uncaught "));
        } else if of_several && !is_call && !section.frames.is_empty() {
            // Of several errors the first one counts.
            break;
        }
    }
    Chain { sections }
}

/// What stands after the name of a cause.
fn cause_of(line: &str) -> Option<&str> {
    let cause = ["[cause]: ", "Caused by: ", "caused by: ", "[errors]: ["];
    cause.iter().find_map(|before| line.strip_prefix(before))
}

/// `async charge (/app/capture.js:12:9)` or `/app/capture.js:12:9`.
fn v8_frame(call: &str) -> Option<StackFrame> {
    let Some((function, place)) = call.split_once(" (") else {
        let place = call.strip_prefix("async ").unwrap_or(call);
        return Some(frame(file_of(place)?, ""));
    };
    let place = place.strip_suffix(')').unwrap_or(place);
    // `eval at load (/app/a.js:3:1), <anonymous>:1:1`: what counts is where it was written.
    if let Some(at) = place.rfind('(') {
        let within = place[at + 1..].split(')').next().unwrap_or_default();
        return Some(frame(file_of(within)?, &stable_function(function)));
    }
    Some(frame(file_of(place)?, &stable_function(function)))
}

/// `charge@https://shop.example/capture.js:12:9`; Safari leaves the `@` out where there is no name.
fn gecko_frame(line: &str) -> Option<StackFrame> {
    let is_place = ["http", "file:", "/", "webpack"]
        .iter()
        .any(|scheme| line.starts_with(scheme));
    let (function, place) = match line.split_once('@') {
        Some(called) if !is_place => called,
        _ => ("", line),
    };
    let function = match function {
        "global code" | "module code" | "eval code" => "",
        // `promise callback*charge`
        function => function.rsplit('*').next().unwrap_or_default(),
    };
    if function.contains(' ') {
        return None;
    }
    // `a.js line 3 > eval:1:1`: what counts is where it was written.
    let file = match place.split_once(" line ") {
        Some((file, rest)) => rest.contains(" > ").then_some(file)?,
        None => file_of(place)?,
    };
    let is_file = file.contains(['/', '\\']) && !file.contains(' ');
    is_file.then(|| frame(file, &stable_function(function)))
}

/// The file of `file:line:column`.
fn file_of(place: &str) -> Option<&str> {
    let (rest, column) = place.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    // Rust tells the place of a call in a line of its own, in this very form.
    let of_rust = file.strip_suffix(".rs").is_some();
    let known = is_number(column) && is_number(line) && !file.is_empty() && !of_rust;
    (known && file != "<anonymous>").then_some(file)
}

fn frame(file: &str, function: &str) -> StackFrame {
    let library = [
        "node_modules/",
        "node:",
        "internal/",
        "native ",
        "webpack/runtime",
        "webpack/bootstrap",
        "-extension://",
    ];
    let in_app = !library.iter().any(|part| file.contains(part));
    StackFrame::new(stable_file(base_name(file)), function, in_app)
}

/// Without the hash that a bundler puts in: `main.3f2a1b9c.js`, `index-B7xk29Qd.js`, `app-DkFsZxYq.js`.
fn stable_file(name: &str) -> String {
    let kept = name
        .split('.')
        .map(|part| match part.rsplit_once('-') {
            Some((stem, hash)) if is_hash(hash) => stem,
            _ => part,
        })
        .enumerate()
        .filter(|(at, part)| *at == 0 || !is_hash(part))
        .map(|(_, part)| part);
    kept.collect::<Vec<_>>().join(".").to_lowercase()
}

/// Whether a part of a file's name is the hash of its content rather than a word.
fn is_hash(part: &str) -> bool {
    let bytes = part.as_bytes();
    let of_hash = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    if bytes.len() < 6 || !bytes.iter().all(of_hash) {
        return false;
    }
    let inner_capitals = bytes[1..].iter().filter(|b| b.is_ascii_uppercase()).count();
    let is_mixed = inner_capitals >= 2 && bytes.iter().any(u8::is_ascii_lowercase);
    bytes.iter().any(u8::is_ascii_digit) || bytes.len() == 8 && is_mixed
}

/// `async new Object.charge [as x]` and `Order.prototype.charge` are `charge`, since each engine has
/// its own word for what a method belongs to; an anonymous function has no name.
fn stable_function(function: &str) -> String {
    let function = function.split(" [as ").next().unwrap_or_default();
    let function = function
        .trim_start_matches("async ")
        .trim_start_matches("new ");
    if function.ends_with('<') || matches!(function, "eval" | "anonymous") {
        return String::new();
    }
    let mut parts = function.rsplit(['.', '/']);
    let named = parts.find(|part| !part.is_empty());
    let named = named.filter(|part| !part.contains('<')).unwrap_or_default();
    if named == "anonymous" {
        String::new()
    } else {
        named.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Stack, check, check_same};

    #[test]
    fn v8_frames_lose_columns_hashes_and_anonymity() {
        check(
            "TypeError: Cannot read properties of undefined (reading 'id')\n    \
             at async Shop.charge (/srv/app/dist/capture.3f2a1b9c.js:12:9)\n    \
             at new Order (file:///srv/app/order.mjs:3:1)\n    \
             at Array.map (<anonymous>)\n    \
             at async Promise.all (index 0)\n    \
             at Object.<anonymous> (/srv/app/index.js:1:1)\n    \
             at eval (eval at load (/srv/app/tpl.js:4:2), <anonymous>:1:1)\n    \
             at /srv/app/node_modules/express/lib/router.js:284:7\n    \
             at process.processTicksAndRejections (node:internal/process/task_queues:95:5)",
            &[
                ("capture.js.charge", true),
                ("order.mjs.Order", true),
                ("index.js", true),
                ("tpl.js", true),
                ("router.js", false),
                ("task_queues.processTicksAndRejections", false),
            ],
        );
    }

    #[test]
    fn firefox_and_safari_say_the_same() {
        let v8 = "Error: x\n    at Shop.charge (https://shop.example/assets/index-B7xk29Qd.js:12:9)\n    at async handle (https://shop.example/@app/web/a.js?v=2:3:1)\n    at https://shop.example/a.js:1:1\n    at Array.forEach (<anonymous>)\n";
        let firefox = "charge@https://shop.example/assets/index-DkFsZxYq.js:1:12\nasync*handle@https://shop.example/@app/web/a.js?v=3:7:9\nrun/<@https://shop.example/a.js:1:1\n";
        let safari = "charge@https://shop.example/assets/index-B7xk29Qe.js:1:9\nhandle@https://shop.example/@app/web/a.js:3:1\nglobal code@https://shop.example/a.js:1:1\nforEach@[native code]\n";
        check_same(v8, firefox);
        check_same(v8, safari);
        check(
            "eval code@https://shop.example/a.js line 3 > eval:1:1\nhttps://shop.example/b.js:1:1\n",
            &[("a.js", true), ("b.js", true)],
        );
    }

    #[test]
    fn a_cause_that_is_printed_counts() {
        let bare = "TypeError: x\n    at site (/a/pay.js:1:1)\n    at wrap (/a/pay.js:5:1)\n    at main (/a/main.js:9:1)\n";
        let wrapped = "Error: outer\n    at wrap (/a/pay.js:7:9)\n    ... 1 lines matching cause stack trace ...\n    at main (/a/main.js:9:1) {\n  [cause]: TypeError: x\n      at site (/a/pay.js:1:1)\n      at wrap (/a/pay.js:5:1)\n      at main (/a/main.js:9:1)\n}\n";
        check_same(bare, wrapped);
        assert_eq!(
            Stack::parse(wrapped).root().kind.as_deref(),
            Some("TypeError")
        );
    }
}

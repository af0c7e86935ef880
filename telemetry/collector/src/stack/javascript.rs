use super::{Section, Stack, StackFrame, base_name};

/// `error.stack` of V8, and of Firefox and Safari: innermost first.
pub(super) fn read(lines: &[&str]) -> Stack {
    let frames = lines.iter().filter_map(|line| {
        let line = line.trim();
        match line.strip_prefix("at ") {
            Some(call) => v8_frame(call),
            None => gecko_frame(line),
        }
    });
    Stack::of_sections([Section {
        frames: frames.collect(),
        cause: None,
    }])
}

/// `async charge (/app/capture.js:12:9)` or `/app/capture.js:12:9`.
fn v8_frame(call: &str) -> Option<StackFrame> {
    if let Some((function, place)) = call.split_once(" (") {
        let file = file_of(place.trim_end_matches(')'))?;
        return Some(frame(file, &stable_function(function)));
    }
    let place = call.strip_prefix("async ").unwrap_or(call);
    Some(frame(file_of(place)?, ""))
}

/// `charge@https://shop.example/capture.js:12:9`.
fn gecko_frame(line: &str) -> Option<StackFrame> {
    let (function, place) = line.split_once('@')?;
    if function.contains(' ') {
        return None;
    }
    let file = file_of(place)?;
    Some(frame(file, &stable_function(function)))
}

/// The file of `file:line:column`.
fn file_of(place: &str) -> Option<&str> {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (rest, column) = place.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    (number(column) && number(line) && !file.is_empty()).then_some(file)
}

fn frame(file: &str, function: &str) -> StackFrame {
    let library = [
        "node_modules/",
        "node:",
        "internal/",
        "<anonymous>",
        "native ",
        "webpack/runtime",
    ];
    let in_app = !library.iter().any(|part| file.contains(part));
    StackFrame::new(stable_file(base_name(file)), function, in_app)
}

/// Without the hash that a bundler puts in: `main.3f2a1b9c.js`, `index-B7xk29Qd.js`.
fn stable_file(name: &str) -> String {
    let is_hash = |part: &str| {
        let long = part.len() >= 6 && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        long && part.bytes().any(|b| b.is_ascii_digit())
    };
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

/// `async new Object.charge [as x]` is `charge`; an anonymous function has no name.
fn stable_function(function: &str) -> String {
    let function = function.split(" [as ").next().unwrap_or_default();
    let function = function
        .trim_start_matches("async ")
        .trim_start_matches("new ");
    let function = function
        .trim_start_matches("Object.")
        .trim_start_matches("Module.");
    let parts = function
        .split(['.', '/'])
        .filter(|part| !part.is_empty() && !part.contains('<') && *part != "anonymous");
    parts.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::super::check;

    #[test]
    fn v8_frames_lose_columns_hashes_and_anonymity() {
        check(
            "TypeError: Cannot read properties of undefined (reading 'id')\n    \
             at async charge (/srv/app/dist/capture.3f2a1b9c.js:12:9)\n    \
             at new Order (file:///srv/app/order.mjs:3:1)\n    \
             at Object.<anonymous> (/srv/app/index.js:1:1)\n    \
             at /srv/app/node_modules/express/lib/router.js:284:7\n    \
             at process.processTicksAndRejections (node:internal/process/task_queues:95:5)",
            &[
                ("capture.js.charge", true),
                ("order.mjs.Order", true),
                ("index.js", true),
                ("router.js", false),
                ("task_queues.process.processTicksAndRejections", false),
            ],
        );
    }

    #[test]
    fn gecko_frames_are_read() {
        check(
            "charge@https://shop.example/assets/index-B7xk29Qd.js?v=2:12:9\n@https://shop.example/a.js:1:1\n",
            &[("index.js.charge", true), ("a.js", true)],
        );
    }
}

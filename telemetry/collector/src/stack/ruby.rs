use super::{Section, Stack, StackFrame, base_name};

/// `full_message`: innermost first. Ruby 3.4 writes `'Order#charge'`, earlier ones `` `charge' ``.
pub(super) fn read(lines: &[&str]) -> Stack {
    let frames = lines.iter().filter_map(|line| frame(line));
    Stack::of_sections([Section {
        frames: frames.collect(),
        cause: None,
    }])
}

/// `from /app/capture.rb:12:in 'Order#charge'`, perhaps with `: message (Type)` after it.
fn frame(line: &str) -> Option<StackFrame> {
    let line = line.trim_start();
    let line = line.strip_prefix("from ").unwrap_or(line);
    let (place, function) = line.split_once(":in ")?;
    let (file, number) = place.rsplit_once(':')?;
    let of_ruby = [".rb", ".erb", ".rake", ".ru", "<internal"]
        .iter()
        .any(|end| file.contains(end));
    if !of_ruby || number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let function = function.strip_prefix(['\'', '`'])?.split('\'').next()?;
    let function = function.rsplit(" in ").next().unwrap_or_default();
    let function = function.rsplit(['#', '.']).next().unwrap_or_default();
    let library = ["/gems/", "/lib/ruby/", "<internal"];
    let in_app = !library.iter().any(|part| file.contains(part));
    Some(StackFrame::new(
        base_name(file).trim_end_matches(".rb"),
        function,
        in_app,
    ))
}

#[cfg(test)]
mod tests {
    use super::super::check;

    #[test]
    fn both_quotings_give_the_same_frames() {
        let expected = [
            ("capture.charge", true),
            ("router.call", false),
            ("main.run", true),
        ];
        check(
            "/app/capture.rb:12:in `block in charge': order 17 (RuntimeError)\n\tfrom /usr/lib/ruby/gems/3.3/router.rb:9:in `call'\n\tfrom /app/main.rb:3:in `run'\n",
            &expected,
        );
        check(
            "/app/capture.rb:12:in 'block in Order#charge': order 17 (RuntimeError)\n\tfrom /usr/lib/ruby/gems/3.4/router.rb:9:in 'Router.call'\n\tfrom /app/main.rb:3:in 'Object#run'\n",
            &expected,
        );
    }
}

use super::{Section, Stack, StackFrame};

/// `Exception.ToString()`: innermost first, the cause before what it caused.
pub(super) fn read(lines: &[&str]) -> Stack {
    let frames = lines.iter().filter_map(|line| frame(line));
    Stack::of_sections([Section {
        frames: frames.collect(),
        cause: None,
    }])
}

/// `   at Shop.Capture.<Charge>d__12.MoveNext() in /app/Capture.cs:line 31`. The word for "at" is
/// translated, so that only its place counts.
fn frame(line: &str) -> Option<StackFrame> {
    let indented = line.strip_prefix("   ")?.trim_start();
    let (_, call) = indented.split_once(' ')?;
    let (path, rest) = call.split_once('(')?;
    let after = rest.split_once(')')?.1.trim();
    let ends_well = after.is_empty()
        || after.contains(".cs:")
        || after.contains(".fs:")
        || after.contains(".vb:");
    if !ends_well || path.contains(' ') || !path.contains('.') {
        return None;
    }
    let (class, method) = path.rsplit_once('.')?;
    let (class, method) = stable(class, method);
    let in_app = !["System.", "Microsoft.", "Npgsql.", "Grpc."]
        .iter()
        .any(|l| class.starts_with(l));
    Some(StackFrame::new(class, method, in_app))
}

/// `Capture.<Charge>d__12.MoveNext` is the compiler's name of `Capture.Charge`.
fn stable(class: &str, method: &str) -> (String, String) {
    let within = |text: &str| {
        let (before, rest) = text.split_once('<')?;
        let (name, _) = rest.split_once('>')?;
        Some((
            before.trim_end_matches(['.', '+']).to_owned(),
            name.to_owned(),
        ))
    };
    let (class, method) = match (within(class), within(method)) {
        (Some((class, name)), _) if !name.is_empty() => (class, name),
        (_, Some((_, name))) if !name.is_empty() => (class.to_owned(), name),
        _ => (class.to_owned(), method.to_owned()),
    };
    let plain = |text: &str| text.split(['`', '[']).next().unwrap_or_default().to_owned();
    (plain(&class), plain(&method))
}

#[cfg(test)]
mod tests {
    use super::super::check;

    #[test]
    fn state_machines_carry_their_method() {
        check(
            "Shop.CaptureException: order 17\n   at Shop.Capture.<Charge>d__12.MoveNext() in /app/Capture.cs:line 31\n\
             --- End of stack trace from previous location ---\n   at System.Threading.Tasks.Task.Wait(Int32 ms)\n   \
             bei Shop.Cache`1.Load[T](String key) in C:\\app\\Cache.cs:line 4\n",
            &[
                ("Shop.Capture.Charge", true),
                ("System.Threading.Tasks.Task.Wait", false),
                ("Shop.Cache.Load", true),
            ],
        );
    }
}

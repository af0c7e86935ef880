use super::{Chain, Section, StackFrame, is_number, is_type_name};

/// `Exception.ToString()`: innermost first, the cause before what it caused.
pub(super) fn read(lines: &[&str]) -> Chain {
    let mut sections = vec![Section::default()];
    let mut kinds: Vec<String> = Vec::new();
    for line in lines {
        let text = line.trim_start();
        if let Some((_, inner)) = text.split_once("---> ") {
            if inner.starts_with("(Inner Exception #") && !sections[0].frames.is_empty() {
                // Of several causes the first one is told above.
                break;
            }
            if kinds.is_empty() {
                kinds.extend(type_of(text));
            }
            kinds.extend(inner.split("---> ").filter_map(type_of));
        } else if text.starts_with("---") {
            // Which of the two is said in the language of the machine: the one at the end of an inner
            // exception is followed by those who caught it, and there are as many as there are causes.
            if sections.len() < kinds.len() && !text.contains("previous location") {
                sections.push(Section::default());
            }
        } else if let Some(frame) = frame(line)
            && let Some(section) = sections.last_mut()
        {
            section.frames.push(frame);
        } else if kinds.is_empty() {
            kinds.extend(type_of(text).filter(|name| name.contains('.')));
        }
    }
    for (section, kind) in sections.iter_mut().zip(kinds.into_iter().rev()) {
        section.kind = Some(kind);
    }
    sections.reverse();
    Chain { sections }
}

/// The type in `System.TimeoutException: message`, perhaps with `(Inner Exception #0) ` before it.
fn type_of(text: &str) -> Option<String> {
    let text = text
        .split_once(") ")
        .filter(|(before, _)| before.starts_with('('))
        .map_or(text, |(_, rest)| rest);
    let name = text.split([':', ' ']).next()?;
    is_type_name(name).then(|| name.to_owned())
}

/// `   at Shop.Capture.<Charge>d__12.MoveNext() in /app/Capture.cs:line 31`. The word for "at" is
/// translated, so that only its place counts.
fn frame(line: &str) -> Option<StackFrame> {
    let indented = line.strip_prefix("   ")?.trim_start();
    let (_, call) = indented.split_once(' ')?;
    let (path, rest) = call.split_once('(')?;
    let (arguments, after) = rest.split_once(')')?;
    let after = after.trim();
    let of_source = [".cs:", ".fs:", ".vb:"]
        .iter()
        .any(|file| after.contains(file));
    // `(Main.java:12)` is another language's.
    let is_place = arguments
        .rsplit_once(':')
        .is_some_and(|(_, line)| is_number(line));
    let generic = path.find(['[', '`']).unwrap_or(path.len());
    if !(after.is_empty() || of_source)
        || is_place
        || path[..generic].contains(' ')
        || !path.contains('.')
    {
        return None;
    }
    let path = without_generics(path);
    let (class, method) = path.rsplit_once('.')?;
    let (class, method) = stable(class, method);
    let in_app = !LIBRARIES.iter().any(|library| class.starts_with(library));
    Some(StackFrame::new(class, method, in_app))
}

/// Without `` `1 `` and `[[System.String, mscorlib]]`.
fn without_generics(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut depth = 0_usize;
    let mut in_arity = false;
    for c in path.chars() {
        in_arity = c == '`' || in_arity && c.is_ascii_digit();
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 && !in_arity => plain.push(c),
            _ => {}
        }
    }
    plain
}

/// `Capture.<Charge>d__12.MoveNext` and `Capture.<>c__DisplayClass3_0.<Charge>b__1` are the compiler's
/// names of parts of `Capture.Charge`.
fn stable(class: &str, method: &str) -> (String, String) {
    let within = |text: &str| {
        let (before, rest) = text.split_once('<')?;
        let (name, _) = rest.split_once('>')?;
        Some((
            before.trim_end_matches(['.', '+']).to_owned(),
            name.to_owned(),
        ))
    };
    let written = class.split(['<']).next().unwrap_or_default();
    let written = written.trim_end_matches(['.', '+']).to_owned();
    match (within(class), within(method)) {
        (Some((class, name)), _) if !name.is_empty() => (class, name),
        (_, Some((_, name))) if !name.is_empty() => (written, name),
        _ => (written, method.to_owned()),
    }
}

const LIBRARIES: [&str; 27] = [
    "System.",
    "Microsoft.",
    "Npgsql.",
    "Grpc.",
    "Newtonsoft.",
    "Serilog.",
    "NLog.",
    "NUnit.",
    "Xunit.",
    "MySql.",
    "MySqlConnector.",
    "StackExchange.",
    "RabbitMQ.",
    "Confluent.",
    "Polly.",
    "Dapper.",
    "AutoMapper.",
    "MediatR.",
    "MassTransit.",
    "Hangfire.",
    "Quartz.",
    "Castle.",
    "FluentValidation.",
    "OpenTelemetry.",
    "Azure.",
    "Amazon.",
    "MongoDB.",
];

#[cfg(test)]
mod tests {
    use super::super::{Stack, check, check_same};

    #[test]
    fn state_machines_carry_their_method() {
        check(
            "Shop.CaptureException: order 17\n   at Shop.Capture.<Charge>d__12.MoveNext() in /app/Capture.cs:line 31\n\
             --- End of stack trace from previous location ---\n   at System.Threading.Tasks.Task.Wait(Int32 ms)\n   \
             bei Shop.Cache`1.Load[T](String key) in C:\\app\\Cache.cs:line 4\n   \
             at Shop.Pay.<>c__DisplayClass3_0.<Refund>b__1(Order o)\n   \
             at Shop.Store`1[[System.String, mscorlib]].Get()\n",
            &[
                ("Shop.Capture.Charge", true),
                ("System.Threading.Tasks.Task.Wait", false),
                ("Shop.Cache.Load", true),
                ("Shop.Pay.Refund", true),
                ("Shop.Store.Get", true),
            ],
        );
    }

    #[test]
    fn a_cause_goes_on_where_it_was_caught() {
        let bare = "System.TimeoutException: t\n   at Shop.Bank.Send() in /app/Bank.cs:line 3\n   at Shop.Pay.Charge() in /app/Pay.cs:line 5\n   at Shop.Program.Main() in /app/Program.cs:line 2\n";
        let wrapped = "Shop.PayException: order 17\n ---> System.TimeoutException: t\n   at Shop.Bank.Send() in /app/Bank.cs:line 30\n   at Shop.Pay.Charge() in /app/Pay.cs:line 50\n   --- Ende der internen Ausnahmestapelüberwachung ---\n   at Shop.Pay.Charge() in /app/Pay.cs:line 55\n   at Shop.Program.Main() in /app/Program.cs:line 20\n";
        check_same(bare, wrapped);
        assert_eq!(
            Stack::parse(wrapped).root().kind.as_deref(),
            Some("System.TimeoutException")
        );
    }
}

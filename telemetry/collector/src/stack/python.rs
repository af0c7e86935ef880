use super::{Section, Stack, StackFrame, base_name, leading_type};

/// `traceback.format_exc()`: newest call last, the cause before what it caused.
pub(super) fn read(lines: &[&str]) -> Stack {
    let mut sections: Vec<Section> = Vec::new();
    for line in lines {
        let line = without_group_margin(line);
        if line
            .trim_start()
            .starts_with("Traceback (most recent call last):")
        {
            sections.push(Section::default());
        } else if let Some(frame) = frame(line) {
            if sections.is_empty() {
                sections.push(Section::default());
            }
            if let Some(section) = sections.last_mut() {
                section.frames.push(frame);
            }
        } else if let Some(section) = sections.last_mut() {
            let ends =
                !line.starts_with(' ') && section.cause.is_none() && !section.frames.is_empty();
            if ends {
                section.cause = leading_type(line);
            }
        }
    }
    if let Some(last) = sections.last_mut() {
        last.cause = None;
    }
    for section in &mut sections {
        section.frames.reverse();
    }
    Stack::of_sections(sections)
}

/// Tracebacks within an exception group are drawn with `  | ` at the left.
fn without_group_margin(line: &str) -> &str {
    line.trim_start()
        .strip_prefix("| ")
        .or_else(|| line.trim_start().strip_prefix("+ "))
        .unwrap_or(line)
}

/// `  File "/app/capture.py", line 12, in charge`
fn frame(line: &str) -> Option<StackFrame> {
    let rest = line.trim_start().strip_prefix("File \"")?;
    let (path, rest) = rest.split_once("\", line ")?;
    let function = rest
        .split_once(", in ")
        .map_or("", |(_, function)| function.trim());
    let library = [
        "site-packages",
        "dist-packages",
        "/lib/python",
        "\\lib\\",
        "<frozen",
        "<string>",
    ];
    let in_app = !library.iter().any(|part| path.contains(part));
    let module = base_name(path).trim_end_matches(".py");
    let function = function.rsplit('.').next().unwrap_or_default();
    let function = function.trim_matches(['<', '>']);
    Some(StackFrame::new(
        module.trim_matches(['<', '>']),
        function,
        in_app,
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{Stack, check};

    const CHAINED: &str = r#"Traceback (most recent call last):
  File "/app/payments/gateway.py", line 31, in send
    return self._post(url)
           ^^^^^^^^^^^^^^^
  File "/usr/lib/python3.12/site-packages/httpx/_client.py", line 903, in post
    raise TimeoutError("timed out")
TimeoutError: timed out

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/payments/capture.py", line 12, in charge
    gateway.send(order)
payments.errors.CaptureError: order 17 failed
"#;

    #[test]
    fn the_cause_comes_first_and_the_innermost_call_within_it() {
        check(
            CHAINED,
            &[
                ("_client.post", false),
                ("gateway.send", true),
                ("capture.charge", true),
            ],
        );
        assert_eq!(Stack::parse(CHAINED).causes, ["TimeoutError"]);
    }

    #[test]
    fn groups_are_read_through_their_margin() {
        let text = "  + Exception Group Traceback (most recent call last):\n  |   File \"/app/a.py\", line 3, in <module>\n  |     run()\n";
        check(text, &[("a.module", true)]);
    }
}

use super::{Chain, Section, StackFrame, base_name, is_number, is_type_name};

/// `full_message`: innermost first, the cause after what it caused. Ruby 3.4 writes `'Order#charge'`,
/// earlier ones `` `charge' ``.
pub(super) fn read(lines: &[&str]) -> Chain {
    let mut sections: Vec<Section> = Vec::new();
    let calls: Vec<Call<'_>> = lines.iter().filter_map(|line| call(line)).collect();
    for (at, call) in calls.iter().enumerate() {
        if sections.is_empty() || call.begins {
            sections.push(Section::default());
        }
        let Some(section) = sections.last_mut() else {
            break;
        };
        if call.begins {
            section.kind = call.kind.map(str::to_owned);
        }
        // A method written in C stands at the place of its caller.
        let caller = calls.get(at + 1).filter(|caller| !caller.begins);
        if caller.is_none_or(|caller| caller.place != call.place) || call.begins {
            section.frames.push(frame(call));
        }
    }
    // A cause that is not said to be one: Ruby notes whatever was being handled.
    for section in sections.iter_mut().skip(1) {
        section.link = super::Link::Handled;
    }
    Chain { sections }
}

struct Call<'t> {
    place: &'t str,
    file: &'t str,
    function: &'t str,
    /// Whether an exception is told from here on, and of what type.
    begins: bool,
    kind: Option<&'t str>,
}

/// `from /app/capture.rb:12:in 'Order#charge'`, perhaps with `: message (Type)` after it.
fn call(line: &str) -> Option<Call<'_>> {
    let line = line.trim_start();
    let (line, is_from) = match line.strip_prefix("from ") {
        Some(line) => (line, true),
        None => (line, false),
    };
    let (place, rest) = line.split_once(":in ")?;
    let (file, number) = place.rsplit_once(':')?;
    let of_ruby = [".rb", ".erb", ".rake", ".ru", "<internal", "(eval", "(irb"]
        .iter()
        .any(|end| file.contains(end));
    if !of_ruby || !is_number(number) {
        return None;
    }
    let (function, after) = rest.strip_prefix(['\'', '`'])?.split_once('\'')?;
    let kind = after
        .strip_suffix(')')
        .and_then(|after| after.rsplit_once('('));
    Some(Call {
        place,
        file,
        function,
        begins: !is_from && after.starts_with(": "),
        kind: kind.map(|(_, kind)| kind).filter(|kind| is_type_name(kind)),
    })
}

fn frame(call: &Call<'_>) -> StackFrame {
    // `block (2 levels) in Order#charge`, `rescue in charge`
    let function = call.function.rsplit(" in ").next().unwrap_or_default();
    let function = function.rsplit(['#', '.']).next().unwrap_or_default();
    // A template's method is numbered: `_app_views_order_html_erb___123_456`.
    let function = function.split("___").next().unwrap_or_default();
    let library = [
        "/gems/",
        "/lib/ruby/",
        "<internal",
        "/vendor/bundle/",
        "/vendor/ruby/",
    ];
    let in_app = !library.iter().any(|part| call.file.contains(part));
    let module = if call.file.starts_with("(eval") {
        "(eval)"
    } else {
        base_name(call.file).trim_end_matches(".rb")
    };
    StackFrame::new(module, function, in_app)
}

#[cfg(test)]
mod tests {
    use super::super::{Stack, check, check_same};

    #[test]
    fn both_quotings_give_the_same_frames() {
        let expected = [
            ("capture.charge", true),
            ("router.call", false),
            ("main.run", true),
        ];
        check(
            "/app/capture.rb:12:in `block in charge': order 17 (RuntimeError)\n\tfrom /app/capture.rb:10:in `each'\n\tfrom /app/capture.rb:10:in `charge'\n\tfrom /usr/lib/ruby/gems/3.3/router.rb:9:in `call'\n\tfrom /app/main.rb:3:in `run'\n",
            &expected,
        );
        check(
            "/app/capture.rb:12:in 'block in Order#charge': order 17 (RuntimeError)\n\tfrom /app/capture.rb:10:in 'Array#each'\n\tfrom /app/capture.rb:10:in 'Order#charge'\n\tfrom /usr/lib/ruby/gems/3.4/router.rb:9:in 'Router.call'\n\tfrom /app/main.rb:3:in 'Object#run'\n",
            &expected,
        );
    }

    #[test]
    fn a_cause_counts_where_it_was_caught() {
        let bare = "/app/a.rb:1:in `site': x (ArgumentError)\n\tfrom /app/a.rb:5:in `wrap'\n\tfrom /app/a.rb:9:in `<main>'\n";
        let wrapped = "/srv/a.rb:70:in `rescue in wrap': y (Failed)\n\tfrom /srv/a.rb:40:in `wrap'\n\tfrom /srv/a.rb:90:in `<main>'\n/srv/a.rb:10:in `site': x (ArgumentError)\n\tfrom /srv/a.rb:50:in `wrap'\n\tfrom /srv/a.rb:90:in `<main>'\n";
        check_same(bare, wrapped);
        assert_eq!(
            Stack::parse(wrapped).root().kind.as_deref(),
            Some("ArgumentError")
        );
        check(
            "(eval at /app/a.rb:12):1:in 'Object#go': x (E)\n\tfrom /app/v/show.html.erb:3:in '_app_v_show_html_erb___12_34'\n",
            &[
                ("(eval).go", true),
                ("show.html.erb._app_v_show_html_erb", true),
            ],
        );
    }
}

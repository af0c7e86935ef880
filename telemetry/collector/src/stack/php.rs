use super::{Chain, Section, StackFrame, is_number, is_type_name, stable_file};

/// `Throwable::__toString()`, `getTraceAsString()` and the fatal error of the runtime: innermost
/// first, the cause before what it caused (`Next …`).
pub(super) fn read(lines: &[&str]) -> Chain {
    let mut sections = vec![Section::default()];
    // Where the function of the next call is: a call says from where it was made.
    let mut place = None;
    for line in lines {
        let text = line.trim();
        if let Some(call) = numbered(text) {
            let Some((from, called)) = made_from(call) else {
                continue;
            };
            if let Some(section) = sections.last_mut() {
                section.frames.extend(frame(called, place));
            }
            place = Some(from);
        } else {
            if let Some(kind) = text.strip_prefix("Next ") {
                sections.push(Section::default());
                place = None;
                name(&mut sections, kind);
            } else if sections
                .last()
                .is_some_and(|s| s.kind.is_none() && s.frames.is_empty())
            {
                let thrown = text.split_once("Uncaught ").map_or(text, |(_, rest)| rest);
                name(&mut sections, thrown);
            }
            if let Some(thrown) = thrown_in(text) {
                place = Some(thrown);
            }
        }
    }
    sections.reverse();
    Chain { sections }
}

fn name(sections: &mut [Section], thrown: &str) {
    let kind = thrown.split([':', ' ']).next().unwrap_or_default();
    if is_type_name(kind)
        && let Some(section) = sections.last_mut()
    {
        section.kind = Some(kind.to_owned());
    }
}

/// What follows `#12 `.
fn numbered(text: &str) -> Option<&str> {
    let (number, call) = text.strip_prefix('#')?.split_once(' ')?;
    is_number(number).then_some(call)
}

/// The file, or `[internal function]`, and what was called: `/app/pay.php(20): send('17')`.
fn made_from(call: &str) -> Option<(&str, &str)> {
    let (from, called) = call.split_once(": ")?;
    if from == "[internal function]" {
        return Some((from, called));
    }
    let (file, line) = from.strip_suffix(')')?.rsplit_once('(')?;
    (is_number(line) && called.contains('(')).then_some((file, called))
}

/// The file in `RuntimeException: order 17 in /app/pay.php:12`.
fn thrown_in(text: &str) -> Option<&str> {
    let (file, line) = text.rsplit_once(" in ")?.1.rsplit_once(':')?;
    (is_number(line) && file.contains(".php")).then_some(file)
}

/// `Shop\Capture->charge(Object(Order), 'abc')`, made within `place` if that is known.
fn frame(called: &str, place: Option<&str>) -> Option<StackFrame> {
    let call = called.split('(').next()?;
    if call.is_empty() || call == "{main}" || call.contains(' ') {
        return None;
    }
    let owner = call.split_once("->").or_else(|| call.split_once("::"));
    let (class, function) = match owner {
        Some((class, function)) if !call.starts_with('{') => (Some(class), function),
        _ => (None, call),
    };
    let of_library = class.is_some_and(|class| LIBRARIES.iter().any(|l| class.starts_with(l)))
        || place.is_some_and(|file| {
            [
                "/vendor/",
                "\\vendor\\",
                "/share/php/",
                "[internal function]",
                "phar://",
            ]
            .iter()
            .any(|part| file.contains(part))
        });
    let module = match class {
        // `class@anonymous` is followed by the place where it is written.
        Some(class) => class.split(['@', '\0']).next().unwrap_or_default(),
        None => place.map_or("", |file| stable_file(file, ".php")),
    };
    // `{closure:Shop\Pay::charge():31}`
    let function = if function.contains("{closure") {
        "{closure}"
    } else {
        function
    };
    let function = function.rsplit('\\').next().unwrap_or_default();
    Some(StackFrame::new(module, function, !of_library))
}

const LIBRARIES: [&str; 8] = [
    "Symfony\\",
    "Illuminate\\",
    "GuzzleHttp\\",
    "Doctrine\\",
    "Monolog\\",
    "Psr\\",
    "Composer\\",
    "PHPUnit\\",
];

#[cfg(test)]
mod tests {
    use super::super::{Stack, check, check_same};

    #[test]
    fn a_function_is_where_the_call_before_it_was_made() {
        check(
            "PHP Fatal error:  Uncaught RuntimeException: order 17 in /app/src/bank.php:12\nStack trace:\n\
             #0 /app/src/pay.php(20): send('17')\n#1 [internal function]: Shop\\Pay->{closure}(Object(Order))\n\
             #2 /app/vendor/lib/map.php(3): array_map(Object(Closure), Array)\n#3 /app/index.php(9): Lib\\Map::all(Array)\n#4 {main}\n  thrown in /app/src/bank.php on line 12\n",
            &[
                ("bank.send", true),
                ("Shop\\Pay.{closure}", true),
                ("[internal function].array_map", false),
                ("Lib\\Map.all", false),
            ],
        );
    }

    #[test]
    fn a_cause_is_told_before_what_it_caused() {
        let bare = "LogicException: x in /app/a.php:3\nStack trace:\n#0 /app/a.php(8): site()\n#1 /app/index.php(12): wrap()\n#2 {main}\n";
        let wrapped = "LogicException: x in /srv/a.php:30\nStack trace:\n#0 /srv/a.php(80): site()\n#1 /srv/index.php(120): wrap()\n#2 {main}\n\nNext Shop\\Failed: y in /srv/a.php:90\nStack trace:\n#0 /srv/index.php(120): wrap()\n#1 {main}\n";
        check_same(bare, wrapped);
        assert_eq!(
            Stack::parse(wrapped).root().kind.as_deref(),
            Some("LogicException")
        );
    }

    #[test]
    fn what_is_written_in_place_has_no_line() {
        check(
            "#0 /app/a.php(8): {closure:Shop\\Pay::charge():31}()\n#1 /app/b.php(2): class@anonymous->run()\n#2 {main}",
            &[("{closure}", true), ("class.run", true)],
        );
    }
}

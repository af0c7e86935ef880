use std::fmt::Write as _;
use std::path::Path;

use http::HeaderValue;
use rand::Rng as _;
use rand::rngs::StdRng;

/// What a template is for: what its values may hold depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The path and query of an address: what may not stand there is percent-encoded.
    Address,
    Header,
    Body,
}

/// Text with places that differ from request to request: `{{uuid}}`, `{{seq}}`, `{{int 1 100}}`,
/// `{{pick a,b,c}}` and `{{pick @FILE}}`, which takes a line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Uuid,
    /// The number of the request, from 0.
    Sequence,
    Int(u64, u64),
    Pick(Vec<String>),
}

impl Template {
    /// `folder` is where the files that it names are looked for.
    pub(crate) fn parse(text: &str, place: Place, folder: &Path) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((inside, after)) = after.split_once("}}") else {
                return Err(format!("{{{{ without }}}} in {text:?}"));
            };
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::parse(inside.trim(), place, folder)?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The text, if it is always the same.
    pub(crate) fn fixed(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text for the request of this number.
    pub(crate) fn text(&self, number: u64, dice: &mut StdRng) -> String {
        let mut text = String::with_capacity(64);
        for part in &self.0 {
            let written = match part {
                Part::Text(part) => text.write_str(part),
                Part::Sequence => write!(text, "{number}"),
                Part::Int(first, last) => write!(text, "{}", dice.random_range(*first..=*last)),
                Part::Pick(values) => text.write_str(&values[dice.random_range(0..values.len())]),
                Part::Uuid => {
                    let uuid = uuid::Builder::from_random_bytes(dice.random()).into_uuid();
                    write!(text, "{uuid}")
                }
            };
            written.expect("a string takes what is written");
        }
        text
    }
}

impl Part {
    fn parse(inside: &str, place: Place, folder: &Path) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{{{{{inside}}}}} is not known; there are {{{{uuid}}}}, {{{{seq}}}}, \
                 {{{{int 1 100}}}}, {{{{pick a,b}}}} and {{{{pick @FILE}}}}"
            )
        };
        let (verb, rest) = inside.split_once(' ').unwrap_or((inside, ""));
        match (verb, rest.trim()) {
            ("uuid", "") => Ok(Self::Uuid),
            ("seq", "") => Ok(Self::Sequence),
            ("int", range) => {
                let (first, last) = range.split_once(' ').ok_or_else(wrong)?;
                let first = first.parse().map_err(|_| wrong())?;
                let last = last.trim().parse().map_err(|_| wrong())?;
                if first > last {
                    return Err(format!("{{{{{inside}}}}} goes down"));
                }
                Ok(Self::Int(first, last))
            }
            ("pick", list) => pick(list, place, folder).map(Self::Pick),
            _ => Err(wrong()),
        }
    }
}

fn pick(list: &str, place: Place, folder: &Path) -> Result<Vec<String>, String> {
    let written: Vec<String> = match list.strip_prefix('@') {
        Some(file) => {
            let file = folder.join(file);
            let text = std::fs::read_to_string(&file)
                .map_err(|error| format!("{}: {error}", file.display()))?;
            text.lines().map(str::to_owned).collect()
        }
        None => list.split(',').map(str::to_owned).collect(),
    };
    let values = written.iter().map(|value| value.trim());
    let values = values.filter(|value| !value.is_empty());
    let values: Vec<String> = match place {
        Place::Address => values.map(encoded).collect(),
        Place::Header | Place::Body => values.map(str::to_owned).collect(),
    };
    let is_wrong = |value: &&String| HeaderValue::from_str(value).is_err();
    if place == Place::Header
        && let Some(value) = values.iter().find(is_wrong)
    {
        return Err(format!("{value:?} cannot stand in a header"));
    }
    if values.is_empty() {
        return Err(format!("{{{{pick {list}}}}} has nothing to pick from"));
    }
    Ok(values)
}

/// As it may stand in a path or a query; what is encoded already stays.
fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("a string takes what is written");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    fn parse(text: &str, place: Place) -> Result<Template, String> {
        Template::parse(text, place, Path::new("/nowhere"))
    }

    #[test]
    fn places_differ_from_request_to_request() {
        let template = parse(
            "/a/{{seq}}?b={{ pick x y,ü }}&c={{int 5 5}}",
            Place::Address,
        )
        .unwrap();
        let mut dice = StdRng::seed_from_u64(1);
        let texts: Vec<_> = (0..40)
            .map(|number| template.text(number, &mut dice))
            .collect();
        let is_right = |(number, text): (usize, &String)| {
            let head = format!("/a/{number}?b=");
            *text == format!("{head}x%20y&c=5") || *text == format!("{head}%C3%BC&c=5")
        };
        assert!(texts.iter().enumerate().all(is_right), "{texts:?}");
        assert!(texts.iter().any(|text| text.contains("x%20y")));
        assert!(texts.iter().any(|text| text.contains("%C3")));
        let uuid = parse("{{uuid}}", Place::Body).unwrap().text(0, &mut dice);
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
    }

    #[test]
    fn what_is_fixed_says_so() {
        let fixed = |text| parse(text, Place::Body).unwrap().fixed().map(str::to_owned);
        assert_eq!(fixed("/a?b").as_deref(), Some("/a?b"));
        assert_eq!(fixed("").as_deref(), Some(""));
        assert_eq!(fixed("{{seq}}"), None);
    }

    #[test]
    fn lines_of_a_file_are_picked() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ids"), "one\n\ntwo\n").unwrap();
        let template = Template::parse("{{pick @ids}}", Place::Body, dir.path()).unwrap();
        assert_eq!(
            template.0,
            [Part::Pick(vec!["one".to_owned(), "two".to_owned()])]
        );
    }

    #[test]
    fn faults_are_told() {
        let check = |text: &str, place, part: &str| {
            let told = parse(text, place).unwrap_err();
            assert!(told.contains(part), "{text}: {told}");
        };
        check("{{uid}}", Place::Body, "{{uid}} is not known");
        check("{{uuid", Place::Body, "without }}");
        check("{{int 5 1}}", Place::Body, "goes down");
        check("{{int 5}}", Place::Body, "not known");
        check("{{pick}}", Place::Body, "nothing to pick");
        check("{{pick @ids}}", Place::Body, "/nowhere/ids");
    }
}

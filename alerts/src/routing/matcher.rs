//! Conditions on labels, as Alertmanager writes and reads them.

mod classic;
mod go_text;
mod utf8;

use std::cmp::Ordering;
use std::fmt;

use watchfire_schemas::LabelSet;

use super::pattern::Pattern;

pub(crate) use go_text::quoted;

/// In the order in which Alertmanager sorts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum MatchOp {
    Equal,
    NotEqual,
    Regex,
    NotRegex,
}

impl MatchOp {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }

    pub(crate) const fn new(is_regex: bool, is_equal: bool) -> Self {
        match (is_regex, is_equal) {
            (false, true) => Self::Equal,
            (false, false) => Self::NotEqual,
            (true, true) => Self::Regex,
            (true, false) => Self::NotRegex,
        }
    }

    pub(crate) const fn is_regex(self) -> bool {
        matches!(self, Self::Regex | Self::NotRegex)
    }

    pub(crate) const fn is_equal(self) -> bool {
        matches!(self, Self::Equal | Self::Regex)
    }
}

/// One condition. A label that is absent has an empty value.
#[derive(Debug, Clone)]
pub(crate) struct Matcher {
    pub name: String,
    pub op: MatchOp,
    pub value: String,
    /// That of a regular expression.
    pattern: Option<Pattern>,
}

impl Matcher {
    pub(crate) fn new(name: &str, op: MatchOp, value: &str) -> Result<Self, String> {
        let pattern = op.is_regex().then(|| Pattern::parse(value)).transpose()?;
        Ok(Self {
            name: name.to_owned(),
            op,
            value: value.to_owned(),
            pattern,
        })
    }

    /// What `match_re` holds: Alertmanager keeps it in the form that fits whole values.
    pub(crate) fn anchored(name: &str, value: &str) -> Result<Self, String> {
        let mut matcher = Self::new(name, MatchOp::Regex, value)?;
        matcher.value = format!("^(?:{value})$");
        Ok(matcher)
    }

    pub(crate) fn matches_value(&self, value: &str) -> bool {
        let fits = match &self.pattern {
            Some(pattern) => pattern.matches(value),
            None => self.value == value,
        };
        fits == self.op.is_equal()
    }

    pub(crate) fn matches(&self, labels: &LabelSet) -> bool {
        self.matches_value(labels.get(&self.name).unwrap_or_default())
    }

    fn order(&self) -> (&str, &str, MatchOp) {
        (&self.name, &self.value, self.op)
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, op, value) = (&self.name, self.op.as_str(), &self.value);
        if name.chars().any(utf8::is_reserved) {
            return write!(f, "{}{op}{}", quoted(name), quoted(value));
        }
        let value = value
            .replace('\\', "\\\\")
            .replace('\n', "\\n")
            .replace('"', "\\\"");
        write!(f, "{name}{op}\"{value}\"")
    }
}

/// Conditions that must all hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Matchers(Vec<Matcher>);

impl Matchers {
    pub(crate) fn new(mut matchers: Vec<Matcher>) -> Self {
        matchers.sort_by(|a, b| a.order().cmp(&b.order()));
        Self(matchers)
    }

    /// Those of a silence stay as they were given.
    pub(crate) const fn in_order_given(matchers: Vec<Matcher>) -> Self {
        Self(matchers)
    }

    /// By the grammar that all versions know; what it does not know, by that of version 0.27.
    pub(crate) fn parse(text: &str) -> Result<Vec<Matcher>, String> {
        classic::matchers(text).or_else(|_| utf8::matchers(text))
    }

    pub(crate) fn matches(&self, labels: &LabelSet) -> bool {
        self.0.iter().all(|matcher| matcher.matches(labels))
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Matcher> {
        self.0.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Matchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, matcher) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{matcher}")?;
        }
        f.write_str("}")
    }
}

/// Labels as Alertmanager writes them: `{a="b", c="d"}`.
pub(crate) fn written_labels(labels: &LabelSet) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}={}", quoted(value)))
        .collect();
    format!("{{{}}}", pairs.join(", "))
}

/// The order in which Alertmanager lists alerts and groups: fewer labels first, then by what they
/// say.
pub(crate) fn compared(a: &LabelSet, b: &LabelSet) -> Ordering {
    let by_size = a.len().cmp(&b.len());
    by_size.then_with(|| {
        let (mut left, mut right) = (a.iter().peekable(), b.iter().peekable());
        loop {
            match (left.next(), right.next()) {
                (Some((a_name, a_value)), Some((b_name, b_value))) if a_name == b_name => {
                    if a_value != b_value {
                        return a_value.cmp(b_value);
                    }
                }
                // Who lacks the first name that only one has comes first.
                (Some((a_name, _)), Some((b_name, _))) => return b_name.cmp(a_name),
                (None, None) => return Ordering::Equal,
                (left, right) => return left.is_some().cmp(&right.is_some()),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let read = Matchers::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(Matchers::new(read).to_string(), expected, "{text}");
    }

    #[test]
    fn both_grammars_are_read() {
        check("a=b", "{a=\"b\"}");
        check(" a = \"b\" ", "{a=\"b\"}");
        check("{c!~\"x.*\", a=b,}", "{a=\"b\",c!~\"x.*\"}");
        check("a=\"b,c\",d=e", "{a=\"b,c\",d=\"e\"}");
        check(r#"a="x\"y\\z\n""#, "{a=\"x\\\"y\\\\z\\n\"}");
        check(r"a=\d", "{a=\"\\\\d\"}");
        check("a=", "{a=\"\"}");
        check("a=\"\"", "{a=\"\"}");
        check("a=b c", "{a=\"b c\"}");
        check("a==b", "{a=\"=b\"}");
        check("", "{}");
        check("{}", "{}");
        check("{\"my name\"=x}", "{\"my name\"=\"x\"}");
        check("k8s.pod=\"a\"", "{k8s.pod=\"a\"}");
        check("\"größe\"=~\"k.*\"", "{größe=~\"k.*\"}");
        check("foo🙂=bar", "{foo🙂=\"bar\"}");
    }

    #[test]
    fn what_neither_knows_is_refused() {
        for wrong in [
            "a",
            "=b",
            "a=\"b",
            "a=b\"",
            "{a.b=c",
            "a.b=c}",
            "a.b=c d",
            "a.b=\"\\q\"",
            "a=~\"(\"",
            ",",
            "a.b=c,,d.e=f",
        ] {
            let read = Matchers::parse(wrong);
            assert!(read.is_err(), "{wrong}: {read:?}");
        }
    }

    #[test]
    fn an_absent_label_is_empty() {
        let labels = LabelSet::new([("a", "b")]);
        for (text, fits) in [
            ("c=\"\"", true),
            ("c!=\"\"", false),
            ("c!=x", true),
            ("c=~\".*\"", true),
            ("c=~\".+\"", false),
            ("c!~\"x\"", true),
            ("a=~\"b|c\"", true),
            ("a!~\"b|c\"", false),
        ] {
            let read = Matchers::new(Matchers::parse(text).unwrap());
            assert_eq!(read.matches(&labels), fits, "{text}");
        }
    }

    #[test]
    fn labels_have_alertmanagers_order() {
        let set = |pairs: &[(&'static str, &'static str)]| LabelSet::new(pairs.iter().copied());
        let sorted = [
            set(&[("z", "a")]),
            set(&[("a", "a"), ("c", "a")]),
            set(&[("a", "a"), ("b", "a")]),
            set(&[("a", "b"), ("b", "a")]),
        ];
        for pair in sorted.windows(2) {
            assert_eq!(compared(&pair[0], &pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compared(&pair[1], &pair[0]), Ordering::Greater, "{pair:?}");
        }
    }
}

//! Labels as they are typed: `a=b` each, or all of them as `{a="b", c="d"}`.

use watchfire_schemas::LabelSet;

use super::matcher::{MatchOp, Matchers};

/// The labels that words name. Each word holds one or several, in either grammar of matchers.
pub fn labels_of(words: &[String]) -> Result<LabelSet, String> {
    let mut pairs = Vec::new();
    for word in words {
        let read = match word.split_once('=') {
            // A value that is not quoted is meant as it is.
            Some((name, value)) if is_plain(name) && !value.contains('"') => {
                vec![(name.to_owned(), value.to_owned())]
            }
            _ => equalities(word)?,
        };
        pairs.extend(read);
    }
    Ok(LabelSet::new(pairs))
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(['{', '"', '!', ' ', ','])
}

fn equalities(word: &str) -> Result<Vec<(String, String)>, String> {
    let read = Matchers::parse(word)
        .map_err(|reason| format!("{word:?} does not name labels such as a=b: {reason}"))?;
    let pair = |matcher: super::matcher::Matcher| match matcher.op {
        MatchOp::Equal => Ok((matcher.name, matcher.value)),
        _ => Err(format!(
            "{matcher} is a condition, not the value of a label"
        )),
    };
    read.into_iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str], expected: &[(&str, &str)]) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let expected = LabelSet::new(expected.iter().copied());
        assert_eq!(labels_of(&words), Ok(expected), "{words:?}");
    }

    #[test]
    fn labels_are_read_from_words() {
        check(&["a=b", "c=d e"], &[("a", "b"), ("c", "d e")]);
        check(&["a=\"b c\""], &[("a", "b c")]);
        check(&["{a=\"b\", c=\"d,e\"}"], &[("a", "b"), ("c", "d,e")]);
        check(
            &["{\"my name\"=x}", "größe=2"],
            &[("my name", "x"), ("größe", "2")],
        );
        check(&["a=b,c=d"], &[("a", "b,c=d")]);
        check(&["a=~b"], &[("a", "~b")]);
        check(&["a="], &[]);
        for wrong in ["a", "=b", "{a!=\"b\"}"] {
            assert!(labels_of(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}

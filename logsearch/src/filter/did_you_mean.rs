use super::KnownNames;
use crate::fields::{Dataset, find};

/// No other name is looked for in place of one that is longer than this many letters.
const LONGEST_NAME: usize = 256;

/// What to say of a field that no record has: the name that was meant, if one is near.
pub(crate) fn hint_at<D: Dataset>(name: &str, known: &dyn KnownNames) -> Option<String> {
    if find(D::fields(), name).is_some() || known.contains(name) {
        return None;
    }
    let letters = name.chars().count();
    if letters > LONGEST_NAME {
        return Some("no record has a field with so long a name".to_owned());
    }
    let mut names = known.all();
    let fields = D::fields().iter();
    names.extend(
        fields
            .flat_map(|f| [f.name].into_iter().chain(f.aliases.iter().copied()))
            .map(str::to_owned),
    );
    let below = format!("{name}.");
    let nearest = names
        .into_iter()
        .filter_map(|other| {
            // What was meant by an object is one of its members.
            if other.starts_with(&below) {
                return Some((0, other));
            }
            let most = 1 + other.len().min(name.len()) / 4;
            // Each letter that one has more is one to leave out.
            let may_be_near = other.chars().count().abs_diff(letters) <= most;
            let distance = may_be_near.then(|| distance(&other, name))?;
            (distance <= most).then_some((distance, other))
        })
        .min();
    Some(match nearest {
        Some((_, nearest)) => format!("no record has the field {name}; did you mean {nearest}?"),
        None => format!("no record has the field {name}"),
    })
}

/// How many letters one must change, add or leave out to come from one name to the other, capitals
/// or not.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let change = diagonal + usize::from(a.to_ascii_lowercase() != *b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::logs::Logs;

    struct Known;

    impl KnownNames for Known {
        fn contains(&self, path: &str) -> bool {
            path == "user.id"
        }

        fn all(&self) -> BTreeSet<String> {
            BTreeSet::from(["user.id".to_owned()])
        }
    }

    fn check(name: &str, expected: Option<&str>) {
        assert_eq!(hint_at::<Logs>(name, &Known).as_deref(), expected);
    }

    #[test]
    fn a_near_name_is_told() {
        check("user.id", None);
        check("service.name", None);
        let user_id = Some("no record has the field usr.id; did you mean user.id?");
        check("usr.id", user_id);
        let capitals = Some("no record has the field USER.ID; did you mean user.id?");
        check("USER.ID", capitals);
        let member = Some("no record has the field user; did you mean user.id?");
        check("user", member);
        let alias = Some("no record has the field enviroment; did you mean environment?");
        check("enviroment", alias);
        check("zzzzzz", Some("no record has the field zzzzzz"));
        let long = "a".repeat(LONGEST_NAME + 1);
        check(&long, Some("no record has a field with so long a name"));
    }

    #[test]
    fn names_have_distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "SAME"), 0);
    }
}

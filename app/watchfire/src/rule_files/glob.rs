use std::path::{Component, Path, PathBuf};

/// The files that a pattern names, sorted: `*`, `?` and `[a-z]` stand for parts of one name. A path
/// without any of these is itself, whether it is there or not.
pub(crate) fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    let mut is_exact = true;
    for component in pattern.components() {
        let name = component.as_os_str().to_string_lossy();
        let is_pattern =
            matches!(component, Component::Normal(_)) && name.contains(['*', '?', '[']);
        if !is_pattern {
            for path in &mut found {
                path.push(component);
            }
            if !is_exact {
                found.retain(|path| path.exists());
            }
            continue;
        }
        is_exact = false;
        let wanted: Vec<char> = name.chars().collect();
        let folders = std::mem::take(&mut found).into_iter();
        found = folders.flat_map(|folder| named(&folder, &wanted)).collect();
    }
    found.sort();
    found
}

/// What lies in a folder under a name that fits.
fn named(folder: &Path, wanted: &[char]) -> Vec<PathBuf> {
    let here = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let entries = std::fs::read_dir(here).into_iter().flatten().flatten();
    entries
        .filter(|entry| {
            let name: Vec<char> = entry.file_name().to_string_lossy().chars().collect();
            fits(wanted, &name)
        })
        .map(|entry| folder.join(entry.file_name()))
        .collect()
}

fn fits(wanted: &[char], name: &[char]) -> bool {
    match (wanted, name) {
        ([], []) => true,
        (['*', rest @ ..], _) => (0..=name.len()).any(|taken| fits(rest, &name[taken..])),
        (['[', class @ ..], [c, after @ ..]) => match one_of(class, *c) {
            Some((true, rest)) => fits(rest, after),
            _ => false,
        },
        (['?', rest @ ..], [_, after @ ..]) => fits(rest, after),
        (['\\', plain, rest @ ..] | [plain, rest @ ..], [c, after @ ..]) => {
            plain == c && fits(rest, after)
        }
        _ => false,
    }
}

/// Whether a character is in the class that begins here, and what follows the class.
fn one_of(class: &[char], c: char) -> Option<(bool, &[char])> {
    let end = class.iter().skip(1).position(|c| *c == ']')? + 1;
    let (inside, rest) = (&class[..end], &class[end + 1..]);
    let (negated, inside) = match inside {
        ['^' | '!', inside @ ..] => (true, inside),
        inside => (false, inside),
    };
    let mut found = false;
    let mut left = inside;
    while let Some((first, after)) = left.split_first() {
        if let ['-', last, after @ ..] = after {
            found |= (*first..=*last).contains(&c);
            left = after;
        } else {
            found |= *first == c;
            left = after;
        }
    }
    Some((found != negated, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_files() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.yml", "b.yml", "b.yaml", "sub/c.yml"] {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let check = |pattern: &str, expected: &[&str]| {
            let found = expand(&dir.path().join(pattern));
            let expected: Vec<PathBuf> = expected.iter().map(|n| dir.path().join(n)).collect();
            assert_eq!(found, expected, "{pattern}");
        };
        check("*.yml", &["a.yml", "b.yml"]);
        check("b.y*ml", &["b.yaml", "b.yml"]);
        check("?.yml", &["a.yml", "b.yml"]);
        check("[b-z].yml", &["b.yml"]);
        check("[!b].yml", &["a.yml"]);
        check("*/c.yml", &["sub/c.yml"]);
        check("*/nosuch.yml", &[]);
        check("nosuch.yml", &["nosuch.yml"]);
    }
}

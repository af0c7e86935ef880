use super::words::{encoded, one_line};

/// Somebody who writes or is written to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Address {
    name: String,
    mailbox: String,
}

impl Address {
    /// `ada@example.org` or `Ada Lovelace <ada@example.org>`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (name, mailbox) = match text.strip_suffix('>').and_then(|it| it.rsplit_once('<')) {
            Some((name, mailbox)) => (name, mailbox.trim()),
            None => ("", text),
        };
        let is_named = !name.contains(|c: char| c.is_control() || "<>".contains(c));
        if !is_named || !is_mailbox(mailbox) {
            return Err(format!("{text:?} is not the address of a mailbox"));
        }
        Ok(Self {
            name: one_line(name.trim().trim_matches('"')),
            mailbox: mailbox.to_owned(),
        })
    }

    /// Several, separated by commas. At least one.
    pub(crate) fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        let parts = split(text);
        let named = parts.iter().filter(|part| !part.trim().is_empty());
        let all: Result<Vec<Self>, String> = named.map(|part| Self::parse(part)).collect();
        match all {
            Ok(all) if all.is_empty() => Err("an address is missing".to_owned()),
            other => other,
        }
    }

    /// `ada@example.org`.
    pub(crate) fn mailbox(&self) -> &str {
        &self.mailbox
    }

    pub(crate) fn domain(&self) -> &str {
        let domain = self.mailbox.rsplit_once('@');
        domain.map_or("localhost", |(_, domain)| domain)
    }

    /// As it was written, for what is kept.
    pub(crate) fn written(&self) -> String {
        if self.name.is_empty() {
            self.mailbox.clone()
        } else {
            format!("{} <{}>", self.name, self.mailbox)
        }
    }

    fn shown(&self) -> String {
        let is_atoms = |c: char| c.is_ascii_alphanumeric() || " -_'".contains(c);
        if self.name.is_empty() {
            self.mailbox.clone()
        } else if self.name.chars().all(is_atoms) {
            format!("{} <{}>", self.name, self.mailbox)
        } else if self.name.is_ascii() {
            let name = self.name.replace('\\', "\\\\").replace('"', "\\\"");
            format!("\"{name}\" <{}>", self.mailbox)
        } else {
            format!("{} <{}>", encoded(&self.name), self.mailbox)
        }
    }

    /// Those of a text, for a header field. What is no address is left out.
    pub(super) fn shown_list(text: &str) -> String {
        let parts = split(text);
        let known = parts.iter().filter_map(|part| Self::parse(part).ok());
        known
            .map(|known| known.shown())
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// At commas that stand outside quotes and angle brackets.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut bracketed = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            '<' if !quoted => bracketed = true,
            '>' if !quoted => bracketed = false,
            _ => {}
        }
        if c == ',' && !quoted && !bracketed {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts
}

fn is_mailbox(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let is_plain = |c: char| !c.is_control() && !c.is_whitespace() && !"<>,;\"\\()".contains(c);
    !local.is_empty()
        && !domain.is_empty()
        && text.len() <= 320
        && !local.contains('@')
        && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&[&str]>) {
        let parsed = Address::parse_list(text).ok();
        let shown: Option<Vec<String>> = parsed.map(|all| all.iter().map(Address::shown).collect());
        let expected = expected.map(|all| all.iter().map(|one| (*one).to_owned()).collect());
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn addresses_are_parsed() {
        check("ada@example.org", Some(&["ada@example.org"]));
        check(
            " Ada Lovelace <ada@example.org>, grace@example.org ,",
            Some(&["Ada Lovelace <ada@example.org>", "grace@example.org"]),
        );
        check(
            "\"Lovelace, Ada\" <ada@example.org>",
            Some(&["\"Lovelace, Ada\" <ada@example.org>"]),
        );
        check(
            "Größe <g@example.org>",
            Some(&["=?utf-8?B?R3LDtsOfZQ==?= <g@example.org>"]),
        );
        check("", None);
        check("ada", None);
        check("ada@", None);
        check("ada@example.org\r\nBcc: eve@example.org", None);
        check("<ada@example.org>\r\nRCPT TO:<eve@example.org>", None);
    }
}

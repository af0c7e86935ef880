use watchfire_schemas::LabelSet;

/// A series' labels and what follows: `name{a="b"} rest`, `{"quoted name", a="b"} rest`.
pub(crate) fn parse_metric(text: &str) -> Result<(LabelSet, &str), String> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    let mut pairs: Vec<(String, String)> = Vec::new();
    if !name.is_empty() {
        pairs.push((LabelSet::NAME.to_owned(), name.to_owned()));
    }
    if let Some(inside) = rest.strip_prefix('{')
        && !inside.starts_with('{')
    {
        rest = inside.trim_start();
        loop {
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (name, after) = if rest.starts_with(['"', '\'', '`']) {
                quoted(rest)?
            } else {
                let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            };
            rest = after.trim_start();
            if let Some(after) = rest.strip_prefix('=') {
                let (value, after) = quoted(after.trim_start())?;
                pairs.push((name, value));
                rest = after.trim_start();
            } else {
                pairs.push((LabelSet::NAME.to_owned(), name));
            }
            rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
            if rest.is_empty() {
                return Err(format!("labels do not end: {text}"));
            }
        }
    }
    Ok((LabelSet::new(pairs), rest.trim_start()))
}

/// A text in quotes and what follows it.
pub(crate) fn quoted(text: &str) -> Result<(String, &str), String> {
    let quote = text
        .chars()
        .next()
        .filter(|c| matches!(c, '"' | '\'' | '`'));
    let quote = quote.ok_or_else(|| format!("a quote is missing: {text}"))?;
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Ok((value, &text[at + 1..])),
            '\\' if quote != '`' => match chars.next().map(|(_, c)| c) {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some(c) => value.push(c),
                None => break,
            },
            c => value.push(c),
        }
    }
    Err(format!("a quote does not end: {text}"))
}

use super::TemplateError;

/// What an action is made of.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// An identifier: a function, or a word such as `if`.
    Word(String),
    /// `$name`, followed at once by fields.
    Variable(String, Vec<String>),
    /// `.`, or `.name.name`.
    Field(Vec<String>),
    Int(i64),
    Number(f64),
    Quoted(String),
    Pipe,
    Open,
    /// A closing bracket, followed at once by fields.
    Close(Vec<String>),
    Comma,
    /// `:=`
    Declare,
    /// `=`
    Assign,
}

type Chars<'t> = std::iter::Peekable<std::str::Chars<'t>>;

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, TemplateError> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let token = match c {
            c if c.is_whitespace() => continue,
            '|' => Token::Pipe,
            '(' => Token::Open,
            ')' => Token::Close(fields(&mut chars)?),
            ',' => Token::Comma,
            '=' => Token::Assign,
            ':' if chars.next_if_eq(&'=').is_some() => Token::Declare,
            '"' | '`' => Token::Quoted(quoted(c, &mut chars)?),
            '\'' => {
                let text = quoted(c, &mut chars)?;
                let mut inside = text.chars();
                match (inside.next(), inside.next()) {
                    (Some(one), None) => Token::Int(i64::from(u32::from(one))),
                    _ => return Err(TemplateError::syntax("malformed character constant")),
                }
            }
            '$' => {
                let name = format!("${}", word(&mut chars));
                Token::Variable(name, fields(&mut chars)?)
            }
            '.' if chars.peek().is_some_and(char::is_ascii_digit) => number(c, &mut chars)?,
            '.' if chars.peek().is_some_and(|c| is_of_word(*c)) => {
                let mut names = vec![word(&mut chars)];
                names.extend(fields(&mut chars)?);
                Token::Field(names)
            }
            '.' => Token::Field(Vec::new()),
            '+' | '-' | '0'..='9' => number(c, &mut chars)?,
            c if is_of_word(c) => Token::Word(format!("{c}{}", word(&mut chars))),
            other => {
                return Err(TemplateError::Syntax(format!(
                    "unexpected {other:?} in a template"
                )));
            }
        };
        tokens.push(token);
    }
    Ok(tokens)
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn word(chars: &mut Chars<'_>) -> String {
    let mut word = String::new();
    while let Some(c) = chars.next_if(|c| is_of_word(*c)) {
        word.push(c);
    }
    word
}

/// `.name.name`, as far as it follows at once.
fn fields(chars: &mut Chars<'_>) -> Result<Vec<String>, TemplateError> {
    let mut names = Vec::new();
    while chars.next_if_eq(&'.').is_some() {
        let name = word(chars);
        if name.is_empty() {
            return Err(TemplateError::syntax("unexpected . in a template"));
        }
        names.push(name);
    }
    Ok(names)
}

fn number(first: char, chars: &mut Chars<'_>) -> Result<Token, TemplateError> {
    let mut text = String::from(first);
    while let Some(c) = chars.peek() {
        let sign = matches!(c, '+' | '-') && text.ends_with(['e', 'E']) && !text.starts_with("0x");
        if !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_') || sign) {
            break;
        }
        text.extend(chars.next());
    }
    let plain = text.replace('_', "");
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let whole = [("0x", 16), ("0X", 16), ("0b", 2), ("0o", 8)]
        .into_iter()
        .find_map(|(prefix, radix)| i64::from_str_radix(digits.strip_prefix(prefix)?, radix).ok());
    if let Some(int) = whole.or_else(|| digits.parse().ok()) {
        return Ok(Token::Int(sign * int));
    }
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    match plain.parse() {
        Ok(number) if is_number => Ok(Token::Number(number)),
        _ => Err(TemplateError::Syntax(format!(
            "bad number syntax: {text:?}"
        ))),
    }
}

fn quoted(quote: char, chars: &mut Chars<'_>) -> Result<String, TemplateError> {
    let mut text = String::new();
    while let Some(c) = chars.next() {
        match c {
            c if c == quote => return Ok(text),
            '\\' if quote != '`' => text.push(escaped(chars)?),
            other => text.push(other),
        }
    }
    Err(TemplateError::syntax("a quote is not closed in a template"))
}

fn escaped(chars: &mut Chars<'_>) -> Result<char, TemplateError> {
    let wrong = || TemplateError::syntax("an escape in a quoted text is not known");
    let Some(letter) = chars.next() else {
        return Err(wrong());
    };
    Ok(match letter {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        'x' => return hex(chars, 2).ok_or_else(wrong),
        'u' => return hex(chars, 4).ok_or_else(wrong),
        'U' => return hex(chars, 8).ok_or_else(wrong),
        '\\' | '"' | '\'' => letter,
        _ => return Err(wrong()),
    })
}

fn hex(chars: &mut Chars<'_>, digits: usize) -> Option<char> {
    let text: String = chars.take(digits).collect();
    let code = u32::from_str_radix(&text, 16).ok()?;
    (text.len() == digits).then_some(())?;
    char::from_u32(code)
}

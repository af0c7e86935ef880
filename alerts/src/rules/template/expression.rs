use std::fmt;

use super::format::shortest;
use super::{Scope, TemplateError, functions};

const CONTROL: [&str; 9] = [
    "if", "else", "end", "range", "with", "define", "template", "block", "break",
];

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Text(String),
    Labels(Vec<(String, String)>),
    Truth(bool),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => f.write_str(&shortest(*number)),
            Self::Text(text) => f.write_str(text),
            Self::Truth(truth) => truth.fmt(f),
            Self::Labels(labels) => {
                let pairs: Vec<String> = labels.iter().map(|(n, v)| format!("{n}:{v}")).collect();
                write!(f, "map[{}]", pairs.join(" "))
            }
        }
    }
}

/// Commands joined by pipes: the value of each becomes the last argument of the next.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expression(Vec<Vec<Operand>>);

#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Value(Value),
    Function(String),
    SampleValue,
    ExternalUrl,
    Labels,
    Label(String),
    Nested(Expression),
}

impl Expression {
    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut tokens = tokens(text)?;
        if let Some(Token::Word(word)) = tokens.first() {
            let is_control = CONTROL.contains(&word.as_str()) || word.contains(":=");
            if is_control {
                return Err(TemplateError::Unsupported(word.clone()));
            }
        }
        tokens.reverse();
        let expression = Self::pipeline(&mut tokens)?;
        match tokens.pop() {
            None => Ok(expression),
            Some(_) => Err(TemplateError::Syntax(
                "a ) too many in a template".to_owned(),
            )),
        }
    }

    /// Reads up to a closing parenthesis or the end. `tokens` come last first.
    fn pipeline(tokens: &mut Vec<Token>) -> Result<Self, TemplateError> {
        let mut commands = vec![Vec::new()];
        while let Some(token) = tokens.pop() {
            let command = commands.last_mut().expect("there is always a command");
            match token {
                Token::Pipe if command.is_empty() => break,
                Token::Pipe => commands.push(Vec::new()),
                Token::Close => {
                    tokens.push(Token::Close);
                    break;
                }
                Token::Open => {
                    command.push(Operand::Nested(Self::pipeline(tokens)?));
                    if tokens.pop() != Some(Token::Close) {
                        let reason = "a ( is not closed in a template";
                        return Err(TemplateError::Syntax(reason.to_owned()));
                    }
                }
                Token::Quoted(text) => command.push(Operand::Value(Value::Text(text))),
                Token::Word(word) => command.push(Operand::word(&word)?),
            }
        }
        if commands.iter().any(Vec::is_empty) {
            let reason = "a template has nothing where a value is expected";
            return Err(TemplateError::Syntax(reason.to_owned()));
        }
        Ok(Self(commands))
    }

    pub(super) fn value(&self, scope: &Scope<'_>) -> Result<Value, TemplateError> {
        let mut piped = None;
        for command in &self.0 {
            let (first, rest) = command.split_first().expect("no command is empty");
            let mut arguments = Vec::new();
            for operand in rest {
                arguments.push(operand.value(scope)?);
            }
            arguments.extend(piped.take());
            piped = Some(match first {
                Operand::Function(name) => functions::call(name, &arguments)?,
                value if arguments.is_empty() => value.value(scope)?,
                _ => {
                    let reason = "a value cannot be given arguments";
                    return Err(TemplateError::Failed(reason.to_owned()));
                }
            });
        }
        Ok(piped.expect("there is always a command"))
    }
}

impl Operand {
    fn word(word: &str) -> Result<Self, TemplateError> {
        let label = |name: &str| Self::Label(name.to_owned());
        let operand = match word {
            "$value" | ".Value" => Self::SampleValue,
            "$labels" | ".Labels" => Self::Labels,
            "$externalURL" | ".ExternalURL" => Self::ExternalUrl,
            "true" | "false" => Self::Value(Value::Truth(word == "true")),
            _ => {
                let of_labels = ["$labels.", ".Labels."];
                if let Some(name) = of_labels.iter().find_map(|p| word.strip_prefix(p)) {
                    label(name)
                } else if let Ok(number) = word.parse() {
                    Self::Value(Value::Number(number))
                } else if word.starts_with(['$', '.']) {
                    return Err(TemplateError::Unsupported(word.to_owned()));
                } else {
                    Self::Function(word.to_owned())
                }
            }
        };
        Ok(operand)
    }

    fn value(&self, scope: &Scope<'_>) -> Result<Value, TemplateError> {
        Ok(match self {
            Self::Value(value) => value.clone(),
            Self::SampleValue => Value::Number(scope.value),
            Self::ExternalUrl => Value::Text(scope.external_url.to_owned()),
            Self::Label(name) => Value::Text(scope.labels.get(name).unwrap_or_default().to_owned()),
            Self::Labels => Value::Labels(
                scope
                    .labels
                    .iter()
                    .map(|(n, v)| (n.to_owned(), v.to_owned()))
                    .collect(),
            ),
            Self::Function(name) if name == "now" => Value::Number(scope.now.as_secs_f64()),
            Self::Function(name) => functions::call(name, &[])?,
            Self::Nested(expression) => expression.value(scope)?,
        })
    }
}

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Pipe,
    Open,
    Close,
}

fn tokens(text: &str) -> Result<Vec<Token>, TemplateError> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            '|' => tokens.push(Token::Pipe),
            '(' => tokens.push(Token::Open),
            ')' => tokens.push(Token::Close),
            '"' | '`' => tokens.push(Token::Quoted(quoted(c, &mut chars)?)),
            first => {
                let mut word = String::from(first);
                while let Some(c) =
                    chars.next_if(|c| !c.is_whitespace() && !matches!(c, '|' | '(' | ')' | '"'))
                {
                    word.push(c);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

fn quoted(quote: char, chars: &mut impl Iterator<Item = char>) -> Result<String, TemplateError> {
    let mut text = String::new();
    while let Some(c) = chars.next() {
        match c {
            c if c == quote => return Ok(text),
            '\\' if quote == '"' => match chars.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some(other) => text.push(other),
                None => break,
            },
            other => text.push(other),
        }
    }
    Err(TemplateError::Syntax(
        "a quote is not closed in a template".to_owned(),
    ))
}

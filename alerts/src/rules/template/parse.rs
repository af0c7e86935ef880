use std::collections::BTreeMap;

use super::TemplateError;
use super::functions::is_function;
use super::message::Dialect;
use super::node::{Branch, Node, Operand, Pipeline};
use super::segments::{Segment, segments};
use super::token::Token;

/// The templates that a text defines, by their names.
pub(super) type Definitions = BTreeMap<String, Vec<Node>>;

/// How deep actions and brackets may nest.
const MOST_DEPTH: usize = 100;

/// Variables that every text knows, beside `$`.
const GIVEN: [&str; 5] = ["$", "$labels", "$externalLabels", "$externalURL", "$value"];

pub(super) fn parse(
    text: &str,
    dialect: Dialect,
) -> Result<(Vec<Node>, Definitions), TemplateError> {
    let given: &[&str] = match dialect {
        Dialect::Rules => &GIVEN,
        Dialect::Messages { .. } => &GIVEN[..1],
    };
    let mut parser = Parser {
        dialect,
        segments: segments(text)?.into_iter(),
        variables: given.iter().map(|name| (*name).to_owned()).collect(),
        definitions: Definitions::new(),
        depth: 0,
        ranges: 0,
    };
    match parser.list()? {
        (nodes, Stop::Text) => Ok((nodes, parser.definitions)),
        (_, Stop::End) => Err(TemplateError::syntax("unexpected {{end}}")),
        (_, Stop::Else(_)) => Err(TemplateError::syntax("unexpected {{else}}")),
    }
}

struct Parser {
    dialect: Dialect,
    segments: std::vec::IntoIter<Segment>,
    /// Those known here, the innermost last.
    variables: Vec<String>,
    definitions: Definitions,
    depth: usize,
    /// How many `range` surround what is read.
    ranges: usize,
}

/// What ended a list of nodes.
enum Stop {
    Text,
    End,
    /// With what stands behind `else`.
    Else(Vec<Token>),
}

impl Parser {
    fn list(&mut self) -> Result<(Vec<Node>, Stop), TemplateError> {
        let mut nodes = Vec::new();
        while let Some(segment) = self.segments.next() {
            let tokens = match segment {
                Segment::Plain(text) => {
                    nodes.push(Node::Plain(text));
                    continue;
                }
                Segment::Action(tokens) => tokens,
            };
            let word = match tokens.first() {
                Some(Token::Word(word)) => word.as_str(),
                _ => "",
            };
            let node = match word {
                "end" => return Ok((nodes, Stop::End)),
                "else" => return Ok((nodes, Stop::Else(tokens[1..].to_vec()))),
                "if" => Node::If(self.branch(&tokens[1..], false)?),
                "with" => Node::With(self.branch(&tokens[1..], false)?),
                "range" => Node::Range(self.branch(&tokens[1..], true)?),
                "define" => {
                    self.definition(&tokens[1..])?;
                    continue;
                }
                "block" => self.block(&tokens[1..])?,
                "template" => self.template(&tokens[1..])?,
                "break" | "continue" if self.ranges == 0 => {
                    return Err(TemplateError::Syntax(format!(
                        "{{{{{word}}}}} outside {{{{range}}}}"
                    )));
                }
                "break" => Node::Break,
                "continue" => Node::Continue,
                _ => Node::Print(self.pipeline(&tokens, 1)?),
            };
            nodes.push(node);
        }
        Ok((nodes, Stop::Text))
    }

    fn branch(&mut self, tokens: &[Token], is_range: bool) -> Result<Branch, TemplateError> {
        self.deeper()?;
        let known = self.variables.len();
        let pipeline = self.pipeline(tokens, if is_range { 2 } else { 1 })?;
        self.ranges += usize::from(is_range);
        let (then, stop) = self.list()?;
        self.ranges -= usize::from(is_range);
        let otherwise = match stop {
            Stop::Text => return Err(TemplateError::syntax("unexpected EOF: {{end}} is missing")),
            Stop::End => Vec::new(),
            Stop::Else(rest) => self.otherwise(&rest)?,
        };
        self.variables.truncate(known);
        self.depth -= 1;
        Ok(Branch {
            pipeline,
            then,
            otherwise,
        })
    }

    /// `else`, or `else if …` and `else with …`, which share the one `end`.
    fn otherwise(&mut self, rest: &[Token]) -> Result<Vec<Node>, TemplateError> {
        match rest.first() {
            None => match self.list()? {
                (nodes, Stop::End) => Ok(nodes),
                (_, Stop::Else(_)) => Err(TemplateError::syntax("expected end; found {{else}}")),
                (_, Stop::Text) => Err(TemplateError::syntax("unexpected EOF: {{end}} is missing")),
            },
            Some(Token::Word(word)) if word == "if" => {
                Ok(vec![Node::If(self.branch(&rest[1..], false)?)])
            }
            Some(Token::Word(word)) if word == "with" => {
                Ok(vec![Node::With(self.branch(&rest[1..], false)?)])
            }
            Some(_) => Err(TemplateError::syntax("unexpected words behind else")),
        }
    }

    fn definition(&mut self, tokens: &[Token]) -> Result<(), TemplateError> {
        let [Token::Quoted(name)] = tokens else {
            return Err(TemplateError::syntax("define needs a name in quotes"));
        };
        if self.depth > 0 {
            return Err(TemplateError::syntax("unexpected {{define}}"));
        }
        self.body_of(name)
    }

    /// Reads a body of its own up to `end`: it knows no variable but `$`.
    fn body_of(&mut self, name: &str) -> Result<(), TemplateError> {
        self.deeper()?;
        let outer = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let ranges = std::mem::take(&mut self.ranges);
        let (nodes, stop) = self.list()?;
        if !matches!(stop, Stop::End) {
            return Err(TemplateError::Syntax(format!(
                "the template {name:?} has no {{{{end}}}}"
            )));
        }
        (self.variables, self.ranges) = (outer, ranges);
        self.depth -= 1;
        match self.definitions.insert(name.to_owned(), nodes) {
            None => Ok(()),
            Some(_) => Err(TemplateError::Syntax(format!(
                "multiple definition of template {name:?}"
            ))),
        }
    }

    fn block(&mut self, tokens: &[Token]) -> Result<Node, TemplateError> {
        let node = self.template(tokens)?;
        match &node {
            Node::Template(name, Some(_)) => self.body_of(&name.clone())?,
            _ => return Err(TemplateError::syntax("block needs a name and a value")),
        }
        Ok(node)
    }

    fn template(&mut self, tokens: &[Token]) -> Result<Node, TemplateError> {
        let [Token::Quoted(name), rest @ ..] = tokens else {
            return Err(TemplateError::syntax("template needs a name in quotes"));
        };
        let pipeline = if rest.is_empty() {
            None
        } else {
            Some(self.pipeline(rest, 1)?)
        };
        Ok(Node::Template(name.clone(), pipeline))
    }

    fn deeper(&mut self) -> Result<(), TemplateError> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(TemplateError::syntax("a template is nested too deeply"));
        }
        Ok(())
    }

    /// A whole pipeline, which may give its value to as many as `most` variables.
    fn pipeline(&mut self, tokens: &[Token], most: usize) -> Result<Pipeline, TemplateError> {
        let (variables, assigns, rest) = given(tokens, most)?;
        let mut rest = rest.iter();
        let mut pipeline = self.commands(&mut rest, 0)?;
        if rest.next().is_some() {
            return Err(TemplateError::syntax("unexpected ) in a template"));
        }
        for name in &variables {
            if assigns && !self.variables.contains(name) {
                return Err(undefined(name));
            }
            if !assigns {
                self.variables.push(name.clone());
            }
        }
        (pipeline.variables, pipeline.assigns) = (variables, assigns);
        Ok(pipeline)
    }

    /// Reads up to a closing bracket, which is left, or the end.
    fn commands(
        &self,
        tokens: &mut std::slice::Iter<'_, Token>,
        depth: usize,
    ) -> Result<Pipeline, TemplateError> {
        if depth > MOST_DEPTH {
            return Err(TemplateError::syntax("a template is nested too deeply"));
        }
        let mut commands = vec![Vec::new()];
        while let Some(token) = tokens.as_slice().first() {
            if matches!(token, Token::Close(_)) {
                break;
            }
            tokens.next();
            let operand = match token {
                Token::Pipe => {
                    commands.push(Vec::new());
                    continue;
                }
                Token::Open => {
                    let nested = self.commands(tokens, depth + 1)?;
                    let Some(Token::Close(fields)) = tokens.next() else {
                        return Err(TemplateError::syntax("unclosed left paren"));
                    };
                    Operand::Nested(nested, fields.clone())
                }
                other => self.operand(other)?,
            };
            commands
                .last_mut()
                .expect("there is always one")
                .push(operand);
        }
        if commands.iter().any(Vec::is_empty) {
            return Err(TemplateError::syntax("missing value for command"));
        }
        let piped_into = commands.iter().skip(1);
        let mut values = piped_into.filter(|command| is_constant(&command[0]));
        if values.next().is_some() {
            return Err(TemplateError::syntax(
                "non executable command in pipeline: a value is piped into a constant",
            ));
        }
        Ok(Pipeline {
            variables: Vec::new(),
            assigns: false,
            commands,
        })
    }

    fn operand(&self, token: &Token) -> Result<Operand, TemplateError> {
        Ok(match token {
            Token::Int(int) => Operand::Int(*int),
            Token::Number(number) => Operand::Number(*number),
            Token::Quoted(text) => Operand::Quoted(text.clone()),
            Token::Field(names) => Operand::Field(names.clone()),
            Token::Variable(name, fields) if self.variables.contains(name) => {
                Operand::Variable(name.clone(), fields.clone())
            }
            Token::Variable(name, _) => return Err(undefined(name)),
            Token::Word(word) => match word.as_str() {
                "true" | "false" => Operand::Truth(word == "true"),
                "nil" => Operand::Nil,
                word if is_function(word, self.dialect) => Operand::Function(word.to_owned()),
                word => {
                    return Err(TemplateError::Syntax(format!(
                        "function {word:?} not defined"
                    )));
                }
            },
            Token::Pipe | Token::Open | Token::Close(_) => {
                return Err(TemplateError::syntax("a bracket is not expected here"));
            }
            Token::Comma | Token::Declare | Token::Assign => {
                return Err(TemplateError::syntax(
                    "a variable is given a value where none may be",
                ));
            }
        })
    }
}

/// `$a := …`, `$a = …`, `$a, $b := …`: the variables, whether they are there already, and the rest.
fn given(tokens: &[Token], most: usize) -> Result<(Vec<String>, bool, &[Token]), TemplateError> {
    let plain = |token: &Token| match token {
        Token::Variable(name, fields) if fields.is_empty() => Some(name.clone()),
        _ => None,
    };
    let (names, sign, rest) = match tokens {
        [a, sign @ (Token::Declare | Token::Assign), rest @ ..] => (vec![plain(a)], sign, rest),
        [
            a,
            Token::Comma,
            b,
            sign @ (Token::Declare | Token::Assign),
            rest @ ..,
        ] => (vec![plain(a), plain(b)], sign, rest),
        _ => return Ok((Vec::new(), false, tokens)),
    };
    let names: Option<Vec<String>> = names.into_iter().collect();
    match names {
        Some(names) if names.len() <= most => Ok((names, *sign == Token::Assign, rest)),
        Some(_) => Err(TemplateError::syntax("too many declarations")),
        None => Err(TemplateError::syntax(
            "only a variable can be given a value",
        )),
    }
}

fn undefined(name: &str) -> TemplateError {
    TemplateError::Syntax(format!("undefined variable {name:?}"))
}

fn is_constant(operand: &Operand) -> bool {
    matches!(
        operand,
        Operand::Nil
            | Operand::Truth(_)
            | Operand::Int(_)
            | Operand::Number(_)
            | Operand::Quoted(_)
    )
}

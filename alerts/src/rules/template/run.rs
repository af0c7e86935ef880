use std::collections::BTreeMap;
use std::sync::Arc;

use super::message::{self, Dialect};
use super::node::{Branch, Command, Node, Operand, Pipeline};
use super::parse::Definitions;
use super::value::Value;
use super::{Scope, TemplateError, builtins, functions};

/// How many actions a template may take, so that no text of a rule holds up its group.
const MOST_STEPS: usize = 100_000;
/// How long a text may grow, in bytes.
const MOST_TEXT: usize = 1 << 20;
/// How deep templates may call each other.
const MOST_DEPTH: usize = 50;

/// A template that is being filled.
pub(super) struct Run<'a> {
    scope: &'a Scope<'a>,
    definitions: &'a Definitions,
    /// The innermost last.
    variables: Vec<(String, Value)>,
    dialect: Dialect,
    steps: usize,
    depth: usize,
}

/// What comes after a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

impl<'a> Run<'a> {
    pub(super) fn new(scope: &'a Scope<'a>, definitions: &'a Definitions) -> Self {
        Self {
            scope,
            definitions,
            variables: Vec::new(),
            dialect: Dialect::Rules,
            steps: 0,
            depth: 0,
        }
    }

    pub(super) fn whole(&mut self, nodes: &[Node]) -> Result<String, TemplateError> {
        let scope = self.scope;
        self.variables = vec![("$".to_owned(), Value::Root)];
        for (variable, field) in [
            ("$labels", "Labels"),
            ("$externalLabels", "ExternalLabels"),
            ("$externalURL", "ExternalURL"),
            ("$value", "Value"),
        ] {
            let value = scope.field(field).unwrap_or(Value::Nothing);
            self.variables.push((variable.to_owned(), value));
        }
        let mut text = String::new();
        self.nodes(nodes, &Value::Root, &mut text)?;
        Ok(text)
    }

    /// As [`Self::whole`], of a message: the dot is what it is made of.
    pub(super) fn message(
        &mut self,
        nodes: &[Node],
        data: &Value,
        dialect: Dialect,
    ) -> Result<String, TemplateError> {
        self.dialect = dialect;
        self.variables = vec![("$".to_owned(), data.clone())];
        let mut text = String::new();
        self.nodes(nodes, data, &mut text)?;
        Ok(text)
    }

    pub(super) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(super) const fn scope(&self) -> &'a Scope<'a> {
        self.scope
    }

    /// The text of a template that was defined, made of a value.
    pub(super) fn defined(&mut self, name: &str, dot: &Value) -> Result<String, TemplateError> {
        let definitions = self.definitions;
        let nodes = definitions
            .get(name)
            .ok_or_else(|| TemplateError::Failed(format!("template {name:?} not defined")))?;
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(TemplateError::failed(
                "templates call each other too deeply",
            ));
        }
        let own = vec![("$".to_owned(), dot.clone())];
        let outer = std::mem::replace(&mut self.variables, own);
        let mut text = String::new();
        let done = self.nodes(nodes, dot, &mut text);
        self.variables = outer;
        self.depth -= 1;
        done.map(|_| text)
    }

    fn nodes(
        &mut self,
        nodes: &[Node],
        dot: &Value,
        text: &mut String,
    ) -> Result<Flow, TemplateError> {
        let known = self.variables.len();
        let mut flow = Flow::Next;
        for node in nodes {
            flow = self.node(node, dot, text)?;
            if flow != Flow::Next {
                break;
            }
        }
        self.variables.truncate(known);
        Ok(flow)
    }

    fn node(&mut self, node: &Node, dot: &Value, text: &mut String) -> Result<Flow, TemplateError> {
        self.steps += 1;
        if self.steps > MOST_STEPS || text.len() > MOST_TEXT {
            return Err(TemplateError::failed("the text grows too long"));
        }
        match node {
            Node::Plain(plain) => text.push_str(plain),
            Node::Print(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                if pipeline.variables.is_empty() {
                    text.push_str(&self.printed(&value));
                }
            }
            Node::If(branch) => return self.choice(branch, dot, text, false),
            Node::With(branch) => return self.choice(branch, dot, text, true),
            Node::Range(branch) => return self.range(branch, dot, text),
            Node::Template(name, pipeline) => {
                let value = match pipeline {
                    Some(pipeline) => self.pipeline(pipeline, dot)?,
                    None => Value::Nothing,
                };
                text.push_str(&self.defined(name, &value)?);
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn printed(&self, value: &Value) -> String {
        match value {
            Value::Safe(text) => text.clone(),
            other if self.dialect == (Dialect::Messages { is_html: true }) => {
                builtins::html(&other.to_string())
            }
            other => other.to_string(),
        }
    }

    fn choice(
        &mut self,
        branch: &Branch,
        dot: &Value,
        text: &mut String,
        moves_dot: bool,
    ) -> Result<Flow, TemplateError> {
        let known = self.variables.len();
        let value = self.pipeline(&branch.pipeline, dot)?;
        let flow = match (value.is_something(), moves_dot) {
            (true, true) => self.nodes(&branch.then, &value, text),
            (true, false) => self.nodes(&branch.then, dot, text),
            (false, _) => self.nodes(&branch.otherwise, dot, text),
        };
        self.variables.truncate(known);
        flow
    }

    fn range(
        &mut self,
        branch: &Branch,
        dot: &Value,
        text: &mut String,
    ) -> Result<Flow, TemplateError> {
        let known = self.variables.len();
        let over = self.pipeline(&branch.pipeline, dot)?;
        let elements = elements(&over)?;
        self.variables.truncate(known);
        if elements.is_empty() {
            return self.nodes(&branch.otherwise, dot, text);
        }
        for (key, value) in elements {
            match branch.pipeline.variables.as_slice() {
                [] => {}
                [one] => self.give(one, value.clone(), branch.pipeline.assigns),
                [first, second, ..] => {
                    self.give(first, key, branch.pipeline.assigns);
                    self.give(second, value.clone(), branch.pipeline.assigns);
                }
            }
            let flow = self.nodes(&branch.then, &value, text)?;
            self.variables.truncate(known);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::Next)
    }

    fn give(&mut self, name: &str, value: Value, assigns: bool) {
        let known = self.variables.iter_mut().rev().find(|(n, _)| n == name);
        match known {
            Some((_, known)) if assigns => *known = value,
            _ => self.variables.push((name.to_owned(), value)),
        }
    }

    pub(super) fn pipeline(
        &mut self,
        pipeline: &Pipeline,
        dot: &Value,
    ) -> Result<Value, TemplateError> {
        let mut piped = None;
        for command in &pipeline.commands {
            piped = Some(self.command(command, dot, piped)?);
        }
        let value = piped.unwrap_or(Value::Nothing);
        for name in &pipeline.variables {
            self.give(name, value.clone(), pipeline.assigns);
        }
        Ok(value)
    }

    fn command(
        &mut self,
        command: &Command,
        dot: &Value,
        piped: Option<Value>,
    ) -> Result<Value, TemplateError> {
        let (first, rest) = command.split_first().expect("no command is empty");
        if let Operand::Function(name) = first
            && matches!(name.as_str(), "and" | "or")
        {
            return self.joined(name == "and", rest, dot, piped);
        }
        let mut arguments = Vec::with_capacity(rest.len() + 1);
        for operand in rest {
            arguments.push(self.operand(operand, dot)?);
        }
        arguments.extend(piped);
        match first {
            Operand::Function(name) => functions::call(name, &arguments, self),
            Operand::Field(names) => self.chain(dot.clone(), names, &arguments),
            Operand::Variable(name, names) => self.chain(self.variable(name), names, &arguments),
            Operand::Nested(pipeline, names) => {
                let value = self.pipeline(pipeline, dot)?;
                self.chain(value, names, &arguments)
            }
            Operand::Nil => Err(TemplateError::failed("nil is not a command")),
            constant if arguments.is_empty() => self.operand(constant, dot),
            _ => Err(not_a_function()),
        }
    }

    /// `and` and `or` look at no more arguments than they need.
    fn joined(
        &mut self,
        all: bool,
        operands: &[Operand],
        dot: &Value,
        piped: Option<Value>,
    ) -> Result<Value, TemplateError> {
        let mut last = None;
        for operand in operands {
            let value = self.operand(operand, dot)?;
            if value.is_something() != all {
                return Ok(value);
            }
            last = Some(value);
        }
        piped
            .or(last)
            .ok_or_else(|| TemplateError::failed("and, or: an argument is missing"))
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value, TemplateError> {
        Ok(match operand {
            Operand::Nil => Value::Nothing,
            Operand::Truth(truth) => Value::Truth(*truth),
            Operand::Int(int) => Value::Int(*int),
            Operand::Number(number) => Value::Number(*number),
            Operand::Quoted(text) => Value::Text(text.clone()),
            Operand::Function(name) => functions::call(name, &[], self)?,
            Operand::Field(names) => self.chain(dot.clone(), names, &[])?,
            Operand::Variable(name, names) => self.chain(self.variable(name), names, &[])?,
            Operand::Nested(pipeline, names) => {
                let value = self.pipeline(pipeline, dot)?;
                self.chain(value, names, &[])?
            }
        })
    }

    fn variable(&self, name: &str) -> Value {
        let known = self.variables.iter().rev().find(|(n, _)| n == name);
        known.map_or(Value::Nothing, |(_, value)| value.clone())
    }

    /// Follows names into a value; only the last may be a method that takes arguments.
    fn chain(
        &self,
        mut value: Value,
        names: &[String],
        arguments: &[Value],
    ) -> Result<Value, TemplateError> {
        let scope = self.scope;
        for (at, name) in names.iter().enumerate() {
            let is_last = at + 1 == names.len();
            let given = if is_last { arguments } else { &[] };
            if let Some(found) = builtins::method(&value, name, given)? {
                if is_last {
                    return Ok(found);
                }
                value = found;
                continue;
            }
            value = value.field(name, &|field| scope.field(field))?;
        }
        if arguments.is_empty() {
            Ok(value)
        } else {
            Err(not_a_function())
        }
    }
}

fn not_a_function() -> TemplateError {
    TemplateError::failed("can't give argument to non-function")
}

/// What `range` goes over: keys and values.
fn elements(value: &Value) -> Result<Vec<(Value, Value)>, TemplateError> {
    fn of<V: Clone>(map: &Arc<BTreeMap<String, V>>, made: fn(V) -> Value) -> Vec<(Value, Value)> {
        map.iter()
            .map(|(name, value)| (Value::Text(name.clone()), made(value.clone())))
            .collect()
    }
    match value {
        Value::Pairs(pairs) => {
            let places = (0..).map(Value::Int);
            Ok(places.zip(pairs.iter().map(message::pair)).collect())
        }
        Value::Kv(set) => Ok(of(set, Value::Text)),
        Value::List(list) | Value::Alerts(list) => {
            let places = (0..).map(Value::Int);
            Ok(places.zip(list.iter().cloned()).collect())
        }
        Value::Labels(labels) => Ok(of(labels, Value::Text)),
        Value::Map(map) => Ok(of(map, |value| value)),
        Value::Int(count) => {
            let most = i64::try_from(MOST_STEPS).unwrap_or(i64::MAX);
            let all = 0..(*count).min(most);
            Ok(all.map(|at| (Value::Int(at), Value::Int(at))).collect())
        }
        Value::Nothing => Ok(Vec::new()),
        other => Err(TemplateError::Failed(format!(
            "range can't iterate over {other}"
        ))),
    }
}

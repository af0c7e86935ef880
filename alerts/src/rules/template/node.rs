//! A template as read.

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Plain(String),
    Print(Pipeline),
    If(Branch),
    With(Branch),
    Range(Branch),
    /// The text of another template, made of the pipeline's value.
    Template(String, Option<Pipeline>),
    Break,
    Continue,
}

/// What is done where a pipeline's value is something, and where it is nothing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Branch {
    pub pipeline: Pipeline,
    pub then: Vec<Node>,
    pub otherwise: Vec<Node>,
}

/// Commands: the value of each becomes the last argument of the next.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pipeline {
    /// The variables that take its value; two only in a `range`.
    pub variables: Vec<String>,
    /// Whether they are there already.
    pub assigns: bool,
    /// Never empty.
    pub commands: Vec<Command>,
}

/// A function or value, and arguments. Never empty.
pub(super) type Command = Vec<Operand>;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Nil,
    Truth(bool),
    Int(i64),
    Number(f64),
    Quoted(String),
    Function(String),
    /// Of what the dot is, or the dot itself.
    Field(Vec<String>),
    Variable(String, Vec<String>),
    Nested(Pipeline, Vec<String>),
}

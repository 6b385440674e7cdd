//! Executes templates, with Go's semantics.
//!
//! One file for each of the steps: nodes ([`walk`]), pipelines and operands ([`evaluate`]), fields and methods
//! ([`field`]), calls ([`call`]), and Go's own functions ([`builtins`], [`compare`], [`escape`], [`index`]).

mod builtins;
mod call;
mod compare;
mod escape;
mod evaluate;
mod failing;
mod field;
mod index;
mod limits;
mod walk;

use std::sync::Arc;

use crate::Error;
use crate::templates::{Definitions, Functions, Template, Templates};
use crate::value::{Text, Value};

pub(crate) use builtins::is_builtin;
use failing::At;
pub use limits::Limits;

/// What an entry that a map does not have gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingKey {
    /// The zero of the map's element type: `missingkey=zero`.
    #[default]
    Zero,
    /// An error: `missingkey=error`.
    Error,
}

/// An execution under way: what functions see of it, and the state of the executor.
pub struct Execution<'a, C> {
    functions: &'a Functions<C>,
    context: &'a mut C,
    templates: Arc<Templates>,
    missing_key: MissingKey,
    limits: Limits,
    /// Every variable of every template that is being executed, the innermost last.
    variables: Vec<Variable>,
    /// Where the variables of the current template begin.
    base: usize,
    /// How many templates are being executed inside each other.
    depth: usize,
    steps: u64,
    written: usize,
    /// The template that is being executed.
    current: Option<Arc<Template>>,
    /// What is being looked at, for errors.
    at: At,
}

struct Variable {
    name: Arc<str>,
    value: Dot,
}

/// What the dot or a variable stands for.
#[derive(Clone, Default)]
struct Dot {
    value: Value,
    /// Whether it is an element of a list or map that holds anything. Go then knows no more of its type, and of a nil
    /// not even that.
    in_interface: bool,
}

impl From<Value> for Dot {
    fn from(value: Value) -> Self {
        Self { value, in_interface: false }
    }
}

/// What stops a walk.
enum Stop {
    Break,
    Continue,
    Error(Box<Error>),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(Box::new(error))
    }
}

type Result<T, E = Stop> = std::result::Result<T, E>;

impl<'a, C> Execution<'a, C> {
    /// An execution of `templates`, whose functions get `context`.
    pub fn new(functions: &'a Functions<C>, templates: Arc<Templates>, context: &'a mut C) -> Self {
        Self {
            functions,
            context,
            templates,
            missing_key: MissingKey::default(),
            limits: Limits::default(),
            variables: Vec::new(),
            base: 0,
            depth: 0,
            steps: 0,
            written: 0,
            current: None,
            at: At::default(),
        }
    }

    /// Sets what a missing entry gives.
    pub fn missing_key(&mut self, missing_key: MissingKey) {
        self.missing_key = missing_key;
    }

    /// Sets how far the execution may go.
    pub fn limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// What the caller gave to the functions.
    pub fn context(&mut self) -> &mut C {
        self.context
    }

    /// The set of templates in which the execution is.
    pub fn templates(&self) -> &Arc<Templates> {
        &self.templates
    }

    /// The functions that templates may call.
    pub fn functions(&self) -> &'a Functions<C> {
        self.functions
    }

    /// Executes the template `name` with `data` as its dot, and gives what it wrote.
    pub fn execute(&mut self, name: &str, data: &Value) -> Result<Text, Error> {
        let Some(template) = self.templates.get(name).cloned() else {
            return Err(Error::NoTemplate { name: name.to_owned(), set: self.templates.name().to_owned() });
        };
        self.run(template, data)
    }

    /// Executes what `definitions` define under their own name, with `data` as its dot. What else they define is
    /// there only meanwhile.
    pub fn execute_defined(&mut self, definitions: Definitions, data: &Value) -> Result<Text, Error> {
        let Some(main) = definitions.main().cloned() else { return Ok(Text::from("")) };
        let mut inner = Templates::inside(self.templates.clone());
        inner.add_parsed(definitions);
        let outer = std::mem::replace(&mut self.templates, Arc::new(inner));
        let result = self.run(main, data);
        self.templates = outer;
        result
    }

    /// Executes a template on its own: with no variables but `$`, and output of its own.
    fn run(&mut self, template: Arc<Template>, data: &Value) -> Result<Text, Error> {
        let mut out = Vec::new();
        match self.enter(template, &Dot::from(data.clone()), &mut out) {
            Ok(()) => Ok(Text::from_bytes(out)),
            Err(Stop::Error(error)) => Err(*error),
            Err(Stop::Break | Stop::Continue) => Err(Error::Limit("break or continue outside of a range".into())),
        }
    }

    /// Walks through a template with nothing but `$` in sight.
    fn enter(&mut self, template: Arc<Template>, data: &Dot, out: &mut Vec<u8>) -> Result<()> {
        self.check_depth()?;
        let outer = (self.base, self.current.replace(template.clone()), self.at);
        self.base = self.variables.len();
        self.depth += 1;
        self.variables.push(Variable { name: limits::dollar(), value: data.clone() });
        // Templates may call each other far more often than one stack holds.
        let result = stacker::maybe_grow(RED_ZONE, STACK, || self.walk_list(data, &template.list, out));
        self.variables.truncate(self.base);
        self.depth -= 1;
        (self.base, self.current, self.at) = outer;
        result
    }
}

/// What a template may need of the stack before it calls another one, and how much more there is when it is short.
const RED_ZONE: usize = 256 * 1024;
const STACK: usize = 2 * 1024 * 1024;

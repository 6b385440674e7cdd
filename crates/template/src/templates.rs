//! Sets of templates that call each other, and the functions that they may call.

use std::collections::HashMap;
use std::sync::Arc;

use crate::function::Function;
use crate::parse::{self, Delimiters, List, ParseError};

/// A template of a set.
#[derive(Debug)]
pub(crate) struct Template {
    /// Its own name.
    pub(crate) name: Arc<str>,
    /// The text that it was read from, and what that is called.
    pub(crate) source: Arc<Source>,
    /// What it does.
    pub(crate) list: List,
}

/// A text that defines templates.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: Arc<str>,
    pub(crate) text: Arc<str>,
}

/// The functions that templates may call, besides those that Go brings.
pub struct Functions<C> {
    by_name: HashMap<&'static str, Function<C>>,
}

impl<C> Functions<C> {
    /// These functions; of two with one name the last one counts.
    pub fn new(functions: impl IntoIterator<Item = Function<C>>) -> Self {
        Self { by_name: functions.into_iter().map(|function| (function.name, function)).collect() }
    }

    /// The function of that name.
    pub fn get(&self, name: &str) -> Option<&Function<C>> {
        self.by_name.get(name)
    }

    pub(crate) fn is_function(&self, name: &str) -> bool {
        self.by_name.contains_key(name) || crate::exec::is_builtin(name)
    }
}

/// A set of templates that call each other.
///
/// A later template replaces an earlier one of the same name, unless there is nothing but space in it, as in Go.
#[derive(Debug)]
pub struct Templates {
    name: Arc<str>,
    /// Where to look for what this set does not have.
    outer: Option<Arc<Templates>>,
    templates: HashMap<Arc<str>, Arc<Template>>,
}

impl Templates {
    /// An empty set, which errors call `name`.
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), outer: None, templates: HashMap::new() }
    }

    /// A set that has all of `outer`, and to which more can be added without `outer` having it: what cloning a set gives in Go.
    pub fn inside(outer: Arc<Self>) -> Self {
        Self { name: outer.name.clone(), outer: Some(outer), templates: HashMap::new() }
    }

    /// What errors call the set.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds what `text` defines: the template `name`, and those that are defined inside.
    pub fn add<C>(&mut self, name: &str, text: &str, functions: &Functions<C>) -> Result<(), ParseError> {
        self.add_parsed(Definitions::parse(name, text.as_bytes(), functions)?);
        Ok(())
    }

    /// Adds what a text defines.
    pub fn add_parsed(&mut self, definitions: Definitions) {
        for template in definitions.templates {
            self.associate(template);
        }
    }

    fn associate(&mut self, template: Arc<Template>) {
        if template.list.is_blank() && self.get(&template.name).is_some() {
            return;
        }
        self.templates.insert(template.name.clone(), template);
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Template>> {
        let mut set = self;
        loop {
            match (set.templates.get(name), &set.outer) {
                (Some(template), _) => return Some(template),
                (None, Some(outer)) => set = outer,
                (None, None) => return None,
            }
        }
    }
}

/// What one text defines. It can be added to any number of sets whose functions are the same.
#[derive(Clone, Debug)]
pub struct Definitions {
    /// The text's own template comes first.
    templates: Vec<Arc<Template>>,
}

impl Definitions {
    /// Reads `text`, which defines the template `name` and those that are defined inside. Bytes in it that are not UTF-8
    /// are written as they are.
    pub fn parse<C>(name: &str, text: &[u8], functions: &Functions<C>) -> Result<Self, ParseError> {
        Self::parse_between(Delimiters::default(), name, text, functions)
    }

    /// The same of a text whose actions stand between other delimiters.
    pub fn parse_between<C>(
        delimiters: Delimiters,
        name: &str,
        text: &[u8],
        functions: &Functions<C>,
    ) -> Result<Self, ParseError> {
        let (parsed, text) = parse::parse_bytes(name, text, delimiters, &|name| functions.is_function(name))?;
        let source = Arc::new(Source { name: name.into(), text: text.into() });
        let main = (source.name.clone(), parsed.main);
        let templates = std::iter::once(main)
            .chain(parsed.definitions)
            .map(|(name, list)| Arc::new(Template { name, source: source.clone(), list }))
            .collect();
        Ok(Self { templates })
    }

    pub(crate) fn main(&self) -> Option<&Arc<Template>> {
        self.templates.first()
    }
}

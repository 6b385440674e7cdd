//! Executes the templates of charts: Go templates with the functions of sprig and Helm.

mod capabilities;
mod convert;
mod files;
mod functions;
mod glob;
mod values;
mod wording;

use std::rc::Rc;
use std::sync::Arc;

use cowherd_template::{Definitions, Execution, Functions, Limits, Map, Templates, Text, Value};
use jiff::Timestamp;

use crate::functions::Context;
use crate::scope::TemplateSet;
use crate::{Engine, Release};
pub use functions::State;

/// What errors call a text that `tpl` executes, as in Helm.
const SET: &str = "gotpl";

/// Looks objects up in a cluster, for the function `lookup`.
pub trait Lookup {
    /// The object, or a list of them where `name` is empty; `None` where there is none.
    fn lookup(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<serde_json::Value>, String>;
}

/// Why templates could not be executed, in Helm's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EngineError(String);

/// Go templates with the functions of sprig and Helm.
///
/// What is not the same each time (the time, and what random functions give) follows from what is given here, so that
/// the same templates with the same values give the same again.
pub struct GoTemplates<'a> {
    time: Timestamp,
    seed: Vec<u8>,
    zone: Option<String>,
    lookup: Option<&'a dyn Lookup>,
    limits: Limits,
}

impl<'a> GoTemplates<'a> {
    /// Templates that take `time` for the time, and whose random functions follow from `seed`. Passwords and keys are
    /// made of it: where they matter, nobody may know it.
    pub fn new(time: Timestamp, seed: &[u8]) -> Self {
        Self { time, seed: seed.to_owned(), zone: None, lookup: None, limits: Limits::default() }
    }

    /// The same, with the time zone in which dates are shown where a template names none; UTC where there is no such
    /// zone.
    pub fn in_zone(self, name: &str) -> Self {
        Self { zone: Some(name.to_owned()), ..self }
    }

    /// The same, with a cluster for the function `lookup`.
    pub fn with_lookup(self, lookup: &'a dyn Lookup) -> Self {
        Self { lookup: Some(lookup), ..self }
    }

    /// The same, with other bounds on what all templates of a chart may do together.
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }
}

impl GoTemplates<'_> {
    /// What a template gives that is in no chart, as Helm executes `--name-template`: without any data.
    ///
    /// # Errors
    /// When the text is no template, or fails.
    pub fn text(&self, text: &str) -> Result<String, EngineError> {
        let functions = Functions::new(crate::functions::functions());
        let mut templates = Templates::new("name-template");
        templates.add("name-template", text, &functions).map_err(|error| EngineError(error.to_string()))?;
        let mut context = Context::seeded(self.time, &self.seed);
        let mut execution = Execution::new(&functions, Arc::new(templates), &mut context);
        execution.limits(self.limits.clone());
        let written = execution.execute("name-template", &Value::Nil);
        written.map(|text| text.to_str().into_owned()).map_err(|error| EngineError(error.to_string()))
    }
}

impl Engine for GoTemplates<'_> {
    type Error = EngineError;

    fn render(&mut self, set: &TemplateSet<'_>) -> Result<Vec<(String, Text)>, EngineError> {
        let seeded = || Context::seeded(self.time, &self.seed);
        let mut context = self.zone.as_ref().and_then(|zone| seeded().with_zone(zone)).unwrap_or_else(seeded);
        context.engine.lookup = self.lookup;
        execute(set, &mut context, &self.limits).map_err(EngineError)
    }
}

/// What the templates of `set` write, by their names, in the order in which they were executed.
fn execute(set: &TemplateSet<'_>, context: &mut Context<'_>, limits: &Limits) -> Result<Vec<(String, Text)>, String> {
    let functions = Functions::new(crate::functions::functions().chain(functions::functions()));
    let mut templates = Templates::new(SET);
    for template in &set.templates {
        let definitions = Definitions::parse(&template.name, template.text, &functions);
        templates.add_parsed(definitions.map_err(|error| wording::parse_error(&error))?);
    }
    let scopes = scopes(set);
    let mut execution = Execution::new(&functions, Arc::new(templates), context);
    execution.limits(limits.clone());
    let mut rendered = Vec::new();
    for template in set.templates.iter().filter(|template| !template.is_partial()) {
        let (Some(dot), Some(chart)) = (scopes.get(template.chart), set.charts.get(template.chart)) else { continue };
        dot.insert("Template", own_name(&template.name, &chart.base_path));
        let written = execution.execute(&template.name, &Value::Map(values::typed(dot)));
        let written = written.map_err(|error| wording::execution_error(&error))?;
        rendered.push((template.name.clone(), functions::without_no_value(written)));
    }
    Ok(rendered)
}

/// `.Template`.
fn own_name(name: &str, base_path: &str) -> Value {
    let entries = [("Name".into(), Value::from(name)), ("BasePath".into(), Value::from(base_path))];
    Value::Map(values::typed(&entries.into_iter().collect()))
}

/// What the templates of each chart have as their dot. Charts share what they have in common, as in Helm: what one
/// template sets in it, those of other charts find.
fn scopes(set: &TemplateSet<'_>) -> Vec<Map> {
    let values = convert::map(set.values);
    let release = Value::Map(release(set.release));
    let capabilities = capabilities::value(set.capabilities);
    let scopes: Vec<Map> = set
        .charts
        .iter()
        .map(|chart| {
            let mut metadata = chart.metadata.to_map();
            metadata.insert("IsRoot".into(), chart.is_root.into());
            let own = chart.values_path.as_ref().and_then(|path| inside(&values, path)).unwrap_or_default();
            let metadata = convert::map(&metadata);
            // Annotations are texts alone; where there are none, the map has a type all the same.
            let annotations = match metadata.get("Annotations") {
                Some(Value::Map(annotations)) => annotations,
                _ => Map::nil(),
            };
            metadata.insert("Annotations", Value::Map(annotations.as_type("map[string]string")));
            let entries = [
                ("Chart", Value::Map(metadata)),
                ("Files", Value::Object(Rc::new(files::Files::new(chart.files)))),
                ("Release", release.clone()),
                ("Capabilities", capabilities.clone()),
                ("Values", Value::Map(values::typed(&own))),
            ];
            entries.into_iter().map(|(name, value)| (name.into(), value)).collect()
        })
        .collect();
    for (scope, chart) in scopes.iter().zip(&set.charts) {
        let subchart = |(name, at): &(&str, usize)| Some(((*name).into(), Value::Map(scopes.get(*at)?.clone())));
        let subcharts: Map = chart.subcharts.iter().filter_map(subchart).collect();
        scope.insert("Subcharts", Value::Map(subcharts));
    }
    scopes
}

/// `.Release`.
fn release(release: &Release) -> Map {
    let entries = [
        ("Name", Value::from(release.name.as_str())),
        ("Namespace", Value::from(release.namespace.as_str())),
        ("IsUpgrade", Value::Bool(release.is_upgrade)),
        ("IsInstall", Value::Bool(!release.is_upgrade)),
        ("Revision", Value::Int(release.revision)),
        ("Service", Value::from(release.service.as_str())),
    ];
    entries.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

/// The map at `path` inside `values`.
fn inside(values: &Map, path: &[&str]) -> Option<Map> {
    path.iter().try_fold(values.clone(), |map, key| match map.get(key) {
        Some(Value::Map(inner)) => Some(inner),
        _ => None,
    })
}

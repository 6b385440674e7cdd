//! What the templates of a chart and its subcharts see.

use serde_json::{Map, Value};

use crate::chart::{Chart, File, Metadata};
use crate::{Capabilities, Release};

/// Everything that an engine needs to execute the templates of a release, as plain data.
#[derive(Debug)]
pub struct TemplateSet<'a> {
    /// `.Release`.
    pub release: &'a Release,
    /// `.Capabilities`.
    pub capabilities: &'a Capabilities,
    /// The values of the root chart, subcharts' values inside them. Templates of a parent and of its subcharts see
    /// the same maps: what one of them sets, the other finds.
    pub values: &'a Map<String, Value>,
    /// The root chart first, then the subcharts.
    pub charts: Vec<ChartScope<'a>>,
    /// All templates, each name once, in the order in which they are parsed and executed: deep paths first.
    pub templates: Vec<Template<'a>>,
}

/// What the templates of one chart see.
#[derive(Debug)]
pub struct ChartScope<'a> {
    /// `.Chart` without `IsRoot`; see [`Metadata::to_map`].
    pub metadata: &'a Metadata,
    /// `.Chart.IsRoot`.
    pub is_root: bool,
    /// Where `.Values` is inside the values of the root chart: keys from the outside in. `None` where the chart has
    /// no values there, which is an empty map of its own.
    pub values_path: Option<Vec<&'a str>>,
    /// `.Files`. Of two with one name the last counts.
    pub files: &'a [File],
    /// `.Template.BasePath`, such as `parent/charts/child/templates`.
    pub base_path: String,
    /// `.Subcharts`: names and positions in [`TemplateSet::charts`].
    pub subcharts: Vec<(&'a str, usize)>,
}

/// One template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template<'a> {
    /// `.Template.Name`, such as `parent/charts/child/templates/service.yaml`.
    pub name: String,
    /// The text of the template.
    pub text: &'a [u8],
    /// The position of its chart in [`TemplateSet::charts`].
    pub chart: usize,
}

impl Template<'_> {
    /// Whether the template is parsed for others to include, but not executed itself.
    pub fn is_partial(&self) -> bool {
        self.name.rsplit('/').next().is_some_and(|base| base.starts_with('_'))
    }
}

impl<'a> TemplateSet<'a> {
    /// The templates of `chart`, whose dependencies are processed and whose values are coalesced.
    pub fn new(
        chart: &'a Chart,
        values: &'a Map<String, Value>,
        release: &'a Release,
        capabilities: &'a Capabilities,
    ) -> Self {
        let mut set = Self { release, capabilities, values, charts: Vec::new(), templates: Vec::new() };
        set.add(chart, chart.name().to_owned(), Some(Vec::new()), true);
        set.templates.sort_by(|a, b| {
            let depth = |name: &str| name.bytes().filter(|byte| *byte == b'/').count();
            (depth(&b.name), &b.name).cmp(&(depth(&a.name), &a.name))
        });
        // The chart that was added last has the name; the sort is stable.
        set.templates.reverse();
        set.templates.dedup_by(|later, kept| later.name == kept.name);
        set.templates.reverse();
        set
    }

    /// The values that the templates of `scope` see; `None` is an empty map.
    pub fn values_of(&self, scope: &ChartScope<'a>) -> Option<&'a Map<String, Value>> {
        at_path(self.values, scope.values_path.as_deref()?)
    }

    fn add(&mut self, chart: &'a Chart, full_path: String, values_path: Option<Vec<&'a str>>, is_root: bool) -> usize {
        let position = self.charts.len();
        self.charts.push(ChartScope {
            metadata: &chart.metadata,
            is_root,
            values_path: values_path.clone(),
            files: &chart.files,
            base_path: format!("{full_path}/templates"),
            subcharts: Vec::new(),
        });
        let mut subcharts: Vec<(&'a str, usize)> = Vec::new();
        for subchart in &chart.dependencies {
            let path = values_path.as_ref().and_then(|path| self.path_of(path, subchart.name()));
            let added = self.add(subchart, format!("{full_path}/charts/{}", subchart.name()), path, false);
            subcharts.retain(|(name, _)| *name != subchart.name());
            subcharts.push((subchart.name(), added));
        }
        if let Some(scope) = self.charts.get_mut(position) {
            scope.subcharts = subcharts;
        }
        let is_library = chart.metadata.is_library();
        for file in chart.templates.iter() {
            let template =
                Template { name: format!("{full_path}/{}", clean(&file.name)), text: &file.data, chart: position };
            if !is_library || template.is_partial() {
                self.templates.push(template);
            }
        }
        position
    }

    /// Where the values of the subchart `name` are; a name with dots is a path of its own.
    fn path_of(&self, parent: &[&'a str], name: &'a str) -> Option<Vec<&'a str>> {
        let mut path = parent.to_vec();
        path.extend(name.split('.'));
        at_path(self.values, &path).map(|_| path)
    }
}

fn at_path<'a>(values: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Map<String, Value>> {
    path.iter().try_fold(values, |map, key| map.get(*key)?.as_object())
}

/// `path` without empty components, `.` and `..`.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

//! Helm charts.

use cowherd_helm::chart::Limits;
use cowherd_helm::engine::GoTemplates;
use cowherd_helm::values::read_values;
use cowherd_helm::{Request, Selection, template};
use cowherd_tree::{Tree, TreePath};
use jiff::Timestamp;

use crate::files;

/// Functions of which a single call takes longer than an input may; how many of them there may be is bounded elsewhere.
const SLOW: [&str; 6] = ["genPrivateKey", "genCA", "genS", "bcrypt", "htpasswd", "derivePassword"];

/// What no template of a fuzzer needs, and a machine bears many times a second.
const TEMPLATES: cowherd_template::Limits = cowherd_template::Limits { depth: 200, output: 1 << 20, steps: 500_000 };

/// Where the values that are given to the chart are.
const GIVEN: &str = "given.yaml";

/// Renders the files of `data` as a chart, twice with the same result.
pub fn check(data: &[u8]) {
    if SLOW.iter().any(|slow| data.windows(slow.len()).any(|window| window == slow.as_bytes())) {
        return;
    }
    let tree = files::tree(data, "Chart.yaml");
    let yaml = cowherd_yaml::Limits { bytes: 1 << 16, documents: 64, expansion: 1 << 14, ..Default::default() };
    let limits = Limits { file_bytes: 1 << 16, chart_bytes: 1 << 18, files: 64, depth: 8, yaml };
    let given = TreePath::parse(GIVEN).and_then(|path| Ok(tree.read(&path).unwrap_or_default()));
    let given = read_values(&given.unwrap_or_default(), &limits.yaml);
    let request = Request { values: given.unwrap_or_default(), limits, ..Request::default() };
    let render = || {
        let mut engine = GoTemplates::new(Timestamp::UNIX_EPOCH, b"seed").with_limits(TEMPLATES);
        let output = template(&tree, &TreePath::root(), &request, &mut engine).map_err(|error| error.to_string())?;
        let selection = Selection { include_crds: true, ..Selection::default() };
        output.text(&selection).map_err(|error| error.to_string())
    };
    assert_eq!(render(), render());
}

//! From where the clusters of a repository grow, where nobody named it.
//!
//! Every rule is asked: where `flux bootstrap` left its word, Kustomizations of Flux, Applications of Argo CD, kustomizations
//! and plain manifests. What is part of a cluster that was found already is not found again: that is known since each is
//! read as it is found. What is found and not looked at is named, with the reason.

mod below;
mod covered;
mod plain;
mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use cowherd_source::Ignore;
use cowherd_tree::{Tree, TreeError, TreePath};

use crate::cluster::{Cluster, Context, Side};

use covered::Covered;
use scan::{Scan, Written, ancestors, cluster_directory};

pub use below::{Below, below, several};
pub(crate) use plain::CHART;
pub(crate) use scan::{KUSTOMIZATIONS, kustomization};

/// Why what a person excluded is left out.
pub(crate) const AS_ASKED: &str = "as asked";

/// Directories whose manifests nobody applies, and what they are; but those that are clusters.
const OF_OTHERS: [(&str, &str); 6] = [
    ("test", "test data"),
    ("tests", "test data"),
    ("testdata", "test data"),
    ("fixtures", "test data"),
    ("vendor", "code of others"),
    ("node_modules", "code of others"),
];

/// From where the clusters of a repository grow.
#[derive(Default)]
pub struct Discovery {
    /// The clusters, in the order of their paths.
    pub clusters: Vec<Discovered>,
    /// What beside them means manifests and is not looked at.
    pub left_out: Vec<LeftOut>,
    /// What is part of the clusters.
    pub(crate) covered: Covered,
}

/// A cluster, and by what it was found.
pub struct Discovered {
    /// What grows there.
    pub cluster: Cluster,
    /// What spoke for its path.
    pub by: By,
    /// The files that spoke for it; none where only a path did.
    marks: Vec<TreePath>,
}

/// What speaks for a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// A person.
    #[default]
    Person,
    /// The Kustomization that `flux bootstrap` writes, or another that is about its own directory.
    Bootstrap,
    /// Kustomizations of Flux.
    Kustomizations,
    /// An Application of Argo CD of this name.
    Application(String),
    /// A kustomization.
    Kustomization,
    /// Manifests.
    Manifests,
}

impl By {
    /// Whether Flux has a word for a cluster.
    fn is_of_flux(&self) -> bool {
        matches!(self, Self::Bootstrap | Self::Kustomizations)
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person => f.write_str("as asked"),
            Self::Bootstrap => f.write_str("flux bootstrap"),
            Self::Kustomizations => f.write_str("Flux Kustomizations"),
            Self::Application(name) => write!(f, "Argo CD Application {name}"),
            Self::Kustomization => f.write_str("a kustomization"),
            Self::Manifests => f.write_str("manifests"),
        }
    }
}

/// What means manifests, but is not looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// The directory, or the file.
    pub path: TreePath,
    /// Why, for people: `a Helm chart`.
    pub why: String,
    /// Whether nothing here makes manifests of it.
    pub is_unrendered: bool,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.path, self.why)
    }
}

/// Finds from where clusters grow, and reads them. Nothing is found in what is `excluded`. What `known` has rendered is not
/// rendered again.
///
/// # Errors
/// When the tree cannot be read.
pub fn discover(
    side: &Side,
    context: &Context,
    excluded: &[TreePath],
    known: Option<&Discovery>,
) -> Result<Discovery, TreeError> {
    let tree = Ignore::new(side.tree.clone(), None)?;
    let scan = Scan::of(&tree, &context.sources)?;
    let whole = TreePath::root();
    Ok(Discovering::new((side, context), (tree, &scan), (&whole, excluded), known).run()?.finish())
}

/// Finds from where clusters grow below a directory that somebody named, and reads them. `None` where the directory is one itself, or a
/// part of one, or has neither clusters of Flux nor kustomizations that build on others below it: then it is meant as a whole.
///
/// # Errors
/// When the tree cannot be read.
pub fn discover_below(
    side: &Side,
    context: &Context,
    excluded: &[TreePath],
    directory: &TreePath,
) -> Result<Option<Discovery>, TreeError> {
    let tree = Ignore::new(side.tree.clone(), None)?;
    let scan = Scan::of(&tree, &context.sources)?;
    if scan.is_meant_as_a_whole(directory) {
        return Ok(None);
    }
    let found = Discovering::new((side, context), (tree, &scan), (directory, excluded), None).run()?;
    let has_several = scan.has_layers(directory) || found.found.values().any(|one| one.by.is_of_flux());
    let is_one = found.is_of_a_larger_one || found.met.contains(directory) || found.found.is_empty();
    Ok((has_several && !is_one).then(|| found.finish()))
}

/// As `spec.path` has it.
pub(crate) fn shown(path: &TreePath) -> String {
    if path.is_root() { "./".to_owned() } else { format!("./{path}") }
}

/// A discovery under way.
struct Discovering<'a> {
    side: &'a Side,
    context: &'a Context,
    /// The directory in which clusters are looked for.
    within: &'a TreePath,
    excluded: &'a [TreePath],
    /// What was read on another side, by path.
    known: BTreeMap<&'a str, &'a Cluster>,
    tree: Arc<dyn Tree>,
    scan: &'a Scan,
    covered: Covered,
    /// The paths that something spoke for.
    met: BTreeSet<TreePath>,
    /// What was found, by path.
    found: BTreeMap<String, Discovered>,
    /// The files that spoke for paths which were found by Kustomizations alone.
    marked: BTreeMap<TreePath, BTreeSet<String>>,
    left_out: BTreeSet<LeftOut>,
    /// Whether a cluster was found of which the directory is a part.
    is_of_a_larger_one: bool,
}

impl<'a> Discovering<'a> {
    fn new(
        (side, context): (&'a Side, &'a Context),
        (tree, scan): (Ignore, &'a Scan),
        (within, excluded): (&'a TreePath, &'a [TreePath]),
        known: Option<&'a Discovery>,
    ) -> Self {
        let known = known.into_iter().flat_map(|known| &known.clusters);
        Self {
            side,
            context,
            within,
            excluded,
            known: known.map(|one| (one.cluster.path.as_str(), &one.cluster)).collect(),
            tree: Arc::new(tree),
            scan,
            covered: Covered::default(),
            met: BTreeSet::new(),
            found: BTreeMap::new(),
            marked: BTreeMap::new(),
            left_out: BTreeSet::new(),
            is_of_a_larger_one: false,
        }
    }

    /// Asks every rule.
    fn run(mut self) -> Result<Self, TreeError> {
        self.bootstrapped()?;
        self.kustomizations()?;
        self.applications()?;
        plain::discover(&mut self)?;
        if self.scan.is_partial {
            self.leave_out(&TreePath::root(), "more files than are looked into");
        }
        Ok(self)
    }

    fn bootstrapped(&mut self) -> Result<(), TreeError> {
        let roots = self.scan.written.iter().filter(|one| one.is_root() && self.scan.is_own(one));
        let mut roots: Vec<&Written> = roots.collect();
        roots.sort_by(|a, b| a.path.cmp(&b.path));
        for root in roots {
            if !self.covered.has(&root.file) {
                self.take(root.path.clone(), By::Bootstrap, vec![root.file.clone()])?;
            }
        }
        Ok(())
    }

    /// What others seem to lead to comes last: it is part of them by then, but where they lead elsewhere after all.
    fn kustomizations(&mut self) -> Result<(), TreeError> {
        let scan = self.scan;
        let led_to = scan.led_to();
        let is_reached = |one: &Written| ancestors(&one.file).iter().any(|above| led_to.contains(above));
        let rank = |one: &&Written| {
            let is_in_clusters = cluster_directory(&one.file).is_some();
            (!scan.is_own(one), !is_in_clusters, is_reached(one), one.file.components().count(), one.file.clone())
        };
        let mut written: Vec<&Written> = scan.written.iter().collect();
        written.sort_by_cached_key(rank);
        for one in written {
            if self.covered.has(&one.file) || scan.chart(&one.file).is_some() {
                continue;
            }
            let tops = scan.tops(&one.file);
            let is_looked_for = tops.iter().any(|top| top.starts_with(self.within));
            for top in tops {
                self.take(top, By::Kustomizations, vec![one.file.clone()])?;
            }
            if is_looked_for && !self.covered.has(&one.file) && !self.is_left_out(&one.file) {
                self.leave_out(&one.file, "the kustomization beside it does not name it");
            }
        }
        Ok(())
    }

    fn applications(&mut self) -> Result<(), TreeError> {
        let scan = self.scan;
        for one in &scan.applications {
            if scan.chart(&one.file).is_some() {
                continue;
            }
            let by = By::Application(one.name.clone());
            let is_there = self.tree.stat(&one.path)?.is_some();
            if !self.context.sources.may_be(&one.url) {
                self.leave_out(&one.file, &format!("{by} is about another repository"));
            } else if !is_there {
                self.leave_out(&one.file, &format!("{by} is about {}, which is not here", shown(&one.path)));
            } else if let Some(chart) = scan.chart(&one.path) {
                self.leave_unrendered(&chart, plain::CHART);
            } else if !self.covered.is_below(&one.path) {
                self.take(one.path.clone(), by, Vec::new())?;
            }
        }
        Ok(())
    }

    /// Takes a path, unless it was met, and reads what grows there.
    fn take(&mut self, path: TreePath, by: By, marks: Vec<TreePath>) -> Result<(), TreeError> {
        if !path.starts_with(self.within) {
            self.is_of_a_larger_one |= by.is_of_flux() && self.within.starts_with(&path);
            return Ok(());
        }
        if !self.met.insert(path.clone()) {
            return Ok(());
        }
        if self.excluded.iter().any(|excluded| path.starts_with(excluded)) {
            self.leave_out(&path, AS_ASKED);
            return Ok(());
        }
        if let Some((directory, what)) = of_others(&path, self.scan) {
            self.leave_out(&directory, what);
            return Ok(());
        }
        // Read as a whole, it would have once more what is below it.
        let is_whole = !self.scan.kustomizations.contains_key(&path);
        if by == By::Kustomizations && is_whole && self.covered.reaches_into(&path) {
            self.leave_out(&path, "Kustomizations above others that are looked at one by one");
            return Ok(());
        }
        let cluster = self.read(&shown(&path))?;
        let covers = Covered::by(&cluster, self.scan, self.tree.as_ref());
        self.drop_parts(&covers);
        self.covered.extend(covers);
        let path = cluster.path.clone();
        if by == By::Kustomizations {
            for mark in &marks {
                self.marked.entry(mark.clone()).or_default().insert(path.clone());
            }
        }
        self.found.insert(path, Discovered { cluster, by, marks });
        Ok(())
    }

    /// Drops what was found by Kustomizations alone that turn out to be part of another cluster.
    fn drop_parts(&mut self, covers: &Covered) {
        let marks: BTreeSet<TreePath> = covers.of(&self.marked).cloned().collect();
        let paths: BTreeSet<String> =
            marks.iter().filter_map(|mark| self.marked.get(mark)).flatten().cloned().collect();
        for path in paths {
            let is_part = |other: &Discovered| other.marks.iter().all(|mark| marks.contains(mark));
            let Some(other) = self.found.get(&path).filter(|other| is_part(other)) else { continue };
            for mark in &other.marks {
                if let Some(paths) = self.marked.get_mut(mark) {
                    paths.remove(&path);
                }
            }
            self.found.remove(&path);
        }
    }

    fn read(&self, path: &str) -> Result<Cluster, TreeError> {
        Cluster::read(self.side, path, self.context, self.known.get(path).copied())
    }

    fn leave_out(&mut self, path: &TreePath, why: &str) {
        self.left_out.insert(LeftOut { path: path.clone(), why: why.to_owned(), is_unrendered: false });
    }

    /// Leaves out what nothing here makes manifests of: what that is, for people.
    fn leave_unrendered(&mut self, path: &TreePath, what: &str) {
        self.left_out.insert(LeftOut { path: path.clone(), why: what.to_owned(), is_unrendered: true });
    }

    fn is_left_out(&self, path: &TreePath) -> bool {
        let is_named = |directory: TreePath| {
            let first = LeftOut { path: directory, why: String::new(), is_unrendered: false };
            self.left_out.range::<LeftOut, _>(&first..).next().is_some_and(|one| one.path == first.path)
        };
        ancestors(path).into_iter().any(is_named)
    }

    fn finish(self) -> Discovery {
        let left_out = self.left_out.into_iter().filter(|one| one.path.starts_with(self.within)).collect();
        Discovery { clusters: self.found.into_values().collect(), left_out, covered: self.covered }
    }
}

impl Discovered {
    /// A cluster whose path a person named.
    ///
    /// # Errors
    /// When the tree cannot be read.
    pub fn asked(side: &Side, path: &str, context: &Context) -> Result<Self, TreeError> {
        Ok(Self { cluster: Cluster::read(side, path, context, None)?, by: By::Person, marks: Vec::new() })
    }
}

/// The uppermost directory above a path, or itself, that holds what nobody applies. A cluster may be called as such a directory is:
/// `clusters/test` is a stage beside `clusters/production`.
fn of_others(path: &TreePath, scan: &Scan) -> Option<(TreePath, &'static str)> {
    let mut named = ancestors(path).into_iter().rev().filter_map(|directory| {
        let (_, what) = OF_OTHERS.iter().find(|(name, _)| *name == directory.file_name())?;
        Some((directory, *what))
    });
    named.find(|(directory, _)| !scan.is_cluster(directory))
}

#[cfg(test)]
mod tests;

//! Charts that `helm` packs, indexes, pushes and fetches.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cowherd_source::{Access, ChartRepository, ChartSource, Charts, Package};
use cowherd_tree::{ArchiveLimits, MemoryTree, unpack};

/// A helm with a home of its own.
pub struct Helm {
    home: PathBuf,
}

impl Helm {
    /// A helm that has its home in `directory`.
    pub fn new(directory: &Path) -> Self {
        let home = directory.join("helm");
        fs::create_dir_all(&home).unwrap();
        Self { home }
    }

    /// Runs helm and gives what came out.
    pub fn output(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("helm");
        for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HOME", "DOCKER_CONFIG"] {
            command.env(variable, &self.home);
        }
        command.args(arguments).output().unwrap()
    }

    /// Runs helm, which has to succeed; gives what it prints.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(output.status.success(), "helm {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Packs a chart `name` of each of `versions` into `directory`; gives the archives.
    pub fn package(&self, directory: &Path, name: &str, versions: &[&str]) -> Vec<PathBuf> {
        fs::create_dir_all(directory).unwrap();
        let chart = self.home.join(name);
        fs::create_dir_all(chart.join("templates")).unwrap();
        fs::write(chart.join("values.yaml"), "replicas: 1\n").unwrap();
        fs::write(chart.join("templates/a.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n").unwrap();
        let pack = |version: &&str| {
            let metadata = format!("apiVersion: v2\nname: {name}\nversion: {version:?}\ndescription: says {version}\n");
            fs::write(chart.join("Chart.yaml"), metadata).unwrap();
            self.run(&["package", path(&chart), "--destination", path(directory)]);
            directory.join(format!("{name}-{version}.tgz"))
        };
        versions.iter().map(pack).collect()
    }

    /// What `helm pull` brings, unpacked.
    pub fn pull(&self, arguments: &[&str]) -> MemoryTree {
        let destination = tempfile::tempdir().unwrap();
        self.run(&[&["pull", "--destination", path(destination.path())][..], arguments].concat());
        let archive = fs::read_dir(destination.path()).unwrap().next().unwrap().unwrap().path();
        unpack(fs::read(archive).unwrap().as_slice(), &ArchiveLimits::default()).unwrap()
    }

    /// The version that `helm show chart` shows; `None` if it fails.
    pub fn version(&self, arguments: &[&str]) -> Option<String> {
        let output = self.output(&[&["show", "chart"][..], arguments].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        let version = text.lines().find_map(|line| line.strip_prefix("version: "));
        output.status.success().then(|| version.unwrap().trim_matches(['"', '\'']).to_owned())
    }
}

/// A path as text.
pub fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Charts that are kept in `directory`.
pub fn charts(directory: &Path) -> Charts {
    Charts::open(directory.join("charts")).unwrap()
}

/// The chart `name` of the repository at `url`, on the word of the person who runs the test.
pub fn source(url: &str, name: &str, version: &str) -> ChartSource {
    ChartSource::new(ChartRepository::parse(url).unwrap(), name).with_version(version).with_access(Access::own())
}

/// Fetches a chart, which has to succeed.
pub fn fetch(charts: &Charts, source: &ChartSource) -> Package {
    charts.fetch(source).unwrap_or_else(|error| panic!("{error}"))
}

//! Which version a range means: `helm` decides.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cowherd_gitserver::registry::{Access, Registry};
use cowherd_source::ChartProblem;

use crate::support::helm::{Helm, charts, path, source};

const VERSIONS: [&str; 21] = [
    "0.0.0",
    "0.0.3",
    "0.0.4",
    "0.1.0",
    "0.2.3",
    "0.2.9",
    "0.3.0",
    "1.0.0-alpha.1",
    "1.0.0-rc.1",
    "1.0.0",
    "1.2.0",
    "1.2.3",
    "1.2.9",
    "1.3.0",
    "1.3.1-beta.2",
    "1.10.0",
    "2.0.0-rc.1",
    "2.0.0",
    "2.1.0-0",
    "3.0.0+build.7",
    "4.0.0-dev",
];

const RANGES: [&str; 88] = [
    "",
    "*",
    "x",
    "X",
    "1",
    "1.2",
    "1.2.3",
    "v1.2.3",
    "v1",
    "=1.2.3",
    "= 1.2",
    "1.x",
    "1.2.x",
    "1.X.X",
    "1.*",
    "x.1",
    "1.x.3",
    "!=3.0.0",
    "!=3",
    "!=3.x",
    "!=*",
    "!=2.0.0, !=3.0.0",
    ">1",
    ">1.2",
    ">1.2.3",
    "> 1.2.3",
    ">3",
    ">*",
    ">=1",
    ">=1.2",
    ">=4",
    "=>1",
    "<1",
    "<1.2",
    "<1.2.3",
    "<=1",
    "<=1.2",
    "<=1.2.3",
    "<=*",
    "=<1.2",
    "<0.0.4",
    "<0.0.0",
    "~0",
    "~0.2",
    "~0.2.3",
    "~0.0.0",
    "~0.0",
    "~1",
    "~1.2",
    "~1.2.3",
    "~>1.2",
    "~1.x",
    "~*",
    "~1.2.0-0",
    "~1.3.1-0",
    "^0",
    "^0.0",
    "^0.0.3",
    "^0.2",
    "^0.2.3",
    "^1",
    "^1.2",
    "^1.2.3",
    "^*",
    "^1.x",
    "^0.0.0",
    "^1.0.0-0",
    "^2.0.0-0",
    ">=1.0.0-0",
    ">0.0.0-0",
    ">=2.0.0-0 <3",
    ">=2.0.0-0, <2.0.0",
    ">=1.0.0-alpha <1.0.0",
    "1.0.0-rc.1",
    "~1.0.0-rc.1",
    "1.2 - 1.4.5",
    "1.2.3 - 1.3",
    "1 - 2",
    "1.0.0-0 - 1.0.0",
    "<1.0.0 || >=3.0.0",
    "5 || 1.2",
    "1.2.4 || 1.2.5",
    ">=1.0.0,<1.3.0",
    ">=1.0.0 , <1.3.0",
    ">1 <3",
    "3.0.0",
    "3.0.0+other",
    "3.0.0+build.7",
];

const NO_RANGES: [&str; 11] =
    ["latest", ">=", "1.2.3.4", "1 ||", "|| 1", "^-1", ">=1,,<2", ">=1,", "1x", ">=1.0.0<2.0.0", ">=1.0.0 and <2"];

/// Python's web server over a directory.
struct Served {
    url: String,
    process: Child,
}

impl Served {
    fn start(directory: &Path) -> Self {
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let address = free();
        let mut command = Command::new("python3");
        command.args(["-m", "http.server", "--bind", "127.0.0.1", &address.port().to_string()]);
        let process = command.current_dir(directory).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while std::net::TcpStream::connect(address).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { url: format!("http://{address}"), process }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_range_means_in_a_repository_what_it_means_to_helm() {
    let directory = tempfile::tempdir().unwrap();
    let helm = Helm::new(directory.path());
    let repository = directory.path().join("repository");
    helm.package(&repository, "web", &VERSIONS);
    helm.run(&["repo", "index", path(&repository)]);
    let server = Served::start(&repository);
    let charts = charts(directory.path());
    let mut found = 0;
    for range in RANGES.iter().chain(&NO_RANGES) {
        let expected = helm.version(&["web", "--repo", &server.url, "--version", range]);
        let fetched = charts.fetch(&source(&server.url, "web", range));
        found += usize::from(expected.is_some());
        let shown = fetched.as_ref().map_or_else(ToString::to_string, |package| package.version.clone());
        assert_eq!(fetched.ok().map(|package| package.version), expected, "{range:?}: {shown}");
    }
    assert!((60..RANGES.len()).contains(&found), "{found} of the ranges hold a version");
    for range in NO_RANGES {
        let error = charts.fetch(&source(&server.url, "web", range)).unwrap_err();
        assert!(matches!(error.problem, ChartProblem::Range(_)), "{range:?}: {error}");
    }
}

#[test]
fn a_range_means_in_a_registry_what_it_means_to_helm() {
    let directory = tempfile::tempdir().unwrap();
    let helm = Helm::new(directory.path());
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let url = format!("oci://{}/team", registry.host);
    let versions = ["0.1.0", "1.0.0-rc.1", "1.0.0", "1.2.3", "1.10.0", "2.0.0+build.7", "3.0.0-dev"];
    for archive in helm.package(directory.path(), "web", &versions) {
        helm.run(&["push", path(&archive), &url, "--plain-http"]);
    }
    let charts = charts(directory.path());
    let chart = format!("{url}/web");
    let ranges = [
        "",
        "*",
        "1",
        "1.2",
        "1.2.3",
        "v1.2.3",
        "1.x",
        "~1",
        "~1.2",
        "^1.2",
        ">=1 <2",
        "2.0.0+build.7",
        "2.x",
        ">=0.0.0-0",
        "<1.0.0-0",
        "<1.0.0",
        "1.0.0-rc.1",
        ">4",
        "1.2 - 1.9",
        "0.1.x || 1.0.x",
        "9.9.9",
        "nonsense",
    ];
    for range in ranges {
        let expected = helm.version(&[&chart, "--plain-http", "--version", range]);
        let fetched = charts.fetch(&source(&url, "web", range));
        let shown = fetched.as_ref().map_or_else(ToString::to_string, |package| package.version.clone());
        assert_eq!(fetched.ok().map(|package| package.version), expected, "{range:?}: {shown}");
    }
}

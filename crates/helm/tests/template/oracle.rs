//! Renders a chart in both ways and compares.

use std::fs;
use std::path::Path;
use std::process::Command;

use cowherd_helm::capabilities::KubeVersion;
use cowherd_helm::engine::GoTemplates;
use cowherd_helm::values::Sources;
use cowherd_helm::{Capabilities, Release, Request, Selection, template};
use cowherd_oracle::Tool;
use cowherd_tree::{DiskTree, TreePath};

/// What a template holds to show its values.
pub const VALUES: &str = "{{ toJson .Values }}";

/// A chart in a directory of its own, and how it is rendered.
pub struct Case {
    directory: tempfile::TempDir,
    arguments: Vec<String>,
    sources: Sources,
    release: Release,
    kube_version: Option<KubeVersion>,
    selection: Selection,
    is_random: bool,
}

impl Case {
    /// A chart of these files in the directory `web`; what is not given of `Chart.yaml` is filled in.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let case = Self {
            directory,
            arguments: Vec::new(),
            sources: Sources::default(),
            release: Release::default(),
            kube_version: None,
            selection: Selection::default(),
            is_random: false,
        };
        if !files.iter().any(|(name, _)| *name == "Chart.yaml") {
            case.file("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.2.3\n");
        }
        files.iter().for_each(|(name, content)| case.file(name, content));
        case
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.chart().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn chart(&self) -> std::path::PathBuf {
        self.directory.path().join("web")
    }

    pub fn flag(mut self, flag: &str, value: &str) -> Self {
        let values = match flag {
            "--set" => &mut self.sources.set,
            "--set-string" => &mut self.sources.set_string,
            "--set-json" => &mut self.sources.set_json,
            "--set-literal" => &mut self.sources.set_literal,
            "--show-only" => &mut self.selection.show_only,
            "--kube-version" => {
                self.kube_version = KubeVersion::parse(value).ok();
                &mut Vec::new()
            }
            "--namespace" => {
                self.release.namespace = value.to_owned();
                &mut Vec::new()
            }
            flag => panic!("{flag}"),
        };
        values.push(value.to_owned());
        self.arguments.extend([flag.to_owned(), value.to_owned()]);
        self
    }

    pub fn switch(mut self, switch: &str) -> Self {
        match switch {
            "--include-crds" => self.selection.include_crds = true,
            "--no-hooks" => self.selection.no_hooks = true,
            "--skip-tests" => self.selection.skip_tests = true,
            switch => panic!("{switch}"),
        }
        self.arguments.push(switch.to_owned());
        self
    }

    pub fn values_file(mut self, content: &str) -> Self {
        let name = format!("values-{}.yaml", self.sources.files.len());
        let path = self.directory.path().join(&name);
        fs::write(&path, content).unwrap();
        self.sources.files.push((path.display().to_string(), content.as_bytes().to_vec()));
        self.arguments.extend(["--values".to_owned(), path.display().to_string()]);
        self
    }

    /// Says that the case is another one each time.
    pub fn random(mut self) -> Self {
        self.is_random = true;
        self
    }

    pub fn named(mut self, name: &str) -> Self {
        self.release.name = name.to_owned();
        self
    }

    /// What we print, or our error.
    pub fn ours(&self) -> Result<String, String> {
        let tree = DiskTree::new(self.directory.path());
        let values =
            self.sources.merge(&Default::default(), &|path| fs::read_to_string(path).map_err(|e| e.to_string()));
        let request = Request {
            values: values.map_err(|error| error.to_string())?,
            release: self.release.clone(),
            capabilities: Capabilities::offline(self.kube_version.clone(), &[]),
            ..Request::default()
        };
        let mut engine = GoTemplates::new(jiff::Timestamp::UNIX_EPOCH, b"tests");
        let output = template(&tree, &TreePath::parse("web").unwrap(), &request, &mut engine);
        let output = output.map_err(|error| error.to_string())?;
        output.text(&self.selection).map_err(|error| error.to_string())
    }

    /// What `helm template` prints, or its error.
    pub fn theirs(&self) -> Result<String, String> {
        let mut command = Tool::new("helm");
        command.arg("template").arg(&self.release.name).arg("web").args(&self.arguments);
        let home = self.directory.path();
        command.current_dir(home).env("HOME", home).env_remove("HELM_NAMESPACE");
        if self.is_random {
            command.unrecorded();
        }
        let output = command.output();
        if output.status.success() {
            return Ok(String::from_utf8(output.stdout).unwrap());
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        let error = errors.split("Error: ").nth(1).unwrap_or(&errors);
        Err(error.trim_end().trim_end_matches("\n\nUse --debug flag to render out invalid YAML").to_owned())
    }

    /// Both print the same, which is given back.
    #[track_caller]
    pub fn same(&self) -> String {
        let theirs = self.theirs().expect("helm renders the chart");
        assert_eq!(self.ours().as_deref(), Ok(&*theirs));
        theirs
    }

    /// Both refuse the chart with the same words, which are given back.
    #[track_caller]
    pub fn refused(&self) -> String {
        let theirs = self.theirs().expect_err("helm refuses the chart");
        assert_eq!(self.ours().map_err(|error| error.trim_end().to_owned()), Err(theirs.clone()));
        theirs
    }

    /// Both refuse the chart, and our error starts with `beginning`, as theirs does.
    #[track_caller]
    pub fn refused_beginning(&self, beginning: &str) {
        let (ours, theirs) = (self.ours().unwrap_err(), self.theirs().unwrap_err());
        assert!(ours.starts_with(beginning), "ours: {ours}");
        assert!(theirs.starts_with(beginning), "theirs: {theirs}");
    }
}

/// Packs a directory of the case's chart into an archive, always into the same bytes.
pub fn package(directory: &Path, to: &Path) {
    let (parent, name) = (directory.parent().unwrap(), directory.file_name().unwrap());
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "-czf"]).arg(to).arg("-C").arg(parent).arg(name);
    assert!(tar.status().expect("tar runs").success());
}

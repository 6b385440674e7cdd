//! What docs/production.md tells people to do with a service that runs for long, command by command.

use std::path::Path;
use std::process::Command;

use crate::program::fleet;
use crate::program::{Running, succeeded};

/// Where the page has what it names, and where that is here.
const PLACES: [(&str, &str); 4] = [
    ("/var/lib/cowherd", "data"),
    ("/backup", "backup"),
    ("/usr/local/bin/cowherd", "bin/cowherd"),
    ("target/release/cowherd", env!("CARGO_BIN_EXE_cowherd")),
];

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/production.md")).unwrap()
}

/// The service of the page, with its files in a directory, run as the unit says but for its address and its repository.
struct Service {
    directory: tempfile::TempDir,
    /// What stands behind the program.
    words: Vec<String>,
    running: Option<Running>,
}

impl Service {
    fn new(words: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for place in ["bin", "backup"] {
            std::fs::create_dir(directory.path().join(place)).unwrap();
        }
        std::fs::copy(env!("CARGO_BIN_EXE_cowherd"), directory.path().join("bin/cowherd")).unwrap();
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Self { directory, words, running: None }
    }

    /// The words of the unit, with another repository.
    fn of_the_unit() -> Self {
        let page = page();
        let line = page.split("ExecStart=").nth(1).unwrap().replace("\\\n", " ");
        let line = line.lines().next().unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let [program, "up", _, "--branch", "main", "--path", "clusters/prod", more @ ..] = &words[..] else {
            panic!("{line}")
        };
        let ["--data-dir", "/var/lib/cowherd", "--listen", _, san @ ..] = more else { panic!("{line}") };
        assert_eq!(*program, "/usr/local/bin/cowherd");
        let service = Self::new(&[&["up", "fleet", "--branch", "main", "--path", "cluster"], san].concat());
        fleet::repository(&service.directory.path().join("fleet")).commit("begin");
        service
    }

    fn start(&mut self) {
        let mut command = Command::new(self.directory.path().join("bin/cowherd"));
        command.args(&self.words).current_dir(self.directory.path());
        command.env_remove("KUBECONFIG").env("HOME", self.directory.path()).env("COWHERD_NAME", "prod");
        self.running = Some(Running::spawn(command, &self.directory.path().join("data")));
    }

    fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    /// Types the commands below a heading of the page, but those that are about something that is not here.
    fn types(&mut self, heading: &str, is_here: impl Fn(&str) -> bool) {
        let page = page();
        let section = page.split(&format!("\n## {heading}")).nth(1).unwrap().split("\n## ").next().unwrap();
        let commands: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
        assert!(commands.len() > 2, "{heading}: {commands:?}");
        for command in commands.into_iter().filter(|command| is_here(command)) {
            match command {
                "systemctl stop cowherd" => drop(self.running.take().map(Running::stop)),
                "systemctl start cowherd" => self.start(),
                command => self.shell(command),
            }
        }
    }

    fn shell(&self, command: &str) {
        let mut command = command.replace("cowherd:cowherd", "\"$(id -u):$(id -g)\"");
        for (there, here) in PLACES {
            command = command.replace(there, here);
        }
        let mut bash = Command::new("bash");
        bash.args(["-e", "-c", &command]).current_dir(self.directory.path());
        succeeded(bash.output().unwrap());
    }

    /// Loses everything that the service keeps.
    fn lose_all(&self) {
        std::fs::remove_dir_all(self.directory.path().join("data")).unwrap();
    }
}

/// Takes a copy, loses everything and puts it back: what was made by hand is there again, and who had a kubeconfig still has.
fn comes_back(service: &mut Service, is_here: impl Fn(&str) -> bool) {
    service.start();
    let running = service.running();
    running.kubectl_ok(["create", "configmap", "by-hand", "--from-literal", "value=kept"]);
    let kept = |name: &str| std::fs::read(service.directory.path().join("data").join(name)).unwrap_or_default();
    let before = (kept("pki/ca.crt"), kept("seed"), kept("following.json"));
    service.types("Backup", &is_here);
    service.running.take().unwrap().stop();
    service.lose_all();
    service.types("Restore", &is_here);
    assert_eq!(service.running().value("by-hand"), "kept");
    let kept = |name: &str| std::fs::read(service.directory.path().join("data").join(name)).unwrap_or_default();
    assert_eq!((kept("pki/ca.crt"), kept("seed"), kept("following.json")), before);
    assert!(!before.0.is_empty());
}

#[test]
fn what_was_copied_is_there_again_after_all_is_lost() {
    let mut service = Service::of_the_unit();
    comes_back(&mut service, |_| true);
    assert!(service.directory.path().join("data/seed").exists());
    service.running().wait_until_said(&["resuming branch main"]);
    service.running().wait_for_value("red", "1");
    let mut service = Service::new(&["server"]);
    comes_back(&mut service, |command| !command.contains("seed"));
}

#[test]
fn another_program_goes_on_where_the_one_before_it_ended() {
    let mut service = Service::of_the_unit();
    service.start();
    service.running().wait_for_value("red", "1");
    let before = service.running().identities("configmaps", "default");
    service.types("Upgrade", |_| true);
    service.running().wait_until_said(&["resuming branch main"]);
    service.running().wait_until_said(&["Kustomizations are ready"]);
    assert_eq!(service.running().identities("configmaps", "default"), before, "nothing was written again");
}

#[test]
fn the_unit_is_one() {
    let page = page();
    let unit = page.split("```ini\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cowherd.service");
    // Those of the machine are not here.
    let here = unit.replace("/usr/local/bin/cowherd", env!("CARGO_BIN_EXE_cowherd")).replace("User=cowherd\n", "");
    std::fs::write(&path, here).unwrap();
    let Ok(verified) = Command::new("systemd-analyze").arg("verify").arg(&path).output() else { return };
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success() && !said.contains("cowherd.service:"), "{said}");
    // In tenths, of a hundred; without what is closed to it here, it is more than eighty.
    let security = ["security", "--offline=yes", "--threshold=25", "--no-pager"];
    let closed = Command::new("systemd-analyze").args(security).arg(&path).output().unwrap();
    assert!(closed.status.success(), "{}", String::from_utf8_lossy(&closed.stdout));
}

//! What a person at a terminal sees of `cowherd up`.

use std::process::{Child, Command, Stdio};

use crate::program::fleet::Fleet;
use crate::program::repository::Repository;
use crate::program::screen::seen;
use crate::program::{Running, cowherd, eventually};

/// Runs a command of the program on a pseudo-terminal of so many columns; how it ended and all that it drew.
fn on_a_terminal(command: &Command, columns: usize) -> (Option<i32>, String) {
    let output = terminal(command, columns).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn terminal(command: &Command, columns: usize) -> Command {
    sized(command, columns, 40)
}

fn sized(command: &Command, columns: usize, rows: usize) -> Command {
    let line = format!("stty cols {columns} rows {rows}; exec {}", line_of(command));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"]);
    script.current_dir(command.get_current_dir().unwrap()).env_remove("KUBECONFIG").env("TERM", "xterm");
    script.env("HOME", command.get_current_dir().unwrap()).stdin(Stdio::null());
    script
}

/// A command as a shell takes it.
fn line_of(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(|word| format!("'{}'", word.to_str().unwrap())).collect::<Vec<_>>().join(" ")
}

/// What was drawn, without colours and movements of the cursor: a line for each that was written.
fn written(drawn: &str) -> Vec<String> {
    let mut text = String::new();
    let mut chars = drawn.chars();
    while let Some(char) = chars.next() {
        match char {
            '\u{1b}' => drop(chars.by_ref().skip(1).find(char::is_ascii_alphabetic)),
            '\r' => text.push('\n'),
            char => text.push(char),
        }
    }
    text.lines().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
}

#[test]
fn those_without_a_line_of_their_own_are_counted_on_one() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    for number in 0..40 {
        let (name, path) = (format!("app-{number:02}"), format!("app-{number:02}/map.yaml"));
        repository.kustomization(&name, &format!("./{name}"), "").config_map(&path, &name, "1");
    }
    // One of those that come last fails.
    repository.write("app-39/map.yaml", "{").commit("forty apps, one broken");
    let mut command = cowherd(directory.path());
    command.args(["up", "fleet", "--path", "cluster", "--once", "--listen", "127.0.0.1:0", "--data-dir", "data"]);
    let (status, seen) = on_a_terminal(&command, 120);
    assert_eq!(status, Some(1), "{seen}");
    // The root and 40 others, of which 16 have a line of their own.
    assert!(seen.contains("and 25 more: "), "{seen}");
    assert!(seen.contains("40 of 41 Kustomizations are ready"), "{seen}");
    assert!(seen.contains("app-39/map.yaml"), "{seen}");
}

#[test]
fn a_failure_is_wrapped_and_not_cut_while_the_lines_move() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    repository.kustomization("app", "./app", "");
    // Each kind that is missing is a line of the message.
    let kinds = ["Alpha", "Beta", "Gamma"];
    for kind in kinds {
        let object =
            format!("apiVersion: example.com/v1\nkind: {kind}\nmetadata:\n  name: one\n  namespace: default\n");
        repository.write(&format!("app/{kind}.yaml"), &object);
    }
    repository.commit("three kinds that nobody serves");
    let mut command = cowherd(directory.path());
    command.args(["up", "fleet", "--path", "cluster", "--once", "--listen", "127.0.0.1:0", "--data-dir", "data"]);
    let (status, seen) = on_a_terminal(&command, 60);
    assert_eq!(status, Some(1), "{seen}");
    // Until the summary, which tells it again. A line that moves is filled up to the edge, and ends there.
    let lines = written(&seen).into_iter().take_while(|line| !line.contains("is not ready"));
    let rows: Vec<String> = lines.flat_map(|line| rows(&line, 60)).collect();
    let read = rows.join(" ");
    for kind in kinds {
        let whole = format!(
            "app/{kind}.yaml:2: {kind}/default/one: the cluster has no kind \"{kind}\" in example.com/v1; is its \
             CustomResourceDefinition missing?"
        );
        assert!(read.contains(&whole), "{whole} is not in {rows:#?}");
    }
    assert!(rows.iter().any(|row| row.ends_with("more lines are told above)")), "{rows:#?}");
}

#[test]
fn lines_that_move_in_colours_leave_all_that_stands_above_them() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    for number in 0..8 {
        let (name, path) = (format!("app-{number}"), format!("app-{number}/map.yaml"));
        repository.kustomization(&name, &format!("./{name}"), "").config_map(&path, &name, "1");
    }
    repository.kustomization("broken", "./broken", "");
    let kinds = ["Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta"];
    for kind in kinds {
        let object =
            format!("apiVersion: example.com/v1\nkind: {kind}\nmetadata:\n  name: one\n  namespace: default\n");
        repository.write(&format!("broken/{kind}.yaml"), &object);
    }
    repository.commit("six kinds that nobody serves");
    for size in [(20, 60), (24, 80), (40, 120)] {
        let (rows, columns) = size;
        let mut command = cowherd(directory.path());
        let data_dir = format!("data of {columns}");
        command.args([
            "up",
            "fleet",
            "--path",
            "cluster",
            "--once",
            "--listen",
            "127.0.0.1:0",
            "--data-dir",
            &data_dir,
        ]);
        let mut terminal = sized(&command, columns.into(), rows.into());
        let output = terminal.env_remove("NO_COLOR").output().unwrap();
        let drawn = String::from_utf8_lossy(&output.stdout);
        assert!(drawn.contains("\u{1b}[32m✔\u{1b}[0m") && drawn.contains("\u{1b}[36m⠙\u{1b}[0m"), "{drawn:?}");
        let seen = seen(&output.stdout, size);
        let before: Vec<&str> =
            seen.iter().map(String::as_str).take_while(|row| !row.contains("is not ready")).collect();
        let read = before.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
        for said in ["✔ the Kubernetes API listens on", "► following branch", "► source flux-system: "] {
            assert_eq!(read.matches(said).count(), 1, "{said:?} at {size:?}: {seen:#?}");
        }
        // There are more than a line that moves has rows for, so that they are told above, and stay.
        for kind in kinds {
            let told = format!("{kind}/default/one: the cluster has no kind \"{kind}\" in example.com/v1");
            assert!(read.contains(&told), "{told:?} at {size:?}: {seen:#?}");
        }
        let ghost = seen.iter().find(|row| row.starts_with(|sign: char| ('⠀'..='⣿').contains(&sign)));
        assert_eq!(ghost, None, "at {size:?}: {seen:#?}");
    }
}

#[test]
fn what_is_ready_is_wrapped_and_not_cut_while_the_lines_move() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    repository.kustomization("app", "./app", "").config_map("app/map.yaml", "a", "1");
    let subject = "say so much of what is changed that no narrow terminal has room for it";
    repository.commit(subject);
    let mut command = cowherd(directory.path());
    command.args(["up", "fleet", "--path", "cluster", "--once", "--listen", "127.0.0.1:0", "--data-dir", "data"]);
    for columns in [60, 80] {
        let (status, seen) = on_a_terminal(&command, columns);
        assert_eq!(status, Some(0), "{seen}");
        let rows: Vec<String> = written(&seen).iter().flat_map(|line| rows(line, columns)).collect();
        let read = rows.join(" ");
        let at = read.rfind("flux-system/app").or(read.rfind("app  ")).unwrap_or_else(|| panic!("{rows:#?}"));
        assert!(read[at..].contains(&format!("\"{subject}\" by ")), "{rows:#?}");
    }
}

/// A repository with the Kustomization `base`, whose Deployment gets no Pods as there is no node, and so many that depend on it, by way of
/// `link`. By their names they come to the cluster after what they depend on.
fn waiting(path: &std::path::Path, dependents: usize) -> Repository {
    let repository = Repository::new(path.to_owned());
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: default}\nspec:\n  selector: {matchLabels: \
                      {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: web}]}\n";
    repository.kustomization("base", "./base", "wait: true\ntimeout: 5m").write("base/web.yaml", deployment);
    repository.kustomization("link", "./link", "dependsOn:\n- name: base").config_map("link/map.yaml", "link", "1");
    for number in 0..dependents {
        let (name, path) = (format!("web-{number:02}"), format!("web-{number:02}/map.yaml"));
        let on = "dependsOn:\n- name: link";
        repository.kustomization(&name, &format!("./{name}"), on).config_map(&path, &name, "1");
    }
    repository.commit("many that wait for one");
    repository
}

#[test]
fn those_that_only_wait_are_told_together_and_not_as_failures() {
    let directory = tempfile::tempdir().unwrap();
    waiting(&directory.path().join("fleet"), 40);
    let mut command = cowherd(directory.path());
    command.args(["up", "fleet", "--path", "cluster", "--once", "--timeout", "5m", "--listen", "127.0.0.1:0"]);
    command.args(["--data-dir", "data"]);
    let output = sized(&command, 60, 20).output().unwrap();
    let seen = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{seen}");
    let lines = written(&seen);
    let read = lines.join(" ");
    let together = "41 wait for base: link, web-00, web-01, web-02, web-03, and 36 more";
    assert!(lines.iter().any(|line| line.starts_with("◎ 41 wait for base: ")), "{lines:#?}");
    assert!(read.split_whitespace().collect::<Vec<_>>().join(" ").contains(together), "{lines:#?}");
    // Nothing failed: one is under way, and the others wait for it.
    let failures: Vec<_> = lines.iter().filter(|line| line.contains('✗')).collect();
    assert_eq!(failures.len(), 2, "the summary has two: {failures:#?}");
    assert!(
        failures[0].starts_with("✗ base is not ready: ") && failures[1].contains("1 of 43 Kustomizations"),
        "{failures:#?}"
    );
    assert!(!read.contains("dependency '"), "{lines:#?}");
    // Commands are there to be copied.
    let is_wide = |line: &&String| line.chars().count() > 60 && !line.starts_with("    cowherd ");
    assert_eq!(lines.iter().find(is_wide), None, "{lines:#?}");
    // What is under way stands before what is well, and all that moves fits the screen.
    for frame in frames(&seen) {
        assert!(frame.len() < 20 && frame.iter().all(|line| line.chars().count() < 60), "{frame:#?}");
        let place = |words: &str| frame.iter().position(|line| line.contains(words));
        if let (Some(base), Some(root)) = (place(" base "), place("✔ flux-system")) {
            assert!(base < root, "{frame:#?}");
        }
    }
}

/// What was drawn each time that the lines that move were drawn in their place.
fn frames(drawn: &str) -> Vec<Vec<String>> {
    let in_place = drawn.split("\u{1b}[J").filter_map(|frame| frame.strip_prefix("\r\u{1b}["));
    in_place.filter_map(|frame| frame.split_once('A')).map(|(_, frame)| written(frame)).collect()
}

/// A process that is ended when the value goes.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_log_tells_once_who_waits_for_whom() {
    let directory = tempfile::tempdir().unwrap();
    waiting(&directory.path().join("fleet"), 8);
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
    running.wait_until_said(&["◎ 9 wait for base: link, web-00, web-01, web-02, web-03, and 4 more"]);
    let said = running.said();
    assert!(!said.contains("dependency") && !said.contains('✗'), "{said}");
    running.kubectl_ok(["annotate", "deployment", "web", "-n", "default", "cowherd.dev/assume-ready=enabled"]);
    let said = running.stop_and_listen();
    assert_eq!(said.matches("wait for base").count(), 1, "{said}");
}

#[test]
fn a_terminal_that_becomes_narrower_is_filled_anew() {
    let directory = tempfile::tempdir().unwrap();
    waiting(&directory.path().join("fleet"), 2);
    let mut command = cowherd(directory.path());
    command.args(["up", "fleet", "--path", "cluster", "--listen", "127.0.0.1:0", "--data-dir", "data"]);
    let (path, tty) = (directory.path().join("drawn"), directory.path().join("tty"));
    let line = format!("tty > '{}'; stty cols 120 rows 40; exec {}", tty.display(), line_of(&command));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"]).stdin(Stdio::null());
    script.current_dir(directory.path()).env_remove("KUBECONFIG").env("TERM", "xterm").env("HOME", directory.path());
    let _shown = Ended(script.stdout(std::fs::File::create(&path).unwrap()).stderr(Stdio::null()).spawn().unwrap());
    let drawn = || std::fs::read_to_string(&path).unwrap_or_default();
    let last = || {
        frames(&drawn())
            .into_iter()
            .rev()
            .find(|frame| frame.iter().any(|line| line.contains(" base ")))
            .unwrap_or_default()
    };
    let widest = || last().iter().map(|line| line.chars().count()).max().unwrap_or(0);
    eventually("it is drawn as wide as the terminal", || if widest() > 60 { Ok(()) } else { Err(drawn()) });
    let tty = std::fs::read_to_string(&tty).unwrap();
    let narrower = Command::new("stty").args(["-F", tty.trim(), "cols", "40"]).status().unwrap();
    assert!(narrower.success());
    eventually("it is drawn as wide as it is now", || if (1..=40).contains(&widest()) { Ok(()) } else { Err(drawn()) });
}

/// A line as a terminal of so many columns shows it.
fn rows(line: &str, columns: usize) -> Vec<String> {
    let chars: Vec<char> = line.chars().collect();
    chars.chunks(columns).map(|row| row.iter().collect::<String>().trim().to_owned()).collect()
}

#[test]
fn tables_fit_a_narrow_terminal() {
    let fleet = Fleet::start();
    fleet.repository.write("app/broken.yaml", "{");
    fleet.repository.commit("make a mistake");
    fleet.running.wait_for_condition("kustomization app", "False", &["app/broken.yaml"]);
    for arguments in [&["get"][..], &["get", "-A"], &["get", "-o", "wide"], &["history", "app"], &["events"]] {
        let mut command = cowherd(fleet.directory.path());
        command.args(arguments).arg("--data-dir").arg(&fleet.running.data_dir);
        let (status, seen) = on_a_terminal(&command, 60);
        let lines = written(&seen);
        assert_eq!(status, Some(0), "{seen}");
        let wide: Vec<_> = lines.iter().filter(|line| line.chars().count() > 60).collect();
        assert!(lines.len() > 2 && wide.is_empty(), "{arguments:?}: {wide:#?}");
    }
}

#[test]
fn what_is_told_fits_a_narrow_terminal_and_is_broken_between_words() {
    let fleet = Fleet::start();
    fleet.repository.write("app/broken.yaml", "{");
    fleet.repository.commit("make a mistake that takes more words than there is room for");
    fleet.running.wait_for_condition("kustomization app", "False", &["app/broken.yaml"]);
    for arguments in
        [&["trace", "cm/red", "-n", "default"][..], &["logs"], &["reconcile", "app"], &["get", "ks", "nobody"]]
    {
        let mut command = cowherd(fleet.directory.path());
        command.args(arguments).arg("--data-dir").arg(&fleet.running.data_dir);
        let (_, seen) = on_a_terminal(&command, 60);
        let lines = written(&seen);
        let wide: Vec<_> = lines.iter().filter(|line| line.chars().count() > 60).collect();
        assert!(!lines.is_empty() && wide.is_empty(), "{arguments:?}: {wide:#?}");
        let indented = lines.iter().filter(|line| line.starts_with("  ")).count();
        assert!(indented > 0, "nothing of {arguments:?} was too long: {lines:#?}");
        // No word is cut that a line has room for.
        let whole = command.output().unwrap();
        let whole = String::from_utf8_lossy(&[whole.stdout, whole.stderr].concat()).into_owned();
        let words: std::collections::BTreeSet<&str> = whole.split_whitespace().collect();
        if arguments[0] == "trace" {
            let cut = lines.iter().flat_map(|line| line.split_whitespace()).find(|word| !words.contains(word));
            assert_eq!(cut, None, "{lines:#?} of {whole}");
        }
    }
}

#[test]
fn readiness_has_the_colour_that_it_means() {
    let fleet = Fleet::start();
    fleet.repository.kustomization("later", "./other", "suspend: true").write("app/broken.yaml", "{");
    fleet.repository.commit("make a mistake, and one that waits");
    fleet.running.wait_for_condition("kustomization app", "False", &["app/broken.yaml"]);
    eventually("there is one that nobody has looked at", || {
        let table = fleet.running.cowherd_ok(["get", "ks"]);
        if table.contains("later") { Ok(()) } else { Err(table) }
    });
    let mut command = cowherd(fleet.directory.path());
    command.args(["get", "ks", "--data-dir"]).arg(&fleet.running.data_dir);
    let (status, seen) = on_a_terminal(&command, 200);
    assert_eq!(status, Some(0), "{seen}");
    for (name, shown) in [
        ("app", "\u{1b}[31mFalse\u{1b}[0m"),
        ("other", "\u{1b}[32mTrue\u{1b}[0m"),
        ("later", "\u{1b}[33mUnknown\u{1b}[0m"),
    ] {
        let row = seen.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{seen:?}"));
        assert!(row.contains(shown), "{row:?}");
        assert_eq!(row.matches('\u{1b}').count(), 2, "nothing else has a colour: {row:?}");
    }
}

#[test]
fn what_comes_while_watching_stands_below_its_headers() {
    let fleet = Fleet::start();
    let path = fleet.directory.path().join("watched");
    let mut command = cowherd(fleet.directory.path());
    command.args(["get", "ks", "--watch", "--data-dir"]).arg(&fleet.running.data_dir);
    let mut watch = terminal(&command, 60).stdout(std::fs::File::create(&path).unwrap()).spawn().unwrap();
    let seen = || written(&std::fs::read_to_string(&path).unwrap_or_default());
    eventually("what is there is shown", || {
        let lines = seen();
        if lines.iter().any(|line| line.starts_with("other")) { Ok(()) } else { Err(lines.join("\n")) }
    });
    fleet.repository.write("app/broken.yaml", "{");
    fleet.repository.kustomization("next", "./other", "dependsOn:\n- name: none");
    fleet.repository.commit("make a mistake");
    eventually("both changes are shown", || {
        let lines = seen();
        let is_shown = |name: &str| lines.iter().any(|line| line.starts_with(name) && line.contains(" False "));
        if is_shown("app") && is_shown("next") { Ok(()) } else { Err(lines.join("\n")) }
    });
    let long = "a-kustomization-whose-name-is-longer-than-any-column";
    fleet.repository.kustomization(long, "./other", "dependsOn:\n- name: none");
    fleet.repository.commit("one with a long name");
    eventually("the one with the long name is shown with its values below", || {
        let lines = seen();
        let values = lines.iter().skip_while(|line| *line != long).nth(1);
        if values.is_some_and(|values| values.contains(" False ")) { Ok(()) } else { Err(lines.join("\n")) }
    });
    watch.kill().unwrap();
    watch.wait().unwrap();
    let lines = seen();
    assert!(lines.iter().all(|line| line.chars().count() <= 60), "{lines:#?}");
    let header = lines.iter().find(|line| line.starts_with("NAME")).unwrap();
    let column = |name: &str| header.find(name).unwrap();
    let starts_there = |line: &str, column: usize| {
        let chars: Vec<char> = line.chars().collect();
        chars.get(column - 1) == Some(&' ') && chars.get(column).is_some_and(|char| *char != ' ')
    };
    // A row begins with its name; that of a name which is too long, below it.
    let behind_long = lines.iter().skip(1).zip(&lines).filter(|(_, above)| *above == long).map(|(line, _)| line);
    let rows = lines.iter().filter(|line| !line.starts_with(' ') && *line != header && *line != long);
    let rows: Vec<&String> = rows.chain(behind_long).collect();
    assert!(rows.len() > 5, "{lines:#?}");
    for row in rows {
        assert!(row.chars().count() <= 60, "{lines:#?}");
        let is_below = ["SUSPENDED", "READY"].iter().all(|name| starts_there(row, column(name)));
        assert!(is_below, "{row:?} is not below {header:?}");
    }
}

/// A line of each command that ends by itself, in a repository in which something is wrong.
const LINES: [&[&str]; 19] = [
    &["get", "-A"],
    &["get", "ks", "nobody"],
    &["tree", "app"],
    &["trace", "cm/red", "-n", "default"],
    &["history", "app"],
    &["diff", "--revision", "HEAD"],
    &["check", "fleet"],
    &["reconcile", "app"],
    &["suspend", "other"],
    &["resume", "other"],
    &["events"],
    &["logs"],
    &["render", "fleet/app"],
    &["version"],
    &["install", "--export"],
    &["migrate", "--kubeconfig", "nowhere"],
    &["bootstrap", "git", "--url", "https://git.example.com/fleet", "--kubeconfig", "nowhere"],
    &["completion", "bash"],
    &["man", "man"],
];

#[test]
fn colours_are_for_terminals_alone_and_for_none_that_has_no_use_for_them() {
    let fleet = Fleet::start();
    fleet.repository.write("other/more.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndta: {}\n");
    fleet.repository.commit("a mistake");
    fleet.running.wait_for_ready("other", "False", "");
    let help = cowherd(fleet.directory.path()).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| line.starts_with("  "));
    let listed = listed.filter(|line| !line.starts_with("   "));
    for name in listed.filter_map(|line| line.split_whitespace().next()) {
        // These run until they are asked to stop.
        let is_known = LINES.iter().any(|line| line[0] == name) || ["up", "server", "agent", "help"].contains(&name);
        assert!(is_known, "{name} is not looked at here");
    }
    let mut coloured = 0;
    for line in LINES {
        let asks = !["check", "render", "install", "migrate", "bootstrap", "completion", "man"].contains(&line[0]);
        let command = |directory: &std::path::Path| {
            let mut command = cowherd(directory);
            command.args(line);
            if asks {
                command.arg("--data-dir").arg(&fleet.running.data_dir);
            }
            command
        };
        let output = command(fleet.directory.path()).output().unwrap();
        let piped = [output.stdout, output.stderr].concat();
        assert!(!piped.contains(&0x1b), "{line:?}: {}", String::from_utf8_lossy(&piped));
        let shown = |variable: Option<(&str, &str)>| {
            let mut terminal = terminal(&command(fleet.directory.path()), 120);
            terminal.env_remove("NO_COLOR").envs(variable);
            String::from_utf8_lossy(&terminal.output().unwrap().stdout).contains("\u{1b}[3")
        };
        coloured += usize::from(shown(None));
        for variable in [("NO_COLOR", "1"), ("TERM", "dumb")] {
            assert!(!shown(Some(variable)), "{line:?} with {variable:?}");
        }
    }
    assert!(coloured >= 5, "where they are of use there are some: {coloured}");
}

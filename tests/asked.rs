//! Whatever is wrong with the cluster that a command asks: it is said which one that is, by what it was meant, and what to do.

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::program::fleet::Fleet;
use crate::program::{Running, cowherd, succeeded};

/// Lines of all commands that ask a cluster.
const ASKING: [&[&str]; 20] = [
    &["get"],
    &["get", "ks/app"],
    &["get", "ks", "--watch"],
    &["tree", "app"],
    &["trace", "configmap/red", "-n", "default"],
    &["history", "app"],
    &["diff"],
    &["diff", "app"],
    &["reconcile"],
    &["reconcile", "ks", "app"],
    &["suspend", "ks", "app"],
    &["resume", "ks", "app"],
    &["events"],
    &["events", "--for", "ks/app"],
    &["events", "--watch"],
    &["render", "--validate", "chart"],
    &["agent"],
    &["install"],
    &["migrate"],
    &["bootstrap", "git", "--url", "https://git.example.com/fleet"],
];
/// The commands that bring agents to a cluster, which is never the control plane of where one stands: that has its own.
const BRINGING: [&str; 4] = ["agent", "install", "migrate", "bootstrap"];
/// The commands that ask none, or that say of it what is theirs: the version of a cluster that is not there is no failure, and
/// a log is a file.
const OTHERS: [&str; 7] = ["up", "server", "check", "logs", "version", "completion", "man"];

/// A directory from which commands are run, with a chart to render.
fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(place.path().join("chart/templates")).unwrap();
    std::fs::write(place.path().join("chart/Chart.yaml"), "apiVersion: v2\nname: chart\nversion: 1.0.0\n").unwrap();
    place
}

fn run(place: &Path, words: &[&str], kubeconfig: &Path) -> Output {
    let mut command = cowherd(place);
    command.args(words).env_remove("COWHERD_DATA_DIR").env("KUBECONFIG", kubeconfig).output().unwrap()
}

/// A command failed as it is documented, and said all of these words.
fn says(line: &[&str], output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let status = if line[0] == "diff" { 3 } else { 1 };
    assert_eq!(output.status.code(), Some(status), "{line:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{line:?} does not say {word:?}: {said}");
    }
}

/// A value of the kubeconfig of a control plane.
fn value(running: &Running, key: &str) -> String {
    let text = std::fs::read_to_string(running.kubeconfig()).unwrap();
    let line = text.lines().find_map(|line| line.trim().trim_start_matches("- ").strip_prefix(&format!("{key}: ")));
    line.unwrap().trim_matches('"').to_owned()
}

/// Writes a kubeconfig with one context, and a user as YAML has it.
fn kubeconfig(path: PathBuf, server: &str, authority: &str, user: &str) -> PathBuf {
    let cluster = format!("{{name: c, cluster: {{server: '{server}', certificate-authority-data: {authority}}}}}");
    let text = format!(
        "apiVersion: v1\nkind: Config\nclusters: [{cluster}]\nusers: [{{name: u, user: {user}}}]\ncontexts: [{{name: \
         elsewhere, context: {{cluster: c, user: u}}}}]\ncurrent-context: elsewhere\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn no_command_is_forgotten_here() {
    let directory = tempfile::tempdir().unwrap();
    let help = succeeded(cowherd(directory.path()).arg("--help").output().unwrap());
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| line.starts_with("  "));
    let listed = listed.filter(|line| !line.starts_with("   "));
    let listed: BTreeSet<&str> = listed.filter_map(|line| line.split_whitespace().next()).collect();
    let known = ASKING.iter().map(|line| line[0]).chain(OTHERS).chain(["help"]);
    assert_eq!(listed, known.collect());
}

#[test]
fn a_control_plane_that_has_ended_is_named_with_what_names_it_and_how_it_is_started() {
    let (place, directory) = (place(), tempfile::tempdir().unwrap());
    let running = Running::start(directory.path(), ["server"]);
    let (address, file, data_dir) = (value(&running, "server"), running.kubeconfig(), running.data_dir.clone());
    running.stop();
    let asked = format!("asked: {address}, the context \"cowherd\" of {}, which KUBECONFIG names", file.display());
    let start = format!("to start it: cowherd server --data-dir {}", data_dir.display());
    for line in ASKING {
        let output = run(place.path(), line, &file);
        says(line, &output, &["the cluster does not answer: Connection refused", &asked, &start, "unset KUBECONFIG"]);
        assert!(output.stdout.is_empty(), "{line:?}: {output:?}");
    }
    // Its data directory is lost, too.
    std::fs::remove_dir_all(data_dir).unwrap();
    let lost = format!("KUBECONFIG names {}, which is not there", file.display());
    for line in ASKING {
        let flag = if BRINGING.contains(&line[0]) { "--kubeconfig FILE" } else { "--data-dir DIR" };
        says(line, &run(place.path(), line, &file), &[&lost, &format!("to ask another: unset KUBECONFIG, or {flag}")]);
    }
}

/// Has a place show a data directory as its own. One that is a link would not be used.
fn stand_in_for(data_dir: &Path, place: &Path) {
    let own = place.join(".cowherd");
    DirBuilder::new().mode(0o700).create(&own).unwrap();
    for entry in std::fs::read_dir(data_dir).unwrap().map(Result::unwrap) {
        symlink(entry.path(), own.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_cluster_that_will_not_is_named_with_what_names_it_and_what_to_do() {
    let (place, fleet) = (place(), Fleet::start());
    let (address, authority) = (value(&fleet.running, "server"), value(&fleet.running, "certificate-authority-data"));
    let other = tempfile::tempdir().unwrap();
    let other = Running::start(other.path(), ["server"]);
    // The control plane of where one stands is another one than KUBECONFIG names.
    stand_in_for(&other.data_dir, place.path());
    let file = |name: &str| place.path().join(name);
    let trusting_another = kubeconfig(file("trust"), &address, &value(&other, "certificate-authority-data"), "{}");
    let stranger = stranger();
    let no_api = kubeconfig(file("stranger"), &stranger, &authority, "{}");
    let unknown = kubeconfig(file("unknown"), &address, &authority, "{token: nobody}");
    let unnamed = kubeconfig(file("unnamed"), &address, &authority, "{}");
    let proxied = kubeconfig(file("proxied"), &format!("{address}', proxy-url: 'http://127.0.0.1:1"), &authority, "{}");
    for (file, words) in [
        (&trusting_another, ["do not fit: its certificate is of an authority", "take its kubeconfig again"]),
        (&no_api, ["what answers is no Kubernetes API", "take its kubeconfig again"]),
        (&unknown, ["Unauthorized", "take its kubeconfig again"]),
        (&unnamed, ["forbidden: User \"system:anonymous\"", "whoever administers that cluster"]),
        (&proxied, ["is behind a proxy", "take proxy-url out"]),
    ] {
        let server = if *file == no_api { &stranger } else { &address };
        let asked = format!("asked: {server}, the context \"elsewhere\" of {}, which KUBECONFIG names", file.display());
        for line in ASKING {
            let another = match BRINGING.contains(&line[0]) {
                true => "to ask another: unset KUBECONFIG, or --kubeconfig FILE, or --context NAME of the same",
                false => "to ask the control plane of where you stand: unset KUBECONFIG, or --data-dir .cowherd",
            };
            says(line, &run(place.path(), line, file), &[words[0], words[1], &asked, another]);
        }
    }
}

#[test]
fn what_a_cluster_does_not_have_is_told_with_the_cluster() {
    let place = place();
    let directory = tempfile::tempdir().unwrap();
    // One on which nobody delivers, as somebody's other cluster.
    let running = Running::start(directory.path(), ["server"]);
    let file = running.kubeconfig();
    let asked = format!("asked: {}, the context \"cowherd\" of {}", value(&running, "server"), file.display());
    for line in ASKING
        .into_iter()
        .filter(|line| !["events", "trace", "render", "agent", "install", "migrate", "bootstrap"].contains(&line[0]))
    {
        says(
            line,
            &run(place.path(), line, &file),
            &["neither cowherd nor Flux works on it", &asked, "unset KUBECONFIG"],
        );
    }
    for (line, told) in [
        (&["events", "--for", "gadget/app"][..], "the server doesn't have a resource type \"gadget\""),
        (&["trace", "configmap/red", "-n", "default"], "ConfigMap object \"red\" not found in \"default\" namespace"),
        (&["agent"], "the cluster has no gitrepositories.source.toolkit.fluxcd.io"),
    ] {
        says(line, &run(place.path(), line, &file), &[told, &asked, "unset KUBECONFIG"]);
    }
    // An answer that is empty may be that of the wrong cluster, and so may one that there is no such object.
    let fleet = Fleet::start();
    stand_in_for(&fleet.running.data_dir, place.path());
    for line in [["events", "--for=ks/app"], ["get", "--namespace=default"]] {
        let file = if line[0] == "get" { fleet.running.kubeconfig() } else { file.clone() };
        let output = run(place.path(), &line, &file);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let told = if line[0] == "get" { "found" } else { "does not know the kind Kustomization" };
        assert!(output.status.success() == (line[0] == "get") && said.contains(told), "{said}");
        assert_eq!(
            said.contains("to ask the control plane of where you stand: unset KUBECONFIG"),
            line[0] == "events",
            "{said}"
        );
    }
}

/// The kubeconfig of somebody who may list these kinds in `flux-system`, and nothing else.
fn of_who_sees(running: &Running, kinds: &str) -> PathBuf {
    let kubectl = |words: &[&str]| running.kubectl_ok(words);
    kubectl(&["create", "serviceaccount", "viewer", "-n", "flux-system"]);
    kubectl(&["create", "role", "viewer", "-n", "flux-system", "--verb=get,list", "--resource", kinds]);
    let account = "--serviceaccount=flux-system:viewer";
    kubectl(&["create", "rolebinding", "viewer", "-n", "flux-system", "--role=viewer", account]);
    let token = kubectl(&["create", "token", "viewer", "-n", "flux-system"]);
    let (address, authority) = (value(running, "server"), value(running, "certificate-authority-data"));
    kubeconfig(running.data_dir.with_file_name("viewer"), &address, &authority, &format!("{{token: {}}}", token.trim()))
}

#[test]
fn what_of_several_kinds_may_not_be_seen_is_told_together_behind_what_may() {
    let (place, directory) = (place(), tempfile::tempdir().unwrap());
    let running = Running::start(directory.path(), ["server"]);
    succeeded(cowherd(place.path()).arg("install").arg("--kubeconfig").arg(running.kubeconfig()).output().unwrap());
    let manifest = place.path().join("fleet.yaml");
    let fleet = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: fleet, namespace: \
                 flux-system}\nspec: {interval: 1m, url: 'https://example.com/fleet', suspend: true}\n";
    std::fs::write(&manifest, fleet).unwrap();
    running.kubectl_ok(["apply", "--server-side", "-f", manifest.to_str().unwrap()]);
    let kinds = "gitrepositories.source.toolkit.fluxcd.io,kustomizations.kustomize.toolkit.fluxcd.io";
    let file = of_who_sees(&running, kinds);
    let unseen = ["helmreleases.helm.toolkit.fluxcd.io", "alerts.notification.toolkit.fluxcd.io"];
    for line in [&["get"][..], &["get", "all", "-o", "json"], &["get", "sources"]] {
        let output = run(place.path(), line, &file);
        let more = if line.contains(&"sources") { "buckets.source.toolkit.fluxcd.io" } else { unseen[0] };
        let words = ["this is not all that there may be", "is forbidden: User", "so are", more, "whoever administers"];
        says(line, &output, &words);
        assert!(String::from_utf8_lossy(&output.stdout).contains("fleet"), "{line:?}: {output:?}");
    }
    assert!(succeeded(run(place.path(), &["get", "sources", "git"], &file)).contains("fleet"));
    let nothing = run(place.path(), &["get", "ks"], &file);
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("no kustomizations found"), "{nothing:?}");
    assert!(succeeded(nothing).is_empty());
    says(&["get"], &run(place.path(), &["get", "hr"], &file), &["helmreleases.helm.toolkit.fluxcd.io is forbidden"]);
    // Nothing of a step is begun of which not all may be seen.
    says(&["reconcile"], &run(place.path(), &["reconcile"], &file), &["is forbidden", "so are"]);
    let elsewhere =
        ["deployments.apps is forbidden", "customresourcedefinitions.apiextensions.k8s.io", unseen[0], unseen[1]];
    says(&["migrate"], &run(place.path(), &["migrate"], &file), &elsewhere);
}

#[test]
fn each_way_to_name_a_cluster_is_told() {
    let (place, fleet) = (place(), Fleet::start());
    let address = value(&fleet.running, "server");
    let (data_dir, file) = (fleet.running.data_dir.display().to_string(), fleet.running.kubeconfig());
    let file = file.to_str().unwrap();
    let told = |change: &dyn Fn(&mut Command) -> &mut Command, words: &[&str]| {
        let mut command = cowherd(place.path());
        command.args(["get", "ks/nobody"]).env_remove("COWHERD_DATA_DIR");
        let output = change(&mut command).output().unwrap();
        says(
            &["get"],
            &output,
            &[&["\"nobody\" not found", &format!("asked: {address}, the context \"cowherd\" of ")], words].concat(),
        );
        String::from_utf8(output.stderr).unwrap()
    };
    let by_flag = told(&|command| command.args(["--kubeconfig", file]), &[file, "which --kubeconfig names"]);
    assert!(!by_flag.contains("to ask another"), "whoever says it by a flag means it: {by_flag}");
    told(&|command| command.args(["--data-dir", &data_dir]), &[file, "in the data directory that --data-dir names"]);
    let variable = "in the data directory that COWHERD_DATA_DIR names";
    told(&|command| command.env("COWHERD_DATA_DIR", &data_dir), &[file, variable]);
    std::fs::create_dir(place.path().join(".kube")).unwrap();
    std::fs::copy(file, place.path().join(".kube/config")).unwrap();
    told(
        &|command| command,
        &[".kube/config, which counts where nothing names another", "no control plane is where you stand"],
    );
    stand_in_for(&fleet.running.data_dir, place.path());
    told(
        &|command| command,
        &[".cowherd/kubeconfig, of the control plane of where you stand", "to ask another: --data-dir"],
    );
    // A file that is missing among others is no obstacle, as with kubectl.
    let several = format!("{}:{file}", place.path().join("gone").display());
    told(&|command| command.env("KUBECONFIG", &several), &[file, "which KUBECONFIG names"]);
    // One whose control plane is gone is in the way of the one of where one stands.
    let mut command = cowherd(place.path());
    let output = command.arg("get").env("KUBECONFIG", place.path().join("gone")).output().unwrap();
    let here = "to ask the control plane of where you stand: unset KUBECONFIG, or --data-dir .cowherd";
    says(&["get"], &output, &["which is not there", here]);
    // What the environment says of the world outside is not for a cluster.
    told(&|command| command.args(["--kubeconfig", file]).env("HTTPS_PROXY", "http://127.0.0.1:1"), &[]);
}

/// The address of a server that speaks something else than the API.
fn stranger() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = stream;
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    format!("https://{address}")
}

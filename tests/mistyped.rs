//! Command lines as people type them wrong, in repositories of every sort: each error names what is wrong and what to do, and the
//! program ends as it is documented.

use std::path::Path;

use crate::program::cowherd;
use crate::program::fleet::Fleet;
use crate::program::repository::{Repository, config_map};

/// Runs a command; how it ended, and what it said.
fn run(directory: &Path, words: &[&str]) -> (i32, String) {
    let mut command = cowherd(directory);
    let output = command.args(words).env_remove("COWHERD_DATA_DIR").env_remove("GIT_PASSWORD").output().unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// Each line fails with a status and says what is given.
fn each(directory: &Path, lines: &[(&str, i32, &[&str])]) {
    for (line, status, said) in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let (ended, text) = run(directory, &words);
        assert_eq!(ended, *status, "{line}: {text}");
        for word in *said {
            assert!(text.contains(word), "{line} does not say {word:?}: {text}");
        }
        assert!(!text.contains("panicked"), "{line}: {text}");
    }
}

#[test]
fn words_that_make_no_sense_together_end_with_2_and_without_a_cluster() {
    let directory = tempfile::tempdir().unwrap();
    each(
        directory.path(),
        &[
            ("get pods", 2, &["unknown kind \"pods\"", "kubectl get"]),
            ("get appprojects", 2, &["AppProject is not supported yet"]),
            ("get ks/a gitrepo/b", 2, &["name one kind at a time"]),
            ("get ks --status-selector x", 2, &["such as ready=false"]),
            ("get -w", 2, &["cowherd get kustomizations -w"]),
            ("get ks -w -o json", 2, &["no output format but wide"]),
            ("tree a b", 2, &["name one Kustomization"]),
            (
                "tree source git x",
                2,
                &["only Kustomizations, HelmReleases, ResourceSets and FluxInstances have a tree"],
            ),
            ("history gitrepo/x", 2, &["only Kustomizations have a history"]),
            ("trace cm", 2, &["KIND/NAME", "got \"cm\""]),
            ("trace deploy/", 2, &["KIND/NAME"]),
            ("diff gitrepo/x", 2, &["only Kustomizations and HelmReleases can be compared"]),
            ("reconcile ks", 2, &["name a kustomization"]),
            ("reconcile --allow-prune", 2, &["name the Kustomizations"]),
            ("suspend ks", 2, &["or use --all"]),
            (
                "resume source",
                2,
                &["`source git`, `source oci`, `source bucket`, `source helm`, `source chart` or `source external`"],
            ),
            ("events --for nope", 2, &["KIND/NAME"]),
            ("events --types Nope", 2, &["Normal, Warning"]),
            ("logs nope", 2, &["KIND/NAME"]),
            ("logs --since-time yesterday", 2, &["write it like 2026-01-31T12:00:00Z"]),
            ("logs --since 5", 2, &["write it like 30s"]),
            ("check --ignore nope", 2, &["there is no such rule"]),
            ("check nowhere", 2, &["nowhere is not there"]),
            ("delete ks/app", 2, &["kubectl delete"]),
            ("bootstrap git", 2, &["--url"]),
            ("bootstrap github --url https://example.com/f", 2, &["--owner and --repository"]),
            ("bootstrap bitbucket-server", 2, &["cowherd bootstrap git --url URL"]),
            ("bootstrap git --components=source-controller", 2, &["one program does what Flux's controllers do"]),
            ("nonsense", 2, &["unrecognized subcommand"]),
            ("init", 2, &["tip: `git init` makes a repository", "cowherd up . --path PATH"]),
            ("wait ks/apps", 2, &["tip: `cowherd up --once` waits"]),
            ("-v", 2, &["tip: `cowherd -V` prints the version"]),
            ("check --pre", 2, &["tip: nothing has to be there before"]),
            ("logs --flux-namespace x", 2, &["tip: `-n NAMESPACE` is that of the objects"]),
            ("get ks -o jsonpath={.items}", 2, &["`kubectl get KIND NAME -n NAMESPACE -o jsonpath=…`"]),
            (
                "reconcile hr web --reset",
                2,
                &["kubectl annotate --overwrite helmrelease web -n flux-system", "reconcile.fluxcd.io/resetAt=$at"],
            ),
            ("agent --kubeconfig nowhere", 1, &["cannot read the kubeconfig nowhere: No such file"]),
            ("get --data-dir nowhere", 1, &["cowherd up --data-dir nowhere"]),
            ("get", 1, &["no cluster to work on", "cowherd up", "--kubeconfig"]),
            (
                "migrate",
                1,
                &["no cluster to work on: name it with --kubeconfig FILE, or with KUBECONFIG as for kubectl"],
            ),
            ("agent", 1, &["no cluster to work on: name it with --kubeconfig FILE"]),
            ("install", 1, &["no cluster to work on: name it with", "without a cluster: cowherd install --export"]),
            ("install --context nowhere", 1, &["no cluster to work on: name it with"]),
            ("diff --fetch --path clusters/prod", 2, &["cannot be used with", "--path <PATH>"]),
            ("diff --fetch --source flux-system/fleet", 2, &["--source is for a comparison without a cluster"]),
            ("diff --with crds.yaml", 2, &["--with is for a comparison without a cluster, --base REVISION"]),
            ("diff --exclude old", 2, &["--exclude is for a comparison without a cluster"]),
            ("diff apps --offline", 2, &["--offline is for a comparison without a cluster"]),
            ("diff apps --base main --recursive", 2, &["cannot be used with", "--base <REVISION>"]),
            ("migrate --back --image-pull-secret registry", 2, &["cannot be used with"]),
            ("migrate --back -- --max-storage=8Gi", 2, &["cannot be used with"]),
            (
                "diff",
                3,
                &["no cluster to work on", "to compare revisions, without a cluster: cowherd diff --base REVISION"],
            ),
            ("render nope", 1, &["nope is not there; name a directory of manifests, a chart, or a chart's archive"]),
        ],
    );
}

#[test]
fn a_command_that_is_advised_can_be_copied_whatever_a_path_is_called() {
    let directory = tempfile::tempdir().unwrap();
    let (status, text) = run(directory.path(), &["get", "--data-dir", "it's here"]);
    assert!(status == 1 && text.contains("it's here holds no control plane"), "{text}");
    assert!(text.contains("`cowherd up --data-dir 'it'\\''s here'`"), "{text}");
}

#[test]
fn names_that_nothing_has_end_with_1_and_what_may_be_meant_is_said() {
    let fleet = Fleet::start();
    let data = fleet.running.data_dir.to_str().unwrap().to_owned();
    for (line, status, said) in [
        ("get ks nope", 1, "\"nope\" not found in \"flux-system\" namespace"),
        ("get ks apq", 1, "did you mean app?"),
        ("tree apq", 1, "did you mean app?"),
        ("history app -n default", 1, "it is elsewhere: -n flux-system"),
        ("diff apq", 3, "did you mean app?"),
        ("diff --revision nope", 3, "there is no revision \"nope\""),
        ("reconcile apq", 1, "did you mean app?"),
        ("suspend apq", 1, "did you mean app?"),
        ("resume apq", 1, "did you mean app?"),
        ("trace cm/nope", 1, "ConfigMap object \"nope\" not found"),
        ("trace cm/rde", 1, "did you mean red?"),
        ("trace confgmap/red", 1, "did you mean configmap?"),
        ("get sources oci", 0, "no ocirepositories found in \"flux-system\" namespace"),
        ("get hr -n nowhere", 0, "no helmreleases found in \"nowhere\" namespace"),
        ("get -n nowhere", 0, "no resources found in \"nowhere\" namespace"),
        ("get sources -n nowhere -o name", 0, "no sources found in \"nowhere\" namespace"),
        ("get images -o wide", 0, "no images found in \"flux-system\" namespace"),
        ("get alert-providers --no-header", 0, "no providers found in \"flux-system\" namespace"),
        ("get ks --status-selector ready=unknown -n nowhere", 0, "no kustomizations found in \"nowhere\" namespace"),
        ("get hr -A", 0, "no helmreleases found"),
        ("events --for confgmap/red", 1, "did you mean configmap?"),
        ("logs ks/apq", 1, "did you mean app?"),
    ] {
        let words: Vec<&str> = line.split(' ').chain(["--data-dir", &data]).collect();
        let (ended, text) = run(fleet.directory.path(), &words);
        assert!(ended == status && text.contains(said), "{line}: {ended}: {text}");
    }
    // As with kubectl, those that are there are shown before the one that is not.
    let (status, text) = run(fleet.directory.path(), &["get", "ks", "app", "nope", "--data-dir", &data]);
    assert!(status == 1 && text.contains("app ") && text.contains("\"nope\" not found"), "{text}");
    // Which cluster it was is of no matter for what no cluster would take.
    let (status, text) = run(fleet.directory.path(), &["get", "-l", "!!", "--data-dir", &data]);
    assert!(status == 1 && text.contains("unable to parse requirement") && !text.contains("asked:"), "{text}");
}

#[test]
fn what_is_found_is_a_list_however_much_it_is_and_what_is_named_is_itself() {
    let fleet = Fleet::start();
    let kind = |words: &[&str]| {
        let said = fleet.running.cowherd_ok(words.iter().chain(&["-o", "json"]));
        serde_json::from_str::<serde_json::Value>(&said).unwrap()["kind"].as_str().unwrap().to_owned()
    };
    assert_eq!(kind(&["get", "sources", "git"]), "List", "there is one");
    assert_eq!(kind(&["get", "sources", "oci"]), "List", "there is none");
    assert_eq!(kind(&["get", "sources", "git", "flux-system"]), "GitRepository");
    assert_eq!(kind(&["get", "ks", "app", "other"]), "List");
    assert_eq!(kind(&["events", "--for", "cm/red", "-n", "default"]), "List", "there is none");
}

#[test]
fn output_that_cannot_be_written_is_a_failure_like_others() {
    let fleet = Fleet::start();
    for (words, status) in
        [(&["get", "ks"][..], 1), (&["tree", "flux-system"], 1), (&["version"], 1), (&["check", ".", "-o", "json"], 2)]
    {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = crate::program::cowherd(&fleet.repository.path);
        let output =
            command.args(words).env("KUBECONFIG", fleet.running.data_dir.join("kubeconfig")).stdout(full).output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{words:?}: {said}");
        assert!(
            said.contains("cannot write the output: No space left on device") && !said.contains("panicked"),
            "{said}"
        );
    }
}

#[test]
fn repositories_of_every_sort_are_followed_or_refused_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    let make = |name: &str| Repository::new(place.join(name));
    std::fs::create_dir(place.join("plain")).unwrap();
    make("empty");
    make("words").write("README.md", "# Fleet\n").commit("one");
    let good = make("good mit Ümläuten");
    good.config_map("der Äpp/eins zwei.yaml", "a", "1").commit("one");
    good.git(["clone", "--quiet", "--bare", ".", "../bare"]);
    good.git(["worktree", "add", "--quiet", "../tree", "-b", "side"]);
    let detached = make("detached");
    detached.config_map("app/a.yaml", "a", "1").commit("one");
    detached.git(["checkout", "--quiet", "--detach"]);
    detached.config_map("app/b.yaml", "b", "1").commit("two");
    let url = format!("file://{}", detached.path.display());
    detached.git(["clone", "--quiet", "--depth", "1", &url, "../shallow"]);
    std::fs::write(place.join("file"), "").unwrap();

    let up = |from: &str, words: &[&str]| {
        let data = place.join(format!("data of {from}"));
        let words =
            [&["up", ".", "--once", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().unwrap()], words].concat();
        run(&place.join(from), &words)
    };
    for (from, said) in [
        ("plain", ["neither this directory nor one above it is a Git repository", "`git init`"]),
        ("empty", ["empty has no commit on main yet", "commit your manifests first"]),
    ] {
        let (status, text) = up(from, &[]);
        assert!(status == 1 && said.iter().all(|word| text.contains(word)), "{from}: {text}");
        assert!(!place.join(format!("data of {from}")).exists(), "{from}");
    }
    for from in ["good mit Ümläuten", "bare", "tree", "detached", "shallow"] {
        let (status, text) = up(from, &[]);
        assert!(status == 0 && text.contains("1 of 1 Kustomizations are ready"), "{from}: {text}");
        let quoted = format!("cowherd up --data-dir '{}/data of {from}' --listen=127.0.0.1:0", place.display());
        assert!(text.contains(&quoted), "what is advised can be copied: {text}");
    }
    let (status, text) = up("words", &[]);
    assert!(status == 0 && text.contains("there are no manifests in ./ of file://"), "{text}");
    let (status, text) = up("good mit Ümläuten", &[]);
    assert!(status == 0 && !text.contains("there are no manifests"), "{text}");
    for (words, status, said) in [
        (&["--private-key-file", "key"][..], 2, "--private-key-file is for a repository of a server"),
        (&["--ca-file", "ca"], 2, "--ca-file is for a repository of a server"),
        (&["--path", "nope", "--switch"], 1, "there is no ./nope"),
        (&["--branch", "nope", "--switch"], 1, "branch \"nope\" was not found"),
    ] {
        let (ended, text) = up("good mit Ümläuten", words);
        assert!(ended == status && text.contains(said), "{words:?}: {ended}: {text}");
    }
    let file = "file cannot be the data directory: file is a file; name another with --data-dir";
    each(
        place,
        &[
            ("up good --once --data-dir file", 1, &[file]),
            ("server --data-dir file/below", 1, &["file/below cannot be the data directory: file is a file"]),
            (
                "up https://127.0.0.1:1/x --once --ca-file ca --data-dir new",
                1,
                &["cannot read ca, which --ca-file names"],
            ),
            ("check --with nowhere", 2, &["cannot read nowhere, which --with names"]),
            ("check bare", 2, &["bare, so that no files are there", "--revision HEAD"]),
            ("check bare --revision HEAD", 0, &["0 errors"]),
            ("check file", 2, &["file is a file", "name the repository, or a directory of it"]),
            ("check empty", 2, &["there is nothing to check in empty"]),
            ("render empty", 0, &["Warning: there are no manifests"]),
        ],
    );
    let (_, text) = run(place, &["check", "empty"]);
    assert!(!text.contains('✔'), "what is not checked is not well: {text}");
    each(&place.join("detached"), &[("diff --base HEAD~5", 3, &["\"HEAD~5\"", "history does not go back so far"])]);
    each(&place.join("detached"), &[("diff main", 3, &["no cluster to work on", "cowherd diff --base main"])]);
    std::fs::write(place.join("plain/a.yaml"), config_map("a", "1")).unwrap();
    each(
        place,
        &[
            ("check plain", 0, &["plain is in no Git repository: all below it is looked at", "0 errors"]),
            ("render plian", 1, &["plian is not there", "did you mean plain?"]),
        ],
    );
    for revision in ["HEAD~1", "v1"] {
        let line = format!("diff --base {revision}");
        each(&place.join("shallow"), &[(&line, 3, &["the clone is shallow", "git fetch --unshallow"])]);
    }
}

#[test]
fn nothing_is_read_of_a_submodule_and_that_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let part = Repository::new(directory.path().join("part"));
    part.config_map("b.yaml", "b", "1").commit("part");
    let whole = Repository::new(directory.path().join("whole"));
    whole.write("a.yaml", &config_map("a", "1"));
    whole.git(["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../part", "lib"]);
    whole.commit("whole");
    let (status, text) = run(&whole.path, &["up", ".", "--once", "--listen", "127.0.0.1:0"]);
    assert!(status == 0 && text.contains("lib is a submodule, of which nothing is read"), "{text}");
    assert!(text.contains("1 applied"), "{text}");
    // What is checked on disk is what a commit has.
    let (status, text) = run(&whole.path, &["check"]);
    assert!(status == 0 && text.contains("1 object in 1 Kustomization, 1 path: ./ (manifests)"), "{text}");
}

#[test]
fn words_of_other_programs_are_answered_with_what_does_it_here() {
    let directory = tempfile::tempdir().unwrap();
    for (words, tip) in [
        (&["app", "sync", "guestbook"][..], "tip: `cowherd reconcile NAME --with-source`"),
        (&["app", "list"], "tip: `cowherd get ks -A`"),
        (&["rollback", "guestbook"], "tip: `git revert`"),
        (&["stats"], "tip: `cowherd get -A`"),
        (&["repo", "add", "https://example.com/charts"], "tip: repositories are sources"),
        (&["export", "source", "git"], "tip: `cowherd get KIND NAME -o yaml`"),
    ] {
        let output = crate::program::cowherd(directory.path()).args(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(&format!("there is no command '{}'", words[0])) && said.contains(tip), "{said}");
    }
}

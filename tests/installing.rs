//! `cowherd install`: what agents need comes to a cluster, and the agents themselves.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::program::repository::{Repository, config_map};
use crate::program::{Running, cowherd, eventually, succeeded};

const IMAGE: &str = "registry.example.com/cowherd:1";

/// Ends the agent when the value goes.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn install(running: &Running, words: &[&str]) -> Output {
    let mut install = cowherd(running.data_dir.parent().unwrap());
    install.arg("install").arg("--kubeconfig").arg(running.kubeconfig()).args(words).output().unwrap()
}

fn documents(yaml: &str) -> Vec<Value> {
    let documents = cowherd_yaml::parse_documents(yaml.as_bytes(), &cowherd_yaml::Limits::default()).unwrap();
    documents.into_iter().map(|document| document.value).collect()
}

/// A Deployment of Flux.
fn controller(name: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: flux-system, labels: \
         {{app.kubernetes.io/component: {name}, app.kubernetes.io/part-of: flux}}}}\nspec:\n  selector: {{matchLabels: {{app: \
         {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec: {{containers: [{{name: manager, image: \
         flux}}]}}\n"
    )
}

/// A kubeconfig with the token of an account of `flux-system`, as a Pod has one.
fn kubeconfig_of(running: &Running, account: &str) -> PathBuf {
    let path = running.data_dir.with_file_name(format!("{account}.kubeconfig"));
    std::fs::copy(running.kubeconfig(), &path).unwrap();
    let token = running.kubectl_ok(["create", "token", account, "--namespace", "flux-system"]);
    let config = |words: &[&str]| {
        succeeded(Command::new("kubectl").arg("--kubeconfig").arg(&path).arg("config").args(words).output().unwrap())
    };
    config(&["set-credentials", account, "--token", &token]);
    config(&["set-context", "--current", "--user", account]);
    path
}

#[test]
fn what_is_printed_is_what_deploy_holds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let built = |directory: &str| {
        documents(&succeeded(Command::new("kubectl").arg("kustomize").arg(root.join(directory)).output().unwrap()))
    };
    let printed = |words: &[&str]| documents(&succeeded(cowherd(&root).arg("install").args(words).output().unwrap()));
    let same = |mut printed: Vec<Value>, mut built: Vec<Value>| {
        let key = |value: &Value| format!("{}/{}", value["kind"], value["metadata"]["name"]);
        printed.sort_by_key(key);
        built.sort_by_key(key);
        assert_eq!(printed, built);
    };
    same(printed(&["--export", "--no-lock-down"]), built("deploy"));
    let is_open = |value: &Value| value["metadata"]["name"] == "cowherd-applier";
    let both = [built("deploy"), built("deploy/in-cluster")].concat();
    let locked = both.into_iter().filter(|value| !is_open(value)).collect();
    same(printed(&["--export", "--image", "cowherd:latest"]), locked);
}

/// The chart, as helm and as this program make it, without what is the chart's alone: that definitions stay.
fn charted(words: &[&str]) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let made = |mut command: Command| {
        let made = command.args(["deploy/chart", "--namespace", "flux-system"]).args(words).current_dir(&root).output();
        documents(&succeeded(made.unwrap())).into_iter().filter(|one| !one.is_null()).collect::<Vec<_>>()
    };
    let mut helm = Command::new("helm");
    helm.args(["template", "cowherd"]);
    let mut own = cowherd(&root);
    own.args(["render", "cowherd"]);
    let (mut made, own) = (made(helm), made(own));
    assert_eq!(made, own);
    for document in made.iter_mut().filter(|one| one["kind"] == "CustomResourceDefinition") {
        let metadata = document["metadata"].as_object_mut().unwrap();
        let annotations = metadata["annotations"].as_object_mut().unwrap();
        assert_eq!(annotations.remove("helm.sh/resource-policy"), Some("keep".into()), "{}", metadata["name"]);
        if metadata["annotations"] == serde_json::json!({}) {
            metadata.remove("annotations");
        }
    }
    made
}

#[test]
fn the_chart_brings_what_install_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let installed = |words: &[&str]| {
        let printed = documents(&succeeded(cowherd(&root).args(["install", "--export"]).args(words).output().unwrap()));
        printed.into_iter().filter(|one| one["kind"] != "Namespace").collect::<Vec<_>>()
    };
    let same = |mut charted: Vec<Value>, mut installed: Vec<Value>| {
        let key = |value: &Value| format!("{}/{}", value["kind"], value["metadata"]["name"]);
        charted.sort_by_key(key);
        installed.sort_by_key(key);
        assert_eq!(charted, installed);
    };
    same(charted(&["--set", &format!("image={IMAGE}")]), installed(&["--image", IMAGE]));
    let open = ["--set", &format!("image={IMAGE},replicas=2,lockDown=false,agentFlags={{--max-storage=8Gi}}")];
    same(
        charted(&open),
        installed(&["--image", IMAGE, "--replicas", "2", "--no-lock-down", "--", "--max-storage=8Gi"]),
    );
}

#[test]
fn the_chart_leaves_out_what_the_values_say() {
    let nothing = "serviceAccount.create=false,rbac.create=false,platformServiceAccount.create=false,roles.create=false,\
                   webhookReceiver.create=false,networkPolicy.create=false,crds.install=false";
    let made = |values: &str| charted(&["--set", &format!("image={IMAGE},{values}")]);
    let kinds: Vec<Value> = made(nothing).iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds, ["Deployment"]);
    let all = made("lockDown=true");
    let missing = |values: &str| {
        let rest = made(values);
        let gone = all.iter().filter(|one| !rest.contains(one));
        gone.map(|one| format!("{}/{}", one["kind"], one["metadata"]["name"]).replace('"', "")).collect::<Vec<_>>()
    };
    assert_eq!(missing("platformServiceAccount.create=false"), ["ServiceAccount/kustomize-controller"]);
    assert_eq!(missing("serviceAccount.create=false"), ["ServiceAccount/cowherd-agent"]);
    assert_eq!(missing("webhookReceiver.name=cowherd-webhooks"), ["Service/webhook-receiver"]);
    assert_eq!(missing("networkPolicy.create=false"), ["NetworkPolicy/cowherd-agent"]);
    let rights = missing("rbac.create=false");
    assert!(
        rights.len() == 9 && rights.iter().all(|one| one.contains("Role") && one.contains("/cowherd-")),
        "{rights:?}"
    );
}

/// What Flux leaves where it was, of the names that the chart has too.
const LEFT_BY_FLUX: &str = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: kustomize-controller, namespace: flux-system}\n---\n\
                            apiVersion: v1\nkind: Service\nmetadata: {name: webhook-receiver, namespace: flux-system}\nspec:\n  \
                            selector: {app: notification-controller}\n  ports: [{name: http, port: 80, protocol: TCP, targetPort: \
                            http-webhook}]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: \
                            flux-view-flux-system}\nrules: []\n";

#[test]
fn where_flux_was_the_chart_comes_beside_what_is_there_or_takes_it_over() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), ["server"]);
    running.kubectl_ok(["create", "namespace", "flux-system"]);
    let file = directory.path().join("flux.yaml");
    std::fs::write(&file, LEFT_BY_FLUX).unwrap();
    running.kubectl_ok(["apply", "--server-side", "--field-manager=flux", "-f", file.to_str().unwrap()]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let helm = |words: &[&str]| {
        let mut helm = Command::new("helm");
        helm.arg("--kubeconfig").arg(running.kubeconfig()).args(["--namespace", "flux-system"]).args(words);
        helm.current_dir(&root).env("HOME", directory.path()).output().unwrap()
    };
    let chart = |words: &[&str]| helm(&[&["install", "cowherd", "deploy/chart", "--set"], words].concat());
    let selector = |name: &str| {
        running.get(&format!("service {name} -n flux-system"))["spec"]["selector"].as_object().unwrap().clone()
    };
    let refused = chart(&["image=a"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("invalid ownership metadata"), "{said}");
    let beside = "image=a,roles.create=false,platformServiceAccount.create=false,webhookReceiver.name=cowherd-webhooks";
    let told = succeeded(chart(&[beside]));
    assert!(told.contains("by the Service cowherd-webhooks"), "{told}");
    assert_eq!(selector("webhook-receiver")["app"], "notification-controller");
    assert!(selector("cowherd-webhooks").contains_key("app.kubernetes.io/component"));
    succeeded(helm(&["uninstall", "cowherd"]));
    assert_eq!(selector("webhook-receiver")["app"], "notification-controller", "it is not the release's");
    succeeded(chart(&["image=a", "--take-ownership", "--force-conflicts"]));
    let taken = selector("webhook-receiver");
    assert!(taken.contains_key("app.kubernetes.io/component") && !taken.contains_key("app"), "{taken:?}");
}

#[test]
fn the_chart_says_what_it_lacks() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (namespace, values, words) in [
        ("flux-system", "replicas=1", "say which image the nodes fetch"),
        ("elsewhere", "image=a", "--namespace flux-system"),
        ("flux-system", "image=a,replica=2", "replica"),
    ] {
        let mut helm = Command::new("helm");
        helm.args(["template", "cowherd", "deploy/chart", "--namespace", namespace, "--set", values]);
        let refused = helm.current_dir(&root).output().unwrap();
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains(words), "{words}: {said}");
    }
}

#[test]
fn an_installed_agent_is_locked_down_and_the_platform_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), ["server"]);
    let repository = Repository::new(directory.path().join("fleet"));
    repository.write("platform/map.yaml", &config_map("platform", "1"));
    // As `flux bootstrap` writes it: were it brought, Flux would run beside cowherd.
    repository.write("platform/flux.yaml", &controller("kustomize-controller"));
    repository.write("tenant/map.yaml", &config_map("tenant", "1"));
    repository.commit("begin");
    // There is no node that would run the agents, so this one waits in vain, and says so; all else is there.
    let output = install(&running, &["--image", IMAGE, "--replicas", "2", "--timeout", "2s"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for words in ["Deployment/flux-system/cowherd-agent created", "not all there", "kubectl describe deployment,pod"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let deployment = running.get("deployment cowherd-agent -n flux-system");
    assert_eq!(deployment["spec"]["replicas"], 2);
    // What its Pods would run is run here instead, with the account that they have.
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["containers"][0]["image"], IMAGE);
    let kubeconfig = kubeconfig_of(&running, pod["serviceAccountName"].as_str().unwrap());
    let mut agent = cowherd(directory.path());
    for argument in pod["containers"][0]["args"].as_array().unwrap() {
        let argument = argument.as_str().unwrap().replace("=/data", "=agent");
        agent.arg(argument.replace("=:8080", "=127.0.0.1:0").replace("=:9292", "=127.0.0.1:0"));
    }
    agent.arg("--kubeconfig").arg(kubeconfig).arg("--local-repository").arg(&repository.path);
    let _agent = Agent(agent.stderr(Stdio::null()).spawn().unwrap());
    let follow = |name: &str, more: &str| {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: \
             flux-system}}\nspec:\n  interval: 10m\n  path: {name}\n  prune: true\n  sourceRef: {{kind: GitRepository, \
             name: fleet}}\n{more}---\n"
        )
    };
    let source = format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: fleet, namespace: \
         flux-system}}\nspec: {{interval: 1m, url: 'file://{}', ref: {{branch: main}}}}\n---\n",
        repository.path.display()
    );
    let manifests =
        source + &follow("platform", "  serviceAccountName: kustomize-controller\n") + &follow("tenant", "");
    let file = directory.path().join("follow.yaml");
    std::fs::write(&file, manifests).unwrap();
    running.kubectl_ok(["apply", "--server-side", "-f", file.to_str().unwrap()]);
    running.wait_for_ready("platform", "True", "Applied revision");
    running.wait_for_value("platform", "1");
    assert!(!running.kubectl(["get", "deployment", "kustomize-controller", "-n", "flux-system"]).status.success());
    running.wait_for_ready("tenant", "False", "system:serviceaccount:flux-system:default");
    assert_eq!(running.value("tenant"), "");
}

#[test]
fn again_it_changes_nothing_and_says_so_to_programs() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), ["server"]);
    let actions = |output: Output| {
        let done: Value = serde_json::from_str(&succeeded(output)).unwrap();
        let mut actions: Vec<_> =
            done["objects"].as_array().unwrap().iter().map(|one| one["action"].to_string()).collect();
        actions.sort();
        actions.dedup();
        actions
    };
    // The namespace `default`'s own are not among them, so all are new.
    assert_eq!(actions(install(&running, &["-o", "json"])), ["\"created\""]);
    assert_eq!(actions(install(&running, &["-o", "json"])), ["\"unchanged\""]);
    running.kubectl_ok(["label", "namespace", "flux-system", "kept=yes"]);
    running.kubectl_ok(["delete", "clusterrolebinding", "cowherd-delivery"]);
    assert_eq!(actions(install(&running, &["-o", "json"])), ["\"created\"", "\"unchanged\""]);
}

#[test]
fn what_says_the_same_is_unchanged_whoever_has_described_it() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), ["server"]);
    let bring = || {
        let output = install(&running, &["--image", IMAGE, "--timeout", "1s"]);
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    bring();
    // What the API gives it anyway.
    let exported =
        succeeded(cowherd(directory.path()).args(["install", "--image", IMAGE, "--export"]).output().unwrap());
    let mut service = documents(&exported).into_iter().find(|one| one["kind"] == "Service").unwrap();
    service["spec"]["sessionAffinity"] = "None".into();
    let file = directory.path().join("service.json");
    std::fs::write(&file, service.to_string()).unwrap();
    running.kubectl_ok(["apply", "--server-side", "--field-manager=cowherd", "-f", file.to_str().unwrap()]);
    let said = bring();
    assert!(said.contains("Service/flux-system/webhook-receiver unchanged"), "{said}");
}

#[test]
fn where_flux_runs_neither_is_brought_nor_works_unless_it_is_meant() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), ["server"]);
    running.kubectl_ok(["create", "namespace", "flux-system"]);
    let deployment = directory.path().join("flux.yaml");
    std::fs::write(&deployment, controller("kustomize-controller")).unwrap();
    running.kubectl_ok(["apply", "-f", deployment.to_str().unwrap()]);
    let refused = |output: Output| {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        let scale = "kubectl scale deployment --replicas=0 --namespace flux-system kustomize-controller";
        for words in ["flux-system/kustomize-controller", scale, "--beside-flux"] {
            assert!(said.contains(words), "{words}: {said}");
        }
    };
    refused(install(&running, &[]));
    let agent = |words: &[&str]| {
        let mut agent = cowherd(directory.path());
        agent.args(["agent", "--data-dir", "agent", "--kubeconfig"]).arg(running.kubeconfig()).args(words);
        agent
    };
    refused(agent(&["--install-crds"]).output().unwrap());
    let crds = ["get", "crd", "kustomizations.kustomize.toolkit.fluxcd.io"];
    assert!(!running.kubectl(crds).status.success(), "a cluster that is refused is left as it is");
    succeeded(install(&running, &["--beside-flux"]));
    running.kubectl_ok(["scale", "deployment", "--replicas=0", "--namespace", "flux-system", "kustomize-controller"]);
    succeeded(install(&running, &[]));
    let _agent = Agent(agent(&[]).stderr(Stdio::null()).spawn().unwrap());
    eventually("it leads", || {
        let lease = running.kubectl(["get", "lease", "cowherd-agent", "-n", "flux-system"]);
        if lease.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&lease.stderr).into_owned()) }
    });
}

#[test]
fn the_control_plane_of_up_keeps_its_own_agents_and_their_rights() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repository"));
    repository.config_map("one.yaml", "one", "1");
    let first = repository.commit("one");
    let running = Running::start(directory.path(), ["up", repository.path.to_str().unwrap()]);
    running.wait_for_ready("flux-system", "True", &first);
    let mut agent = cowherd(directory.path());
    agent.args(["agent", "--data-dir", "agent", "--install-crds", "--beside-flux", "--kubeconfig"]);
    agent.arg(running.kubeconfig());
    for refused in [install(&running, &["--beside-flux"]), agent.output().unwrap()] {
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains("the control plane of `cowherd up`") && said.contains("--context"), "{said}");
    }
    repository.config_map("one.yaml", "one", "2");
    let second = repository.commit("two");
    running.wait_for_ready("flux-system", "True", &second);
}

#[test]
fn an_image_has_what_its_programs_need() {
    let directory = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/image.sh");
    let make = |name: &str| {
        let archive = directory.path().join(name);
        // Any program does, and the one that is tested here has hundreds of megabytes of debug information.
        succeeded(Command::new(&script).arg(&archive).arg("/bin/true").output().unwrap());
        std::fs::read(archive).unwrap()
    };
    assert!(make("image.tar") == make("again.tar"), "the same files make the same image");
    let layout = directory.path().join("layout");
    let root = directory.path().join("root");
    let unpack = |archive: &Path, into: &Path| {
        std::fs::create_dir_all(into).unwrap();
        succeeded(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(into).output().unwrap());
    };
    unpack(&directory.path().join("image.tar"), &layout);
    let blob = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        let path = layout.join("blobs/sha256").join(digest);
        let sum = succeeded(Command::new("sha256sum").arg(&path).output().unwrap());
        assert!(sum.starts_with(digest), "{sum} of {digest}");
        assert_eq!(descriptor["size"], std::fs::metadata(&path).unwrap().len());
        path
    };
    let read = |path: &Path| serde_json::from_slice::<Value>(&std::fs::read(path).unwrap()).unwrap();
    let index = read(&layout.join("index.json"));
    let manifest = read(&blob(&index["manifests"][0]));
    let config = read(&blob(&manifest["config"]));
    assert_eq!(config["config"]["Entrypoint"], serde_json::json!(["/usr/local/bin/cowherd"]));
    unpack(&blob(&manifest["layers"][0]), &root);
    // As in a container, nothing of this machine is there but the kernel: the loader finds all libraries below `root`.
    let library = |of: &str| {
        let listed = succeeded(Command::new("ldd").arg(of).output().unwrap());
        listed.split_whitespace().filter(|word| word.starts_with('/')).map(str::to_owned).collect::<Vec<_>>()
    };
    for (path, original, words) in [("usr/local/bin/cowherd", "/bin/true", ""), ("usr/bin/ssh", "/usr/bin/ssh", "-V")] {
        let libraries = library(original);
        let loader = libraries.iter().find(|library| library.contains("/ld-")).unwrap();
        let mut directories: Vec<String> = libraries
            .iter()
            .map(|library| root.join(library.trim_start_matches('/')))
            .inspect(|library| assert!(library.exists(), "{}", library.display()))
            .map(|library| library.parent().unwrap().display().to_string())
            .collect();
        directories.dedup();
        let mut program = Command::new(root.join(loader.trim_start_matches('/')));
        program.arg("--inhibit-cache").arg("--library-path").arg(directories.join(":")).arg(root.join(path));
        succeeded(program.args(words.split_whitespace()).output().unwrap());
    }
}

//! A repository of many apps: a Kustomization each, each with four objects.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

/// The repository.
pub struct Repository {
    pub path: PathBuf,
}

impl Repository {
    /// A repository with a cluster that has no apps yet.
    pub fn new(path: PathBuf) -> Result<Self> {
        fs::create_dir_all(path.join("cluster"))?;
        let repository = Self { path };
        repository.git(&["init", "--quiet", "--initial-branch", "main"])?;
        repository.write("cluster/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: apps\n")?;
        repository.commit("[bench] start")?;
        Ok(repository)
    }

    /// Adds apps `app-0` and so on.
    pub fn add_apps(&self, count: usize) -> Result<()> {
        for number in 0..count {
            let name = name(number);
            self.write(&format!("cluster/{name}.yaml"), &kustomization(&name))?;
            self.write_app(number, "1.0.0")?;
        }
        Ok(())
    }

    /// Adds apps of a ConfigMap and a Service each, which are ready as soon as they are there.
    pub fn add_small_apps(&self, count: usize) -> Result<()> {
        for number in 0..count {
            let name = name(number);
            let waits_for_nothing = kustomization(&name).replace("  wait: true\n", "");
            self.write(&format!("cluster/{name}.yaml"), &waits_for_nothing)?;
            self.write(&format!("apps/{name}/app.yaml"), &small_app(&name))?;
        }
        Ok(())
    }

    /// Writes an app's manifests with this version of its image.
    pub fn write_app(&self, number: usize, version: &str) -> Result<()> {
        let name = name(number);
        self.write(&format!("apps/{name}/app.yaml"), &app(&name, version))
    }

    /// Commits everything; when the commit was there.
    pub fn commit(&self, message: &str) -> Result<Instant> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", message])?;
        Ok(Instant::now())
    }

    /// The commit that is checked out.
    pub fn head(&self) -> Result<String> {
        self.git(&["rev-parse", "HEAD"])
    }

    fn write(&self, path: &str, content: &str) -> Result<()> {
        let path = self.path.join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
        Ok(fs::write(path, content)?)
    }

    fn git(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new("git")
            .args(["-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "gc.auto=0"])
            .args(arguments)
            .current_dir(&self.path)
            .output()?;
        if !output.status.success() {
            bail!("git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// The name of an app and of its Kustomization.
pub fn name(number: usize) -> String {
    format!("app-{number}")
}

fn kustomization(name: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: {name}
  namespace: flux-system
spec:
  interval: 1h
  path: ./apps/{name}
  prune: true
  wait: true
  timeout: 5m
  sourceRef:
    kind: GitRepository
    name: flux-system
"
    )
}

/// A ConfigMap and a Service.
fn small_app(name: &str) -> String {
    format!(
        "apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
  namespace: apps
data:
  name: {name}
---
apiVersion: v1
kind: Service
metadata:
  name: {name}
  namespace: apps
spec:
  selector: {{app: {name}}}
  ports: [{{port: 80}}]
"
    )
}

/// A Deployment scaled to zero, a ServiceAccount, a Service and an Ingress.
fn app(name: &str, version: &str) -> String {
    format!(
        "apiVersion: v1
kind: ServiceAccount
metadata:
  name: {name}
  namespace: apps
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: apps
spec:
  replicas: 0
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      serviceAccountName: {name}
      containers:
        - name: app
          image: example.com/app:{version}
          ports:
            - name: http
              containerPort: 8080
          resources:
            requests:
              cpu: 100m
              memory: 64Mi
---
apiVersion: v1
kind: Service
metadata:
  name: {name}
  namespace: apps
spec:
  selector:
    app: {name}
  ports:
    - name: http
      port: 80
      targetPort: http
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {name}
  namespace: apps
spec:
  rules:
    - host: {name}.example.com
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {name}
                port:
                  name: http
"
    )
}

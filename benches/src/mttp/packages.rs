//! What lies in the registry: an app in two versions, as an artifact and as a chart.

use anyhow::Result;
use cowherd_gitserver::artifact::{Artifact, Repository, descriptor, packed};
use cowherd_gitserver::registry::{Access, Registry};
use tempfile::TempDir;

/// The version that is installed.
pub const FIRST: &str = "1.0.0";
/// The version to which it is upgraded; its Deployment has another image.
pub const SECOND: &str = "1.1.0";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CHART_CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
const CHART_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// A registry with the packages.
pub struct Packages {
    registry: Registry,
    _directory: TempDir,
}

impl Packages {
    /// Starts a registry and pushes them.
    pub fn push() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
        for version in [FIRST, SECOND] {
            let manifests = app("${app}", version);
            Artifact::of(&[("app.yaml", manifests)]).push(&Repository::new(&registry.host, "manifests/app"), version);
            push_chart(&Repository::new(&registry.host, "charts/app"), version);
        }
        Ok(Self { registry, _directory: directory })
    }

    /// Where the manifests lie.
    pub fn manifests(&self) -> String {
        format!("oci://{}/manifests/app", self.registry.host)
    }

    /// Where the charts lie.
    pub fn charts(&self) -> String {
        format!("oci://{}/charts", self.registry.host)
    }
}

/// Pushes the chart, as `helm push` does.
fn push_chart(to: &Repository<'_>, version: &str) {
    let chart = format!("apiVersion: v2\nname: app\nversion: {version}\nappVersion: {version}\n");
    let templates = app("{{ .Release.Name }}", "{{ .Chart.AppVersion }}");
    let archive = packed(&[("app/Chart.yaml", &chart), ("app/templates/app.yaml", &templates)]);
    let config = format!("{{\"apiVersion\":\"v2\",\"name\":\"app\",\"version\":{version:?}}}");
    let manifest = format!(
        "{{\"schemaVersion\":2,\"mediaType\":{MANIFEST:?},\"config\":{},\"layers\":[{}]}}",
        descriptor(CHART_CONFIG, &to.blob(config.as_bytes()), config.len()),
        descriptor(CHART_LAYER, &to.blob(&archive), archive.len())
    );
    to.manifest(version, MANIFEST, manifest.as_bytes());
}

/// What an app is.
fn app(name: &str, version: &str) -> String {
    let labels = format!("{{app.kubernetes.io/name: {name:?}}}");
    let service = format!("{{service: {{name: {name:?}, port: {{name: http}}}}}}");
    format!(
        "apiVersion: v1
kind: ServiceAccount
metadata:
  name: {name}
---
apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  selector: {labels}
  ports:
  - {{name: http, port: 9898, targetPort: http}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: 0
  selector:
    matchLabels: {labels}
  template:
    metadata:
      labels: {labels}
    spec:
      serviceAccountName: {name}
      containers:
      - name: app
        image: registry.example.com/app:{version}
        ports:
        - {{name: http, containerPort: 9898}}
        resources:
          requests: {{cpu: 100m, memory: 64Mi}}
          limits: {{memory: 128Mi}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {name}
spec:
  rules:
  - host: {name}.example.com
    http:
      paths:
      - {{path: /, pathType: Prefix, backend: {service}}}
"
    )
}

//! The files that random repositories are made of: what may stand where, in a few variants each.

use std::collections::BTreeMap;

/// The files of a repository by path. Nothing stands below a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Files(pub(super) BTreeMap<String, Node>);

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    File { content: String, executable: bool },
    Link(String),
    Submodule,
}

impl Files {
    /// Puts something in the place of whatever is there, above or below.
    pub(super) fn put(&mut self, path: &str, node: Node) {
        let mut above = path;
        while let Some((parent, _)) = above.rsplit_once('/') {
            self.0.remove(parent);
            above = parent;
        }
        self.remove(path);
        self.0.insert(path.to_owned(), node);
    }

    /// Removes a file, or a directory with all that is in it.
    pub(super) fn remove(&mut self, path: &str) {
        let below = format!("{path}/");
        self.0.retain(|other, _| other != path && !other.starts_with(&below));
    }

    /// Moves a file, or a directory with all that is in it.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        let below = format!("{from}/");
        let is_moved = |path: &str| path == from || path.starts_with(&below);
        let moved: Vec<_> =
            self.0.iter().filter(|(path, _)| is_moved(path)).map(|(p, n)| (p.clone(), n.clone())).collect();
        self.remove(from);
        for (path, node) in moved {
            self.put(&format!("{to}{}", &path[from.len()..]), node);
        }
    }
}

/// Stands in a kustomization for the address of a repository whose files move, too.
pub(super) const REMOTE: &str = "REMOTE";

/// The files of a repository in which nothing is missing, and of what kind each is.
pub(super) const PATHS: [(&str, Kind); 52] = [
    ("apps/a/kustomization.yaml", Kind::App),
    ("apps/a/map.yaml", Kind::Map("map")),
    ("apps/a/deployment.yaml", Kind::Deployment("front")),
    ("apps/a/patch.yaml", Kind::Patch),
    ("apps/a/replacements.yaml", Kind::Replacements),
    ("apps/a/conf/app.conf", Kind::Text),
    ("apps/a/conf/app.env", Kind::Env),
    ("apps/b/kustomization.yaml", Kind::App),
    ("apps/b/map.yaml", Kind::Map("map")),
    ("apps/b/deployment.yaml", Kind::Deployment("front")),
    ("apps/b/patch.yaml", Kind::Patch),
    ("apps/b/replacements.yaml", Kind::Replacements),
    ("apps/b/conf/app.conf", Kind::Text),
    ("apps/b/conf/app.env", Kind::Env),
    ("apps/c/kustomization.yaml", Kind::App),
    ("apps/c/map.yaml", Kind::Map("map")),
    ("apps/c/deployment.yaml", Kind::Deployment("front")),
    ("apps/c/patch.yaml", Kind::Patch),
    ("apps/c/replacements.yaml", Kind::Replacements),
    ("apps/c/conf/app.conf", Kind::Text),
    ("apps/c/conf/app.env", Kind::Env),
    ("plain/one.yaml", Kind::Map("one")),
    ("plain/deep/two.yaml", Kind::Map("two")),
    ("plain/notes.txt", Kind::Text),
    ("base/kustomization.yaml", Kind::Base),
    ("base/deployment.yaml", Kind::Deployment("web")),
    ("base/map.yaml", Kind::Map("base")),
    ("base/extra/kustomization.yaml", Kind::Extra),
    ("base/extra/extra.yaml", Kind::Map("extra")),
    ("components/labels/kustomization.yaml", Kind::Component),
    ("components/labels/patch.yaml", Kind::Patch),
    ("transformers/prefix.yaml", Kind::Transformer),
    ("generators/map.yaml", Kind::Generator),
    ("names.yaml", Kind::Configuration),
    ("crds.json", Kind::Schema),
    ("values.yaml", Kind::Values),
    ("charts/web/Chart.yaml", Kind::Chart("web")),
    ("charts/web/values.yaml", Kind::Values),
    ("charts/web/values.schema.json", Kind::ValuesSchema),
    ("charts/web/.helmignore", Kind::HelmIgnore),
    ("charts/web/templates/map.yaml", Kind::Template),
    ("charts/web/templates/_names.tpl", Kind::Helpers),
    ("charts/web/templates/NOTES.txt", Kind::Text),
    ("charts/web/crds/thing.yaml", Kind::Map("thing")),
    ("charts/web/files/note.txt", Kind::Text),
    ("charts/web/charts/sub/Chart.yaml", Kind::Chart("sub")),
    ("charts/web/charts/sub/values.yaml", Kind::Values),
    ("charts/web/charts/sub/templates/map.yaml", Kind::SubTemplate),
    (".sourceignore", Kind::SourceIgnore),
    ("plain/.sourceignore", Kind::SourceIgnore),
    ("docs/notes.yaml", Kind::Map("notes")),
    ("README.md", Kind::Text),
];

/// Paths at which nothing stands at first, though something may be looked for there.
pub(super) const ABSENT: [(&str, Kind); 11] = [
    ("apps/a/Kustomization", Kind::App),
    ("apps/b/kustomization.yml", Kind::App),
    ("apps/later/kustomization.yaml", Kind::App),
    ("apps/later/map.yaml", Kind::Map("map")),
    ("later/kustomization.yaml", Kind::Base),
    ("later/deployment.yaml", Kind::Deployment("web")),
    ("later/map.yaml", Kind::Map("later")),
    ("plain/kustomization.yaml", Kind::Extra),
    ("plain/extra.yaml", Kind::Map("extra")),
    ("plain/deep/kustomization.yaml", Kind::Extra),
    ("charts/web/templates/late.yaml", Kind::SubTemplate),
];

/// Directories that are deleted, renamed, and linked to as a whole.
pub(super) const DIRECTORIES: [&str; 14] = [
    "apps/a",
    "apps/b",
    "apps/later",
    "base",
    "base/extra",
    "later",
    "plain",
    "plain/deep",
    "components/labels",
    "charts",
    "charts/web",
    "charts/web/charts/sub",
    "charts/web/templates",
    "apps/a/conf",
];

/// Links that may stand in a repository, with what they point to.
pub(super) const LINKS: [(&str, &str); 10] = [
    ("links/app", "../apps/a"),
    ("links/app", "../apps/later"),
    ("links/base", "../base"),
    ("links/base", "../later"),
    ("links/base", "app"),
    ("base/map.yaml", "../plain/one.yaml"),
    ("plain/deep", "../base/extra"),
    ("apps/b/conf", "../a/conf"),
    ("values.yaml", "charts/web/values.yaml"),
    ("apps/later", "nowhere"),
];

/// What a file is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    App,
    Base,
    Extra,
    Component,
    Map(&'static str),
    Deployment(&'static str),
    Patch,
    Replacements,
    Transformer,
    Generator,
    Configuration,
    Schema,
    Text,
    Env,
    Values,
    Chart(&'static str),
    ValuesSchema,
    HelmIgnore,
    Template,
    SubTemplate,
    Helpers,
    SourceIgnore,
}

/// The content that a file of this kind has in its `variant`. Every 128th cannot be read.
pub(super) fn content(kind: Kind, variant: u32) -> String {
    let few = variant % 4;
    if variant % 128 == 127 {
        return "broken: [".to_owned();
    }
    match kind {
        Kind::App => app(variant / 16),
        Kind::Base => base(variant / 16),
        Kind::Extra => format!("resources: [extra.yaml]\nnameSuffix: -s{few}\n"),
        Kind::Component => format!(
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n\
             labels: [{{pairs: {{part: p{few}}}}}]\npatches: [{{path: patch.yaml, target: {{kind: Deployment}}}}]\n"
        ),
        Kind::Map(name) => format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: v{few}\n  port: ${{port:=1}}\n"
        ),
        Kind::Deployment(name) => format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  replicas: {few}\n  selector: \
             {{matchLabels: {{a: b}}}}\n  template:\n    metadata: {{labels: {{a: b}}}}\n    spec:\n      containers:\n      \
             - {{name: main, image: 'app:{few}', envFrom: [{{configMapRef: {{name: settings}}}}]}}\n"
        ),
        Kind::Patch => format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: front}}\nspec: {{minReadySeconds: {few}}}\n"
        ),
        Kind::Replacements => format!(
            "source: {{kind: ConfigMap, name: map, fieldPath: data.key}}\ntargets:\n- select: {{kind: \
             Deployment}}\n  fieldPaths: [metadata.annotations.r{few}]\n  options: {{create: true}}\n"
        ),
        Kind::Transformer => {
            format!(
                "apiVersion: builtin\nkind: PrefixTransformer\nmetadata: {{name: p}}\nprefix: t{few}-\nfieldSpecs: [{{path: metadata/name}}]\n"
            )
        }
        Kind::Generator => format!(
            "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {{name: generated}}\nliterals: [a={few}]\nfiles: \
             [conf/app.conf]\n"
        ),
        Kind::Configuration => {
            format!("namePrefix: [{{path: metadata/name}}, {{path: metadata/annotations/n{few}, create: true}}]\n")
        }
        Kind::Schema => format!("{{\"definitions\": {{\"org.v{few}.Thing\": {{\"description\": \"v{few}\"}}}}}}"),
        Kind::Text => format!("text {few}\n"),
        Kind::Env => format!("KEY=v{few}\nOTHER=x\n"),
        Kind::Values => format!("size: {few}\nsub:\n  size: s{few}\n"),
        Kind::Chart(name) => format!("apiVersion: v2\nname: {name}\nversion: 0.{few}.0\n"),
        Kind::ValuesSchema => format!("{{\"properties\": {{\"size\": {{\"maximum\": {}}}}}}}", few + 2),
        Kind::HelmIgnore => ["", "*.md\n", "files/\n", "late.yaml\n"]
            .into_iter()
            .cycle()
            .nth(few as usize)
            .unwrap_or_default()
            .to_owned(),
        Kind::Template => format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{{{ include \"web.name\" . }}}}\ndata:\n  \
             variant: v{few}\n  size: {{{{ .Values.size | quote }}}}\n  note: {{{{ .Files.Get \"files/note.txt\" | quote }}}}\n  \
             chart: {{{{ .Chart.Version }}}}\n  chance: {{{{ randAlpha 8 }}}}\n  count: {{{{ len (.Files.Glob \"files/*\") | quote }}}}\n"
        ),
        Kind::SubTemplate => format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{{{ .Release.Name }}}}-sub{few}\ndata:\n  size: {{{{ .Values.size | \
             quote }}}}\n"
        ),
        Kind::Helpers => format!("{{{{ define \"web.name\" }}}}{{{{ .Release.Name }}}}-w{few}{{{{ end }}}}\n"),
        Kind::SourceIgnore => ["docs/\n", "*.md\n", "docs/\ndeep/\n", "**/conf/\n!README.md\n"]
            .into_iter()
            .cycle()
            .nth(few as usize)
            .unwrap_or_default()
            .to_owned(),
    }
}

/// The kustomization of an app: any of these resources and fields.
fn app(chosen: u32) -> String {
    const BASES: [&str; 8] = ["base", "base", "base", "base", "links/base", "links/base", "links/base", "later"];
    const FIELDS: [&str; 12] = [
        "components: [../../components/labels]\n",
        "patches: [{path: patch.yaml, target: {kind: Deployment}}]\n",
        "patches: [{patch: '[{\"op\": \"add\", \"path\": \"/metadata/annotations\", \"value\": {\"by\": \"hand\"}}]', target: {kind: \
         ConfigMap}}]\n",
        "configMapGenerator: [{name: settings, files: [conf/app.conf, again=conf/app.conf]}]\n",
        "configMapGenerator: [{name: settings, envs: [conf/app.env]}]\n",
        "replacements: [{path: replacements.yaml}]\n",
        "transformers: [../../transformers/prefix.yaml]\n",
        "generators: [../../generators/map.yaml]\n",
        "configurations: [../../names.yaml]\nnamePrefix: n-\n",
        "crds: [../../crds.json]\n",
        "secretGenerator: [{name: secret, files: [conf/app.conf]}]\n",
        "helmGlobals: {chartHome: ../../charts}\n\
         helmCharts: [{name: web, releaseName: shop, valuesFile: ../../values.yaml, includeCRDs: true}]\n",
    ];
    let has = |bit: usize| chosen >> bit & 1 == 1;
    let base = format!("../../{}", BASES[(chosen >> 20) as usize % BASES.len()]);
    let resources = [("map.yaml", true), ("deployment.yaml", has(0)), (base.as_str(), has(1)), (REMOTE, has(2))];
    let resources: Vec<&str> = resources.iter().filter(|(_, is_there)| *is_there).map(|(name, _)| *name).collect();
    let mut text = format!("resources: [{}]\n", resources.join(", "));
    for (bit, field) in FIELDS.iter().enumerate() {
        // A field stands in a file once.
        if has(bit + 4) && !text.contains(field.split(':').next().unwrap_or_default()) {
            text.push_str(field);
        }
    }
    text
}

fn base(chosen: u32) -> String {
    let extra = if chosen & 1 == 1 { ", extra" } else { "" };
    let images = if chosen & 2 == 2 { "images: [{name: app, newTag: b}]\n" } else { "" };
    format!("resources: [deployment.yaml, map.yaml{extra}]\n{images}")
}

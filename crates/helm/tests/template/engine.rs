//! What templates see, and what is said of those that fail.

use crate::oracle::Case;

const HELPERS: &str = r#"
{{- define "outer" }}
{{ include "inner" . }}
{{- end }}
{{- define "inner" }}
  {{ .Values.missing.deep }}
{{- end }}
{{- define "loop" }}{{ include "loop" . }}{{ end }}
{{- define "kept" }}kept{{ end }}
"#;

fn web(template: &str) -> Case {
    Case::new(&[
        (
            "values.yaml",
            "name: web\nnull_value: null\nlist: [1, null, x]\nnested: {a: {b: c}}\ntext: '{{ .Values.name }}'\n",
        ),
        ("templates/_helpers.tpl", HELPERS),
        ("templates/a.yaml", template),
        ("config/one.properties", "a=1\nb=2\n"),
        ("config/two.properties", "c=3"),
        ("config/deep/three.txt", "three\n"),
        ("empty.txt", ""),
    ])
}

#[test]
fn the_chain_of_templates_down_to_a_failure_is_shown_as_helm_shows_it() {
    for template in [
        r#"a: {{ include "outer" . }}"#,
        r#"a: {{ required "name it" .Values.nothing }}"#,
        "a: 1\nb: {{ fail \"because: so\" }}",
        r#"a: {{ include "none" . }}"#,
        r#"a: {{ template "none" . }}"#,
        r#"a: {{ tpl "{{ .Values.x.y }}" . }}"#,
        r#"a: {{ tpl "{{ .Values.x" . }}"#,
        r#"a: {{ tpl "{{ required \"inside\" nil }}" . }}"#,
        r#"a: {{ index (list 1) 4 }}"#,
        r#"a: {{ .Values.name.field }}"#,
        r#"a: {{ none }}"#,
        r#"a: {{ if }}"#,
        r#"a: {{ upper 5 }}"#,
        r#"a: {{ upper .Values.null_value }}"#,
        r#"a: {{ .Values.null_value | upper }}"#,
        r#"a: {{ range .Values.list }}{{ .field }}{{ end }}"#,
        r#"a: {{ .Chart.Nothing.more }}"#,
        r#"a: {{ .Capabilities.Nothing }}"#,
        r#"a: {{ .Capabilities.APIVersions.Has 5 }}"#,
        r#"a: {{ .Files.Nothing }}{{ .Files.Get 5 }}"#,
        r#"a: {{ .Files.Lines "empty.txt" }}"#,
        r#"a: {{ end }}"#,
        "{{ if true }}\na: 1\n",
        r#"{{ define "x" }}{{ define "y" }}{{ end }}{{ end }}"#,
        r#"a: {{ "a" | include }}"#,
        r#"a: {{ $undefined }}"#,
    ] {
        web(template).refused();
    }
}

#[test]
fn a_template_that_includes_itself_is_stopped() {
    let case = web(r#"a: {{ include "loop" . }}"#);
    assert!(case.theirs().is_err());
    let error = case.ours().unwrap_err();
    assert!(
        error.contains("rendering template has a nested reference name: loop: unable to execute template"),
        "{error}"
    );
}

#[test]
fn templates_see_the_release_the_chart_and_its_files() {
    web("release: {{ toJson .Release }}\nchart: {{ toJson .Chart }}\ntemplate: {{ toJson .Template }}\nsubcharts: {{ .Subcharts }}\n")
        .named("shop")
        .flag("--namespace", "prod")
        .same();
    web(
        "get: {{ .Files.Get \"config/one.properties\" | quote }}\nnone: {{ .Files.Get \"none\" | quote }}\n\
         glob:\n{{ range $path, $bytes := .Files.Glob \"config/*.properties\" }}  {{ $path }}: {{ $bytes | toString | quote }}\n{{ end }}\
         deep: {{ len (.Files.Glob \"config/**\") }}\nconfig:\n{{ (.Files.Glob \"config/*\").AsConfig | indent 2 }}\n\
         secrets:\n{{ (.Files.Glob \"**.txt\").AsSecrets | indent 2 }}\n\
         lines: {{ .Files.Lines \"config/one.properties\" | toJson }}\nbytes: {{ .Files.GetBytes \"config/two.properties\" }}\n",
    )
    .same();
}

#[test]
fn templates_see_what_the_cluster_is_capable_of() {
    web(
        "version: {{ .Capabilities.KubeVersion }} {{ .Capabilities.KubeVersion.Version }} {{ .Capabilities.KubeVersion.GitVersion }}\n\
         numbers: {{ .Capabilities.KubeVersion.Major }}.{{ .Capabilities.KubeVersion.Minor }}\n\
         printed: {{ print .Capabilities.KubeVersion }}\nhas: {{ .Capabilities.APIVersions.Has \"apps/v1\" }} {{ .Capabilities.APIVersions.Has \"x/v1\" }}\n\
         count: {{ len .Capabilities.APIVersions }}\nall: {{ .Capabilities.APIVersions }}\n\
         newer: {{ semverCompare \">=1.20-0\" .Capabilities.KubeVersion.Version }}\nhelm: {{ .Capabilities.HelmVersion.Version }} {{ .Capabilities.HelmVersion }}\n",
    )
    .flag("--kube-version", "1.33.4-gke.12")
    .same();
}

#[test]
fn texts_of_values_are_templates_where_they_are_said_to_be() {
    web(
        "a: {{ tpl .Values.text . }}\nb: {{ tpl \"{{ define \\\"x\\\" }}inside{{ end }}{{ include \\\"x\\\" . }} {{ include \\\"kept\\\" . }}\" . }}\n\
         c: {{ tpl \"{{ tpl .Values.text . }}\" . }}\nd: {{ tpl \"none {{ .Values.none }}\" . }}\n",
    )
    .same();
}

#[test]
fn what_one_template_changes_the_next_one_finds() {
    Case::new(&[
        ("values.yaml", "sub: {own: 1}\n"),
        ("charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 0.1.0\n"),
        (
            "charts/sub/templates/s.yaml",
            "sub: {{ toJson .Values }}{{ $_ := set .Values \"set\" \"by the subchart\" }}\n",
        ),
        ("charts/sub/templates/_h.tpl", "{{ define \"shared\" }}of the subchart{{ end }}"),
        ("templates/_h.tpl", "{{ define \"shared\" }}of the parent{{ end }}"),
        (
            "templates/a.yaml",
            "a: {{ toJson .Values }}\nshared: {{ include \"shared\" . }}{{ $_ := set .Values \"a\" 1 }}\n",
        ),
        ("templates/b.yaml", "b: {{ toJson .Values }}{{ $_ := merge .Values.sub (dict \"merged\" true) }}\n"),
        (
            "templates/deep/c.yaml",
            "c: {{ toJson .Values }}\nown: {{ .Values.sub.own }}\nsub: {{ toJson .Subcharts.sub.Values }}\n",
        ),
    ])
    .same();
}

#[test]
fn bytes_that_are_no_text_go_through_unchanged() {
    let case = web("a: {{ .Files.Get \"binary\" | b64enc }}\nb: {{ .Files.Get \"binary\" | sha256sum }}\n");
    case.file("binary", [0, 159, 146, 150, 255, 10]);
    case.same();
}

#[test]
fn values_have_methods() {
    web("a: {{ toJson .Values.AsMap }}\nb: {{ (.Values.Table \"nested.a\").b }} {{ .Values.PathValue \"nested.a.b\" }}\n").same();
    web("a: {{ .Values.Table \"none\" }}").refused();
    web("a: {{ .Values.PathValue \"nested.a\" }}").refused();
}

/// What is no text is written as it is, and is no manifest then.
#[test]
fn what_is_written_must_be_utf_8() {
    let case = Case::new(&[("values.yaml", "d: Grüße\n"), ("templates/a.yaml", "a: {{ trunc 3 .Values.d }}\n")]);
    case.refused_beginning("YAML parse error on web/templates/a.yaml: error converting YAML to JSON: yaml: ");
    Case::new(&[("templates/a.yaml", "a: {{ trunc 3 \"Grüße\" | squote }}\n")])
        .refused_beginning("YAML parse error on web/templates/a.yaml: error converting YAML to JSON: yaml: ");
    let latin = Case::new(&[]);
    latin.file("templates/a.yaml", b"a: \xe9\n");
    latin.refused_beginning("YAML parse error on web/templates/a.yaml: error converting YAML to JSON: yaml: ");
}

#[test]
fn a_template_in_another_encoding_is_read_up_to_what_it_writes() {
    let case = Case::new(&[]);
    case.file("templates/NOTES.txt", b"Gr\xfc\xdfe\n");
    case.file("templates/_helpers.tpl", b"{{/* Gr\xfc\xdfe */}}{{ define \"never\" }}Gr\xfc\xdfe{{ end }}");
    case.file(
        "templates/a.yaml",
        b"{{- /* Gr\xfc\xdfe */ -}}\na: {{ \"Gr\xfc\xdfe\" | quote }}\nb: {{ `\xff` | b64enc }}\nc: {{ include \"never\" . | b64enc }}\n\
          d: {{ tpl `x\xff{{ 1 }}` . | b64enc }}\ne: {{ .Files.Get \"f.txt\" | toJson }}\n",
    );
    case.file("f.txt", b"a\xe2\x82\xffb");
    case.same();
}

#[test]
fn files_that_are_no_text_are_shown_byte_by_byte() {
    let case = Case::new(&[(
        "templates/a.yaml",
        "a:\n{{ (.Files.Glob \"*.bin\").AsConfig | indent 2 }}\nb:\n{{ (.Files.Glob \"*.bin\").AsSecrets | indent 2 }}\n",
    )]);
    case.file("f.bin", b"a\xe2\x82\xffb\xf0\x9f\x98 c\xc3\xa9");
    case.same();
}

#[test]
fn a_chart_is_printed_as_helm_prints_it() {
    Case::new(&[("templates/a.yaml", "a: |\n  {{ .Chart }} {{ .Chart.Annotations }} {{ typeOf .Chart.Annotations }} {{ .Chart.Annotations.x }} {{ toJson .Chart.Annotations }}\n")])
        .same();
    Case::new(&[
        ("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.2.3\nannotations: {a: b, c: \"1\"}\n"),
        ("templates/a.yaml", "a: |\n  {{ .Chart }} {{ typeOf .Chart.Annotations }} {{ .Chart.Annotations.x }}{{ .Chart.Annotations.a }} {{ toYaml .Chart.Annotations }}\n"),
    ])
    .same();
}

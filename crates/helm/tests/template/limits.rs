//! What is too much.

use cowherd_helm::chart::{Limits, load};
use cowherd_helm::engine::GoTemplates;
use cowherd_helm::{Request, template};
use cowherd_tree::{MemoryTree, TreePath};

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";

fn refused(tree: &MemoryTree, limits: &Limits) -> String {
    load(tree, &TreePath::root(), limits).unwrap_err().to_string()
}

#[test]
fn sizes_and_numbers_of_files_are_limited() {
    let tree = MemoryTree::new([("Chart.yaml", CHART), ("a.txt", "0123456789"), ("b.txt", "0123456789")]).unwrap();
    assert!(load(&tree, &TreePath::root(), &Limits::default()).is_ok());
    let file = Limits { file_bytes: 50, ..Limits::default() };
    let large = MemoryTree::new([("Chart.yaml", CHART.to_owned()), ("docs/a.txt", "x".repeat(51))]).unwrap();
    assert_eq!(refused(&large, &file), "chart file \"a.txt\" is larger than the maximum file size 50");
    let chart = Limits { chart_bytes: 59, ..Limits::default() };
    assert!(refused(&tree, &chart).contains("larger than the maximum size 59"));
    let files = Limits { files: 3, ..Limits::default() };
    assert!(refused(&tree, &files).contains("more than 3 files"));
}

#[test]
fn ignored_files_do_not_count() {
    let files = [("Chart.yaml", CHART), (".helmignore", "*.txt"), ("a.txt", "0123456789"), ("b.txt", "0123456789")];
    let tree = MemoryTree::new(files).unwrap();
    let limits = Limits { file_bytes: 60, chart_bytes: 120, files: 4, ..Limits::default() };
    assert!(load(&tree, &TreePath::root(), &limits).is_ok());
}

#[test]
fn charts_do_not_stand_inside_each_other_without_end() {
    let mut tree = MemoryTree::default();
    let mut directory = String::new();
    for _ in 0..30 {
        tree.insert(&format!("{directory}Chart.yaml"), CHART).unwrap();
        directory += "charts/web/";
    }
    let error = refused(&tree, &Limits::default());
    assert!(error.ends_with("charts are nested more than 20 deep"), "{error}");
}

#[test]
fn links_stay_in_the_tree_and_do_not_go_in_circles() {
    let mut tree = MemoryTree::new([("web/Chart.yaml", CHART), ("shared/a.yaml", "kind: A")]).unwrap();
    tree.link("web/templates", "../shared").unwrap();
    let path = TreePath::parse("web").unwrap();
    let chart = load(&tree, &path, &Limits::default()).unwrap();
    assert_eq!(chart.templates[0].name, "templates/a.yaml");
    tree.link("web/docs", "../../etc").unwrap();
    let error = load(&tree, &path, &Limits::default()).unwrap_err().to_string();
    assert!(error.starts_with("error evaluating symlink web/docs: "), "{error}");
    tree.link("web/docs", ".").unwrap();
    let error = load(&tree, &path, &Limits::default()).unwrap_err().to_string();
    assert!(error.ends_with("too many levels of symbolic links"), "{error}");
    // Two links make two ways at every step.
    let mut tree = MemoryTree::new([("web/Chart.yaml", CHART), ("step30/a.txt", "")]).unwrap();
    tree.link("web/start", "../step0").unwrap();
    for step in 0..30 {
        tree.link(&format!("step{step}/a"), &format!("../step{}", step + 1)).unwrap();
        tree.link(&format!("step{step}/b"), &format!("../step{}", step + 1)).unwrap();
    }
    let error = load(&tree, &path, &Limits { files: 300, ..Limits::default() }).unwrap_err().to_string();
    assert!(error.contains("more than 300 files"), "{error}");
}

#[test]
fn values_are_no_alias_bomb() {
    let mut values = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let alias = format!("*a{}", level - 1);
        values += &format!("a{level}: &a{level} [{}]\n", vec![alias; 10].join(", "));
    }
    let tree = MemoryTree::new([("Chart.yaml", CHART.to_owned()), ("values.yaml", values)]).unwrap();
    assert!(refused(&tree, &Limits::default()).contains("aliases expand to more than"));
}

#[test]
fn templates_do_not_run_for_ever() {
    let tree = MemoryTree::new([("Chart.yaml", CHART), ("templates/a.yaml", "{{ range 1000000 }}{{ end }}")]).unwrap();
    let limits = cowherd_template::Limits { steps: 1000, ..Default::default() };
    let mut engine = GoTemplates::new(jiff::Timestamp::UNIX_EPOCH, b"seed").with_limits(limits);
    let error = template(&tree, &TreePath::root(), &Request::default(), &mut engine).unwrap_err().to_string();
    assert!(error.ends_with("the templates take more than 1000 steps; is a range too long?"), "{error}");
}

#[test]
fn templates_do_not_write_without_end() {
    let write = "{{ range 100 }}0123456789{{ end }}";
    let tree =
        MemoryTree::new([("Chart.yaml", CHART), ("templates/a.yaml", write), ("templates/b.yaml", write)]).unwrap();
    let rendered = |output| {
        let limits = cowherd_template::Limits { output, ..Default::default() };
        let mut engine = GoTemplates::new(jiff::Timestamp::UNIX_EPOCH, b"seed").with_limits(limits);
        template(&tree, &TreePath::root(), &Request::default(), &mut engine).map(drop)
    };
    let error = rendered(1500).unwrap_err().to_string();
    assert!(error.ends_with("the templates write more than 1500 bytes"), "{error}");
}

#[test]
fn expressions_cost_what_it_takes_to_compile_and_to_look_for_them() {
    let rendered = |text: &str, steps| {
        let files = [("Chart.yaml", CHART.to_owned()), ("templates/a.yaml", text.to_owned())];
        let tree = MemoryTree::new(files).unwrap();
        let limits = cowherd_template::Limits { steps, ..Default::default() };
        let mut engine = GoTemplates::new(jiff::Timestamp::UNIX_EPOCH, b"seed").with_limits(limits);
        template(&tree, &TreePath::root(), &Request::default(), &mut engine).map(drop)
    };
    let small = r#"{{ range 100 }}{{ $x := regexReplaceAll "[^a-z0-9]+" "a name, and more" "-" }}{{ end }}"#;
    rendered(small, 1_000_000).unwrap();
    for costly in [
        // Large ones, each of which is compiled.
        r#"{{ range $i := until 300 }}{{ $x := regexFind (printf "\\pL{20}%d" $i) "a" }}{{ end }}"#,
        // Looked for in a long text, in each byte of which many of its states count.
        r#"{{ $x := regexMatch "[a-m][a-z]{900}[0-9]" (repeat 20000 "abcxyz") }}"#,
        r#"{{ $x := regexReplaceAll "[a-m][a-z]{900}[0-9]" (repeat 20000 "abcxyz") "" }}"#,
        r#"{{ $x := regexSplit "[a-m][a-z]{900}[0-9]" (repeat 20000 "abcxyz") -1 }}"#,
        // The rest of the text is looked at for each match.
        r#"{{ $x := regexFindAll ".*z|." (repeat 60000 "a") -1 }}"#,
        r#"{{ $x := regexReplaceAll ".*z|." (repeat 60000 "a") "b" }}"#,
    ] {
        let error = rendered(costly, 1_000_000).unwrap_err().to_string();
        assert!(
            error.ends_with("the templates take more than 1000000 steps; is a range too long?"),
            "{costly}: {error}"
        );
    }
}

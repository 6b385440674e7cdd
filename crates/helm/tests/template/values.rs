//! Which value wins.

use proptest::prelude::*;

use crate::oracle::{Case, VALUES};

fn shown(values: &str) -> Case {
    Case::new(&[("templates/a.yaml", &format!("v: {VALUES}")), ("values.yaml", values)])
}

/// A chart with two subcharts, one inside the other, each of which shows its values.
fn family(root: &str, child: &str, grandchild: &str) -> Case {
    let show = format!("v: {VALUES}");
    Case::new(&[
        ("templates/a.yaml", &show),
        ("values.yaml", root),
        ("charts/child/Chart.yaml", "apiVersion: v2\nname: child\nversion: 1.0.0\n"),
        ("charts/child/templates/a.yaml", &show),
        ("charts/child/values.yaml", child),
        ("charts/child/charts/grand/Chart.yaml", "apiVersion: v2\nname: grand\nversion: 1.0.0\n"),
        ("charts/child/charts/grand/templates/a.yaml", &show),
        ("charts/child/charts/grand/values.yaml", grandchild),
    ])
}

#[test]
fn values_are_yaml_of_kubernetes() {
    for text in [
        "a: 1\nb: 1.5\nc: 0777\nd: yes\ne: 2001-01-01\nf: 1e3\ng: '1'\nh: 12345678901\ni: ~\n",
        "",
        "# none\n",
        "null",
        "{}",
    ] {
        shown(text).same();
    }
    shown("a: 1\n---\nb: 2\n---\n# c\na: {x: 1}\n").same();
    for text in ["- a", "x", "1"] {
        shown(text).refused();
    }
    shown("a: 1\n--- b\n").refused_beginning("cannot load values.yaml: error reading yaml document: ");
}

#[test]
fn flags_are_read_as_helm_reads_them() {
    let expressions = [
        "a=1",
        "a=1,b=2",
        "a.b.c=x",
        "a={x,1,null,true}",
        "a={}",
        "a[0]=1",
        "a[2].b=x",
        "a[1][1]=x",
        r"a\.b=c\,d",
        "a=",
        "a[0]=",
        "a[0].b=",
        "a=007",
        "a=0",
        "a=-1",
        "a=+1",
        "a=1.5",
        "a=TRUE",
        "a=Null",
        "a=9223372036854775807",
        "a=9223372036854775808",
        "a={x},b=1",
        "a={x}b=1",
        "a[0",
        "a=1,",
        "a=a=b",
        "=1",
        ".a=1",
        "a b=c d",
        r"a\",
        "l[0].x=1",
        "l[1].x=1",
        "l[5]=1",
        "l={}",
        "m.x=1",
        "m=1",
        "m.w=null,m.x=null",
        "f.x=1",
        "t.x=1",
        "f[0]=1",
        "l[0][0]=1",
        "m.w[0]=1",
        "l[0].w.x=1",
        "l[0].x=",
        "l=null",
        "m=null",
        "m.x.y=1",
        "s.x=1",
        "s[0]=1",
        "l.x=1",
        "m[0]=1",
        "n[0].x=1",
        "a",
        "a=1,b",
        "a,b=1",
        "a.=1",
        "a={x",
        "a[x]=1",
        "a[-1]=1",
        "a[65537]=1",
        "a[0]x=1",
        "a[]=1",
        "l[0][0]=1",
        "a[0].=1",
    ];
    for expression in expressions {
        let values = "l: [{x: 0, w: 0}, 2]\nm: {x: 0, w: {z: 0}}\ns: text\nf: 1\nt: true\n";
        let case = shown("m: {own: 1}").values_file(values).flag("--set", expression);
        if case.theirs().is_ok() {
            case.same();
        } else {
            case.refused();
        }
    }
}

#[test]
fn the_other_flags_have_their_own_types() {
    let flags = [
        ("--set-string", "a=1,b=true,c=null,d={1,x}"),
        ("--set-literal", r"a.b=x,y\z={1}=2"),
        ("--set-literal", "l[0].x=1"),
        ("--set-json", r#"a={"x":[1,1.5,null]},b="x",c=1,d="#),
        ("--set-json", r#"{"m":{"x":1},"b":[1]}"#),
        ("--set-json", r#"l[1]={"a":1},l[0]=true"#),
    ];
    for (flag, value) in flags {
        shown("").values_file("l: [{x: 0}]\nm: {x: 0, w: 0}\n").flag(flag, value).same();
    }
    for (flag, value) in [("--set-string", "a"), ("--set-literal", "a"), ("--set-literal", "m[0]=1")] {
        shown("").values_file("m: {x: 0}\n").flag(flag, value).refused();
    }
    for value in ["a={", "{\"a\":", "a=x"] {
        shown("").flag("--set-json", value).refused_beginning("failed parsing --set-json data");
    }
}

#[test]
fn later_files_and_flags_win_and_null_removes() {
    let case = shown("a: {x: 1, y: {z: 1}}\nb: 1\nc: null\nd: {e: null}\n")
        .values_file("a: {x: null, y: {w: 2}}\nb: {c: 1}\n")
        .values_file("a: {y: {z: null}}\nnew: null\nn: {m: null}\n")
        .flag("--set", "b.d=2,a.v=3")
        .flag("--set-string", "b.d=3");
    case.same();
    shown("a: {x: 1}").values_file("a: null").same();
    shown("a: {x: 1}").values_file("a: 1").same();
    shown("a: 1").values_file("a: {x: 1}").same();
    shown("").values_file("- a").refused_beginning("failed to parse ");
}

#[test]
fn parents_and_globals_win_over_subcharts() {
    family(
        "global: {a: {b: {x: 1}}, s: root}\nchild: {p: 1, grand: {q: null}}\n",
        "global: {a: {b: {y: 2}, c: 3}, s: child, own: 1}\np: 2\nr: {s: 1}\ngrand: {q: 2, t: {u: 1}}\n",
        "global: {a: {b: {z: 3}}}\nq: 3\nt: {u: 2, v: null}\n",
    )
    .same();
    family("child: {global: {a: {b: {y: 2}}}}\nglobal: {a: {b: {x: 1}}}\n", "", "").same();
    family("global: text\n", "global: {a: 1}\n", "global: {b: 1}\n").same();
    family("", "r: {s: 1}\n", "t: 1\n").flag("--set", "child.r=null,child.grand.t=null").same();
    family("child: {grand: {a: 1}}\n", "grand: {a: {b: 1}}\n", "a: {c: 1}\n").same();
}

#[test]
fn a_subcharts_values_must_be_a_mapping() {
    for values in ["child: text", "child: [1]", "child: true"] {
        family(values, "", "").refused_beginning("type mismatch on child: ");
    }
    let secret = family("child: hunter2", "", "").ours().unwrap_err();
    assert!(!secret.contains("hunter2"));
    family("child: null", "a: 1", "").refused_beginning("type mismatch on child: ");
}

const NAMES: &[&str] = &["a", "b", "global", "child", "grand"];

/// A mapping of few names, so that two of them meet.
fn mapping() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        (1i64..9).prop_map(serde_json::Value::from),
        Just(serde_json::json!(["x"])),
        Just(serde_json::json!({})),
    ];
    let inner = leaf.prop_recursive(4, 24, 4, move |values| {
        let names = prop::sample::select(NAMES).prop_map(str::to_owned);
        prop::collection::btree_map(names, values, 0..4).prop_map(|map| serde_json::json!(map))
    });
    let names = prop::sample::select(NAMES).prop_map(str::to_owned);
    prop::collection::btree_map(names, inner, 0..4).prop_map(|map| serde_json::json!(map))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn values_of_a_family_are_merged_as_helm_merges_them(
        root in mapping(), child in mapping(), grandchild in mapping(), own in mapping(),
    ) {
        let case = family(&root.to_string(), &child.to_string(), &grandchild.to_string()).values_file(&own.to_string()).random();
        match case.theirs() {
            Ok(theirs) => prop_assert_eq!(case.ours(), Ok(theirs)),
            Err(theirs) => {
                let ours = case.ours().expect_err(&theirs);
                let beginning = |text: &str| text.split(':').next().unwrap_or_default().to_owned();
                prop_assert_eq!(beginning(&ours), beginning(&theirs));
            }
        }
    }
}

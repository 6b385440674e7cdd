//! Conditions, tags, aliases and imported values.

use crate::oracle::{Case, VALUES};

/// A chart that depends on `db` and on `cache`, the second of which depends on `lib`.
fn case(dependencies: &str, values: &str) -> Case {
    let show = format!("kind: Shown\nv: {VALUES}");
    let case = Case::new(&[
        ("templates/a.yaml", &show),
        ("charts/db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.4.2\n"),
        ("charts/db/templates/a.yaml", &show),
        (
            "charts/db/values.yaml",
            "port: 1\nexports: {data: {x: 1, n: null}, more: {data: 2}}\ndeep: {inside: {y: 2}}\n",
        ),
        (
            "charts/cache/Chart.yaml",
            "apiVersion: v2\nname: cache\nversion: 0.1.0\ndependencies: [{name: lib, version: '*', condition: lib.on, tags: [t], import-values: [data]}]\n",
        ),
        ("charts/cache/templates/a.yaml", &show),
        ("charts/cache/values.yaml", "size: 1\n"),
        ("charts/cache/charts/lib/Chart.yaml", "apiVersion: v2\nname: lib\nversion: 3.0.0\n"),
        ("charts/cache/charts/lib/templates/a.yaml", &show),
        ("charts/cache/charts/lib/values.yaml", "exports: {data: {size: 9, lib: true}}\n"),
    ]);
    case.file("Chart.yaml", format!("apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n{dependencies}"));
    case.file("values.yaml", values);
    case
}

const BOTH: &str =
    "- {name: db, version: ^1.0.0, condition: 'db.on,other.on', tags: [t, u]}\n- {name: cache, version: '>0.0.0'}\n";

#[test]
fn conditions_and_tags_decide() {
    let values = [
        "",
        "db: {on: false}",
        "db: {on: text}\nother: {on: false}",
        "db: {on: true}\nother: {on: false}",
        "tags: {t: false}",
        "tags: {t: false, u: true}",
        "tags: {t: false}\ndb: {on: true}",
        "tags: {t: text}",
        "cache: {lib: {on: false}}",
        "cache: {tags: {t: false}}",
        "lib: {on: false}",
        "other: {on: {a: 1}}",
    ];
    for values in values {
        case(BOTH, values).same();
    }
    case(BOTH, "").flag("--set", "db.on=false").same();
    case(BOTH, "").flag("--set", "tags.t=false").same();
}

#[test]
fn aliases_make_charts_of_their_own() {
    let dependencies = "- {name: db, version: 1.x, alias: first}\n- {name: db, version: 1.x, alias: second, condition: second.on}\n- {name: cache, version: 0.1.0}\n";
    case(dependencies, "first: {port: 2}\nsecond: {port: 3}\ndb: {port: 4}\n").same();
    case(dependencies, "second: {on: false}\n").same();
}

#[test]
fn versions_that_do_not_fit_leave_the_name_as_it_is() {
    for version in ["2.x", "not a version", "''"] {
        case(&format!("- {{name: db, version: {version}, alias: other, condition: other.on}}\n- {{name: cache, version: '*'}}\n"), "").same();
    }
}

#[test]
fn values_are_imported() {
    let lists = [
        "[data]",
        "[data, more]",
        "[{child: deep.inside, parent: imported.here}]",
        "[{child: deep, parent: .}, {child: exports.data, parent: .}]",
        "[{child: deep, parent: twice}, {child: exports.more, parent: twice}, {child: deep, parent: again}]",
        "[nothing, {child: port, parent: x}, {parent: x}, 1]",
    ];
    for list in lists {
        let dependencies =
            format!("- {{name: db, version: '*', import-values: {list}}}\n- {{name: cache, version: '*'}}\n");
        for values in ["", "x: 5\nimported: {here: {y: 7}}\ndb: {exports: {data: {x: 3}}}\n"] {
            case(&dependencies, values).same();
            case(&dependencies, values).flag("--set", "x=6,db.exports.data.z=1,inside.y=null").same();
        }
    }
}

#[test]
fn missing_charts_are_named() {
    case("- {name: db, version: '*'}\n- {name: none, version: '*'}\n- {name: other, alias: x, version: '*'}\n", "")
        .refused();
}

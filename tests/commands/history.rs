//! `cowherd history`: what a Kustomization was brought to, and by whom.

use serde_json::Value;

use crate::program::fleet::Fleet;

#[test]
fn history_tells_what_a_kustomization_was_brought_to_and_who_wrote_it() {
    let fleet = Fleet::start();
    fleet.repository.config_map("app/red.yaml", "red", "2");
    fleet.running.wait_for_ready("app", "True", &fleet.repository.commit("make it two"));
    let author = fleet.repository.git(["log", "-1", "--format=%an"]);
    let table = fleet.running.cowherd_ok(["history", "ks/app"]);
    let lines: Vec<&str> = table.lines().skip(1).collect();
    assert!(lines.len() == 2 && lines[0].ends_with("make it two") && lines[1].ends_with("begin"), "{table}");
    assert!(
        lines.iter().all(|line| line.contains("ReconciliationSucceeded") && line.contains(author.trim())),
        "{table}"
    );
    let entries = fleet.running.cowherd_ok(["history", "app", "-o", "json"]);
    let entries: Value = serde_json::from_str(&entries).unwrap();
    assert_eq!(entries[1]["commit"]["id"], fleet.first);
    assert_eq!(entries[1]["metadata"]["revision"], format!("main@sha1:{}", fleet.first));

    // What a later commit changed nothing of is of the earlier one, and says so.
    let of_red = entries[0]["commit"]["id"].as_str().unwrap().to_owned();
    fleet.repository.config_map("other/map.yaml", "other", "2");
    let later = fleet.repository.commit("change the other");
    fleet.wait_until_applied(&later);
    fleet.running.cowherd_ok(["reconcile", "kustomization", "app"]);
    let table = fleet.running.cowherd_ok(["history", "app", "--no-header"]);
    let first = table.lines().next().unwrap();
    let columns: Vec<&str> = first.split_whitespace().collect();
    assert_eq!(columns[..2], [format!("main@sha1:{}", &later[..8]), of_red[..8].to_owned()], "{table}");
    assert!(first.ends_with("make it two"), "{table}");
}

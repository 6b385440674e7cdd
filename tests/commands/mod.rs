//! Commands on a control plane that runs, one file for each.

mod all;
mod data_dir;
mod diff;
mod diff_releases;
mod events;
mod get;
mod history;
mod suspend;
mod trace;
mod tree;
mod version;

use crate::program::fleet::Fleet;
use crate::program::repository::Repository;

fn code(fleet: &Fleet, arguments: &[&str]) -> (i32, String) {
    let output = fleet.running.cowherd(arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}

/// A fleet, and its branch `next` with what `change` makes of it.
fn branched(change: impl FnOnce(&Repository)) -> Fleet {
    let fleet = Fleet::start();
    let repository = &fleet.repository;
    repository.git(["checkout", "--quiet", "-b", "next"]);
    change(repository);
    repository.commit("what comes next");
    repository.git(["checkout", "--quiet", "main"]);
    fleet
}

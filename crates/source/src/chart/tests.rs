//! What is large: it comes to disk, and is read in turns.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use cowherd_gitserver::files::{Behaviour, Server};
use tempfile::TempDir;

use super::*;
use crate::content::SMALL;
use crate::{Access, Cancel, FileSource, NoRoom, StorageLimits, Tenant, Tenants};

const PATIENCE: Duration = Duration::from_secs(30);
/// For what is not going to happen.
const IMPATIENCE: Duration = Duration::from_secs(1);
/// What no turn is needed for, and twice that.
const LITTLE: usize = SMALL as usize / 2;
const MUCH: usize = SMALL as usize * 2;

/// The text of an index with one chart, and so many bytes more.
fn index_of(more: usize) -> String {
    let chart = "apiVersion: v1\nentries:\n  web:\n  - name: web\n    version: 1.0.0\n    urls: [web.tgz]\n";
    format!("{chart}{}", "# a comment that is of no use to anybody but us\n".repeat(more / 48 + 1))
}

/// A server with an index of so many bytes, and an archive that is none of so many.
fn server(index: usize, archive: usize) -> (TempDir, Server) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("index.yaml"), index_of(index)).unwrap();
    fs::write(directory.path().join("web.tgz"), vec![7; archive]).unwrap();
    let server = Server::start(directory.path());
    (directory, server)
}

fn wanted(server: &Server, tenant: &Tenant) -> ChartSource {
    let repository = ChartRepository::parse(&server.url("")).unwrap();
    let source = ChartSource::new(repository, "web").with_access(Access::own());
    ChartSource { tenant: Some(tenant.clone()), timeout: PATIENCE, ..source }
}

/// The same of somebody who has little time.
fn hurried(server: &Server, tenant: &Tenant) -> ChartSource {
    ChartSource { timeout: IMPATIENCE, ..wanted(server, tenant) }
}

fn turn_of(tenant: &Tenant) -> crate::tenant::Turn {
    tenant.turn_of_charts(Deadline::after(PATIENCE), &Cancel::default()).unwrap()
}

fn is_late<T>(fetched: Result<T, ChartError>) -> bool {
    fetched.is_err_and(|error| matches!(error.problem, ChartProblem::Web(WebProblem::Timeout(_))))
}

/// How many bytes the process has in files of the directory that have no name.
fn nameless(directory: &Path) -> u64 {
    let open = fs::read_dir("/proc/self/fd").unwrap().flatten().map(|entry| entry.path());
    let is_nameless = |path: &PathBuf| {
        let target = fs::read_link(path).unwrap_or_default();
        target.starts_with(directory) && target.to_string_lossy().ends_with(" (deleted)")
    };
    open.filter(is_nameless).filter_map(|path| Some(fs::metadata(path).ok()?.len())).sum()
}

#[test]
fn what_comes_slowly_is_on_disk_has_no_turn_and_leaves_nothing() {
    let kept = tempfile::tempdir().unwrap();
    let charts = Charts::open(kept.path()).unwrap();
    let tenants = Tenants::default();
    let tenant = tenants.tenant("slow", "slow");
    let slow: Vec<_> = (0..3).map(|_| server(2 * MUCH, 0)).collect();
    let cancel = Cancel::default();
    thread::scope(|scope| {
        let fetches: Vec<_> = slow
            .iter()
            .map(|(_, server)| {
                server.behave(Behaviour { hang_after: Some(MUCH), ..Behaviour::default() });
                let source = ChartSource { cancel: cancel.clone(), ..wanted(server, &tenant) };
                let charts = &charts;
                scope.spawn(move || charts.index(&source).unwrap_err())
            })
            .collect();
        let began = Instant::now();
        // What is not written yet is a buffer's worth.
        while nameless(kept.path()) < 3 * (MUCH as u64 - (128 << 10)) {
            assert!(began.elapsed() < PATIENCE, "{} bytes are on disk", nameless(kept.path()));
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(fs::read_dir(kept.path()).unwrap().count(), 0, "it has no name");
        // Whatever comes slowly, others have their turns, and another server of the same namespace has.
        for tenant in [&tenant, &tenants.tenant("other", "other")] {
            let (_directory, server) = server(MUCH, 0);
            assert!(charts.index(&wanted(&server, tenant)).unwrap().size >= MUCH as u64);
        }
        cancel.cancel();
        for fetch in fetches {
            let error = fetch.join().unwrap();
            assert!(matches!(error.problem, ChartProblem::Web(WebProblem::Cancelled)), "{error}");
        }
    });
    assert_eq!(nameless(kept.path()), 0);
}

#[test]
fn a_large_index_is_read_in_a_turn_and_a_small_one_at_once() {
    let kept = tempfile::tempdir().unwrap();
    let charts = Charts::open(kept.path()).unwrap();
    let tenants = Tenants::default();
    let (first, second, third) =
        (tenants.tenant("1", "first"), tenants.tenant("2", "second"), tenants.tenant("3", "third"));
    let (_directory, large) = server(MUCH, 0);
    let (_directory, small) = server(LITTLE, 0);
    let held = turn_of(&first);
    assert!(is_late(charts.index(&hurried(&large, &first))), "one of a namespace");
    assert!(is_late(charts.fetch(&hurried(&large, &first))), "also to choose a chart");
    charts.index(&wanted(&small, &first)).unwrap();
    charts.index(&wanted(&large, &second)).unwrap();
    let of_second = turn_of(&second);
    assert!(is_late(charts.index(&hurried(&large, &third))), "two in all");
    let own = ChartSource { tenant: None, ..wanted(&large, &third) };
    charts.index(&own).unwrap();
    // One that is here waits as well, and is not sent again.
    large.seen();
    assert!(is_late(charts.index(&hurried(&large, &second))));
    drop((held, of_second));
    let index = charts.index(&wanted(&large, &second)).unwrap();
    assert_eq!(large.seen().iter().map(|seen| (seen.status, seen.sent)).collect::<Vec<_>>(), [(304, 0), (304, 0)]);
    let text = index_of(MUCH);
    assert_eq!((index.digest, index.size), (Digest::of(text.as_bytes()), text.len() as u64));
}

#[test]
fn a_large_archive_is_unpacked_in_a_turn() {
    let kept = tempfile::tempdir().unwrap();
    let charts = Charts::open(kept.path()).unwrap();
    let tenant = Tenants::default().tenant("team", "team");
    let (_directory, large) = server(LITTLE, MUCH);
    let (_directory, small) = server(LITTLE, LITTLE);
    let held = turn_of(&tenant);
    assert!(is_late(charts.fetch(&hurried(&large, &tenant))));
    let is_no_archive = |source: &ChartSource| {
        let error = charts.fetch(source).unwrap_err();
        assert!(matches!(error.problem, ChartProblem::Archive(_)), "{error}");
    };
    is_no_archive(&wanted(&small, &tenant));
    drop(held);
    is_no_archive(&wanted(&large, &tenant));
}

#[test]
fn what_comes_counts_for_its_namespace_until_it_was_read() {
    let kept = tempfile::tempdir().unwrap();
    let charts = Charts::open(kept.path()).unwrap();
    let limits = StorageLimits { total: 1 << 30, per_namespace: SMALL };
    let tenants = Tenants::default().with_storage(limits);
    let tenant = tenants.tenant("team", "team");
    let (_directory, large) = server(MUCH, MUCH);
    let (directory, small) = server(LITTLE, LITTLE);
    let file = |server: &Server| FileSource {
        url: server.url("web.tgz"),
        limit: 16 << 20,
        timeout: PATIENCE,
        access: Access::own(),
        tenant: Some(tenant.clone()),
        cancel: Cancel::default(),
    };
    for error in [charts.index(&wanted(&large, &tenant)).unwrap_err(), charts.file(&file(&large)).unwrap_err()] {
        assert!(matches!(error.problem, ChartProblem::NoRoom(NoRoom::OfNamespace { .. })), "{error}");
        assert!(error.to_string().contains("the namespace team"), "{error}");
    }
    assert_eq!((nameless(kept.path()), fs::read_dir(kept.path()).unwrap().count()), (0, 0));
    // What was read, or refused, counts no longer.
    for round in 0..3 {
        charts.index(&wanted(&small, &tenant)).unwrap();
        assert_eq!(charts.file(&file(&small)).unwrap(), vec![7; LITTLE]);
        fs::write(directory.path().join("index.yaml"), format!("{}# {round}\n", index_of(LITTLE))).unwrap();
    }
}

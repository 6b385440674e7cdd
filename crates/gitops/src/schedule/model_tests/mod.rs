//! Property: whatever happens, once it is quiet the cluster is what Git says, inventories are what the cluster has, and
//! every Kustomization says that it is ready, at the last revision; and at no time was an object deleted that somebody
//! described. Only what a suspended one describes by now may wait with whom it left, who says so.
//!
//! A [`history`] is random: commits that change, drop, move and share objects, changes and deletions by hand,
//! Kustomizations that are suspended, resumed, changed, broken, renamed, deleted and made again, also by hand where Git describes them, requests, requests to the API that are
//! slow or fail before or after they did what they should, watches that end or are told that they are too old, and kills
//! of the agents, during which somebody writes lies into a status. The [`cluster`] is a model of the API; what decides and acts is what runs at work: the schedule, the
//! reconciler, the applier. Time is simulated: a history of a few minutes takes some hundred milliseconds, unoptimized.
//!
//! What it found in the code that it was written for:
//!
//! - of two writes of a status that followed each other closely the second was forgotten (`Entry::has_to_follow`);
//! - a job that was still at work when its Kustomization was suspended claimed its objects once more, so that nobody took
//!   them over (`Schedule::finish`);
//! - an object that was left to a suspended Kustomization, which was resumed without it, stayed for ever
//!   (`Stale::abandoned_by`);
//! - of a Kustomization that was deleted and another one that dropped an object, each left it to the other
//!   (`finalize::remove`);
//! - a write that another owner's overtook was taken for what is there (`Memory::finish`);
//! - two owners' writes within a second looked the same to the memory of what was applied (`Mark::read`);
//! - an object that was applied while its kind was listed, and was gone before that, was never missed
//!   (`watching::look_for`);
//! - who pruned an object deleted it although another one had just taken it (`Context::abandoned_by`);
//! - an object that was being applied while its kind was listed, and was gone before that was answered, was never missed
//!   (`Memory::see_missing`);
//! - of a Kustomization that was deleted its objects were left to another one, which was deleted, or gave them up, before
//!   it applied them, so that their labels named one that was gone (`handover`);
//! - of two that wrote the same object at once, the older one was not told that the younger one's write came last
//!   (`Memory::finish`);
//! - an object was given to one that was just deleted, or had just dropped it, and neither deleted it (`Sharing::promise`);
//! - what an owner had that was deleted by hand was lost with the one that was made anew, where that was deleted before it had
//!   written anything (`Remains::successor`), or nobody waited for one that was gone although letting it go had failed
//!   (`Schedule::await_return`);
//! - who had let go of an owner took back what the one that was made anew describes (`Sharing::disclaim`);
//! - an object was given to one that was suspended, and would not describe it any more (`Words::drops`), or to one that had
//!   no finalizer yet, and was deleted before it was applied (`handover::hold_on_to`);
//! - of one that was made anew while the objects of the former one were being deleted, it was taken for another that has them
//!   (`Claims::expect`);
//! - nobody waited for what one describes that was being deleted by hand when the agents began (`Words::meet`), or that had
//!   nothing yet when it was (`finalize::finalize`).
//!
//! What it leaves out: what was given to an owner, and what one that was deleted by hand has left behind, is known to the agents
//! alone until it is written into a status. If they die before that, and Git drops it before it is applied again, it stays.
//!
//! Each run of the tests tells the same histories: it says whether a change broke something. What was wrong before the change is
//! looked for by `cargo xtask histories 500`, which tells others each time. A failure prints the seed of its history, and
//! `MODEL_SEED=<it> cargo test -p cowherd-gitops --lib model_tests` repeats that one, `MODEL_LOG=1` with all requests. (What threads
//! and hash tables do differs from run to run, so it may take `MODEL_HISTORIES=50` of that seed.)

mod by_hand;
mod chance;
mod cluster;
mod history;
mod moves;
mod quiet;
mod steps;
mod stories;
mod world;

use chance::Chance;
use history::{History, Kind};

/// How many histories of each kind are told, and from which seed on.
const HISTORIES: u64 = 20;
const FIRST: u64 = 1;

/// How much happens in a history at most.
const LENGTH: usize = 40;

/// The seeds of histories that ended wrong once.
const FOUND: [(u64, Kind); 17] = [
    (1_795_921_955_583_940_680, Kind::Plain),
    (1_795_921_964_633_994_103, Kind::Plain),
    (1_795_926_069_108_090_194, Kind::Plain),
    (1_795_926_087_644_558_735, Kind::Plain),
    (1_795_927_378_590_425_051, Kind::Plain),
    (1_795_994_155_360_249_027, Kind::Grown),
    (1_795_995_309_488_717_932, Kind::Grown),
    (1_795_995_357_130_953_699, Kind::Moves),
    (1_795_995_385_998_825_464, Kind::Grown),
    (1_795_995_484_605_501_754, Kind::Grown),
    (1_795_995_542_808_092_344, Kind::Moves),
    (1_795_995_806_062_788_579, Kind::Grown),
    (1_795_998_116_102_467_957, Kind::Grown),
    (1_795_999_415_106_380_622, Kind::Grown),
    (1_795_999_468_417_322_119, Kind::Moves),
    (1_796_000_886_615_643_389, Kind::Grown),
    (1_796_005_961_759_849_451, Kind::Grown),
];

/// How often each of those is told: what threads do differs.
const AGAIN: usize = 3;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn once_it_is_quiet_the_cluster_is_what_git_says_and_everything_says_so() {
    let given = number("MODEL_SEED");
    let first = number("MODEL_FROM").unwrap_or(FIRST);
    for history in 0..number("MODEL_HISTORIES").unwrap_or(HISTORIES) {
        let seed = given.unwrap_or(first.wrapping_add(history));
        [Kind::Plain, Kind::Moves, Kind::Grown].into_iter().for_each(|kind| tell(seed, kind));
    }
}

#[test]
fn histories_that_ended_wrong_once_end_right() {
    for (seed, kind) in FOUND {
        (0..AGAIN).for_each(|_| tell(seed, kind));
    }
}

fn tell(seed: u64, kind: Kind) {
    // A history has a runtime of its own, so that nothing of it is left for the next one.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    if let Err(problem) = runtime.unwrap().block_on(live_through(seed, kind)) {
        panic!("MODEL_SEED={seed} cargo test -p cowherd-gitops --lib model_tests: {kind:?}: {problem}");
    }
}

async fn live_through(seed: u64, kind: Kind) -> Result<(), String> {
    let mut chance = Chance::new(seed);
    let mut history = History::begin(seed, kind);
    history.calm().await;
    quiet::check(&history)?;
    let lost = |history: &History| history.cluster.lost().into_iter().next().map_or(Ok(()), Err);
    for _ in 0..2 {
        for _ in 0..chance.below(LENGTH) {
            history.go_on(&mut chance).await;
        }
        history.calm().await;
        quiet::check(&history).and_then(|()| lost(&history)).map_err(|problem| {
            let is_all = std::env::var_os("MODEL_LOG").is_some();
            let happened = if is_all { history.cluster.log() } else { history.told().join("\n") };
            format!("{problem}\nafter\n{happened}")
        })?;
    }
    Ok(())
}

//! Tells of loops that are not well: controllers, watches, the election of a leader.

use std::collections::BTreeMap;
use std::time::Duration;

use cowherd_controlplane::PATIENCE;
use cowherd_runtime::Health;

use crate::terminal::{Mark, Said};

/// How often it is looked.
const PAUSE: Duration = Duration::from_secs(5);

/// Says which loop is not well and why, once, and when it is well again; for as long as it is polled.
pub async fn watch(health: Health, say: impl Fn(Said)) {
    let mut told = Told::default();
    loop {
        tokio::time::sleep(PAUSE).await;
        told.news(&health, PATIENCE).into_iter().for_each(&say);
    }
}

/// Why loops are not well, as it was said last.
#[derive(Default)]
struct Told(BTreeMap<String, String>);

impl Told {
    /// What is to be said of loops that have not been well for longer than `patience`, and of those that are again.
    fn news(&mut self, health: &Health, patience: Duration) -> Vec<Said> {
        let problems = health.problems_longer_than(patience).into_iter();
        let now: BTreeMap<String, String> = problems.map(|problem| (problem.name, problem.reason)).collect();
        let is_news = |(name, reason): &(&String, &String)| self.0.get(*name) != Some(*reason);
        let sick = now.iter().filter(is_news);
        let is_sick = |(name, reason): (&String, &String)| format!("{name} is not well: {reason}; it is tried again");
        let sick = sick.map(|one| Said::new(Mark::Failure, is_sick(one)));
        let well = self.0.keys().filter(|name| !now.contains_key(*name));
        let well = well.map(|name| Said::new(Mark::Success, format!("{name} is well again")));
        let news = sick.chain(well).collect();
        self.0 = now;
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is to be said at once.
    fn news(told: &mut Told, health: &Health) -> Vec<String> {
        let news = told.news(health, Duration::ZERO).into_iter();
        news.map(|said| format!("{} {}", said.mark.shown(false), said.text)).collect()
    }

    #[test]
    fn what_is_not_well_is_said_once_and_again_for_another_reason_and_that_it_is_well() {
        let (health, mut told) = (Health::default(), Told::default());
        let (sick, fine) = (health.register("watch of pods"), health.register("agents"));
        assert!(news(&mut told, &health).is_empty());
        sick.unwell("the watch was interrupted");
        fine.well();
        let interrupted = "✗ watch of pods is not well: the watch was interrupted; it is tried again";
        assert_eq!(news(&mut told, &health), [interrupted]);
        assert!(news(&mut told, &health).is_empty(), "it was said");
        sick.unwell("no answer");
        assert_eq!(news(&mut told, &health), ["✗ watch of pods is not well: no answer; it is tried again"]);
        sick.well();
        assert_eq!(news(&mut told, &health), ["✔ watch of pods is well again"]);
        assert!(news(&mut told, &health).is_empty());
        sick.unwell("no answer");
        assert_eq!(news(&mut told, &health).len(), 1, "it is another time");
    }

    #[test]
    fn of_a_loop_that_is_no_more_it_is_not_left_standing_that_it_is_unwell() {
        let (health, mut told) = (Health::default(), Told::default());
        let sick = health.register("watch of pods");
        sick.unwell("no answer");
        assert_eq!(news(&mut told, &health).len(), 1);
        drop(sick);
        assert_eq!(news(&mut told, &health), ["✔ watch of pods is well again"]);
    }

    #[test]
    fn what_is_unwell_for_a_moment_is_not_worth_a_word() {
        let (health, mut told) = (Health::default(), Told::default());
        let sick = health.register("watch of pods");
        sick.unwell("no answer");
        assert!(told.news(&health, PATIENCE).is_empty());
        sick.well();
        assert!(told.news(&health, PATIENCE).is_empty(), "nobody was told that it was unwell");
    }
}

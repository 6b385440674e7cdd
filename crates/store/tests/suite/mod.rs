//! What must hold of any store, wherever it keeps its state.
//!
//! A test of a backend says how to open it, as a [`Place`], and takes all of it with [`suite!`].

#![allow(clippy::unwrap_used)]

pub mod committing;
pub mod listing;
pub mod model;
pub mod watching;
pub mod writing;

use cowherd_store::{Error, ListOptions, Revision, Store};

/// An empty place for the state of a store.
pub trait Place {
    /// Opens the store that keeps its state here; again, once the one before is dropped.
    fn open(&self) -> impl Future<Output = Store>;
}

/// The oldest revision whose state can be listed.
pub async fn compacted(store: &Store) -> Revision {
    let options = ListOptions { at: Some(Revision(0)), ..ListOptions::default() };
    match store.list("", options).await {
        Err(Error::Compacted { oldest }) => oldest,
        listed => panic!("the state before the first is not compacted: {listed:?}"),
    }
}

/// Every test of the suite, in places that an expression gives.
macro_rules! suite {
    ($place:expr) => {
        crate::suite::suite! { $place =>
            writing: every_write_gets_the_next_revision a_write_whose_expectation_fails_changes_nothing_and_shows_what_is_there a_deletion_gives_the_last_entry_and_a_key_written_again_is_created_anew of_concurrent_writers_exactly_one_wins_each_round what_was_written_is_there_after_a_restart_and_revisions_go_on keys_and_values_have_limits a_closed_store_says_so_and_its_file_is_free values_are_not_in_what_is_logged all_operations_can_run_on_any_thread;
            committing: all_changes_happen_or_none a_change_may_depend_on_a_key_that_stays_as_it_is deleting_what_is_not_there_changes_nothing a_key_is_named_once watchers_are_told_of_each_change concurrent_commits_keep_what_they_keep_together;
            listing: a_list_has_exactly_the_prefix_in_order pages_tell_how_much_is_left a_page_has_as_many_bytes_as_asked_for_and_one_entry_at_least what_is_left_is_counted_as_it_was_then an_older_revision_lists_as_it_was revisions_that_are_gone_or_to_come_are_refused pages_at_a_revision_stay_the_same_while_writes_go_on;
            watching: events_tell_what_happened_and_what_was_before a_watch_sees_its_prefix_only_and_its_progress_goes_on a_waiting_watch_is_woken a_watch_resumes_at_its_progress_after_a_restart history_that_is_compacted_is_refused_at_the_start_and_on_the_way a_watch_from_the_future_is_refused a_watch_ends_when_the_store_is_closed slow_and_fast_watchers_see_everything_once_in_order;
        }

        #[test]
        fn stores_behave_as_the_model() {
            crate::suite::model::stores_behave_as_the_model(|| $place);
        }
    };
    ($place:expr => $($module:ident: $($test:ident)*;)*) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                crate::suite::$module::$test(&$place).await;
            }
        )*)*
    };
}
pub(crate) use suite;

//! Runs the tests of a release.

use cowherd_helm::release::HookEvent;
use cowherd_helm::release::record::{HookRecord, Record};

use super::super::hooks;
use super::{Acting, ActionError};

/// Runs the tests that the spec selects, of the last revision; its record with how they went.
///
/// # Errors
/// The first test that fails, beside the record if there is one.
pub(in super::super) async fn test(acting: &mut Acting<'_>) -> (Option<Record>, Result<(), ActionError>) {
    let mut record = match acting.storage.last().await {
        Ok(Some(record)) => record,
        Ok(None) => return (None, Err(ActionError::failed("release: not found"))),
        Err(error) => return (None, Err(error.into())),
    };
    let said = acting.spec.test.clone().unwrap_or_default();
    let timeout = acting.timeout(said.timeout.as_ref());
    let filters = said.filters.unwrap_or_default();
    let selected = move |hook: &HookRecord| is_selected(&hook.name, &filters);
    let ran = hooks::run(acting, &mut record, HookEvent::Test, timeout, &selected).await;
    if let Err(error) = acting.update(&record).await {
        return (Some(record), ran.and(Err(error)));
    }
    (Some(record), ran)
}

/// Whether a test of this name runs.
pub(in super::super) fn is_selected(name: &str, filters: &[cowherd_api::flux::helm::v2::Filter]) -> bool {
    let (left_out, named): (Vec<_>, Vec<_>) = filters.iter().partition(|filter| filter.exclude == Some(true));
    !left_out.iter().any(|filter| filter.name == name)
        && (named.is_empty() || named.iter().any(|filter| filter.name == name))
}

#[cfg(test)]
mod tests {
    use cowherd_api::flux::helm::v2::Filter;

    use super::*;

    #[test]
    fn filters_say_which_tests_run() {
        let filter = |name: &str, exclude: bool| Filter { name: name.into(), exclude: Some(exclude) };
        assert!(is_selected("a", &[]));
        assert!(is_selected("a", &[filter("a", false)]) && !is_selected("b", &[filter("a", false)]));
        assert!(!is_selected("a", &[filter("a", true)]) && is_selected("b", &[filter("a", true)]));
    }
}

//! Property: whatever happens to a repository, to Kustomizations and to the process, what the agents have rendered is
//! what a render from nothing gives, and they rendered no more than what had changed.
//!
//! A [`story`] is a random repository and what happens to it. Its [`history`] is a real Git repository, and the
//! [`agents`] decide with what they decide with at work.

mod agents;
mod files;
mod history;
mod story;
mod witness;

use proptest::prelude::*;
use serde_json::Value;

use crate::owner::OwnerName;
use agents::{Agents, FromNothing};
use history::History;
use story::Happening;

/// How many stories are told. With `PROPTEST_CASES`, that many.
const STORIES: u32 = 16;

/// The most that happens in a story.
const LENGTH: usize = 10;

fn config() -> ProptestConfig {
    let default = ProptestConfig { failure_persistence: None, max_shrink_iters: 100, ..ProptestConfig::default() };
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { STORIES };
    ProptestConfig { cases, ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_was_rendered_is_what_a_render_from_nothing_gives_and_only_what_changed_was_rendered(
        story in story::story(LENGTH),
    ) {
        let directory = tempfile::tempdir()?;
        let history = History::write(&story, &directory.path().join("repository"));
        let mut agents = Agents::start(&story, &history, directory.path().join("data"));
        let mut specs = story.specs.clone();
        let mut before = look(&agents, |_, renders, _| if renders == 1 { Ok(()) } else { Err("once".to_owned()) })?;
        for happening in &story.happenings {
            agents.live_through(happening);
            let is_other_spec = is_other_spec(&mut specs, happening);
            before = look(&agents, |app, renders, name| {
                let before = &before[app];
                let may_change = !before.witness.is_answered_alike_by(agents.tree().as_ref())
                    || is_other_spec == Some(app)
                    || before.is_remote && (matches!(happening, Happening::BaseMoves(_)) || before.outcome.is_err())
                    || matches!(happening, Happening::Restart { loses } if *loses || before.outcome.is_err());
                match renders {
                    0 => Ok(()),
                    1 if may_change => Ok(()),
                    1 => Err(format!("{name} was rendered though nothing that it read changed by {happening:?}")),
                    _ => Err(format!("{name} was rendered {renders} times for {happening:?}")),
                }
            })?;
        }
    }
}

/// Compares what each Kustomization is rendered to with a render from nothing, and lets `judge` say whether it may have
/// been rendered so often.
fn look(
    agents: &Agents<'_>,
    judge: impl Fn(usize, u64, &OwnerName) -> Result<(), String>,
) -> Result<Vec<FromNothing>, TestCaseError> {
    let look_at = |(app, name): (usize, &OwnerName)| {
        let expected = agents.render_from_nothing(name);
        prop_assert_eq!(agents.held(name), &expected.outcome, "{} is not what it should be", name);
        judge(app, agents.renders(name), name).map_err(TestCaseError::fail)?;
        Ok(expected)
    };
    agents.names().iter().enumerate().map(look_at).collect()
}

/// The Kustomization that asks for other manifests since this happened.
fn is_other_spec(specs: &mut [Value], happening: &Happening) -> Option<usize> {
    let Happening::Edit { app, spec } = happening else { return None };
    let before = std::mem::replace(&mut specs[*app], spec.clone());
    let relevant = |spec: &Value| {
        let mut spec = spec.clone();
        spec.as_object_mut()?.remove("timeout");
        Some(spec)
    };
    (relevant(&before) != relevant(spec)).then_some(*app)
}

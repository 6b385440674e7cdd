//! Tokens that GitHub Apps were given, for as long as they are good.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use cowherd_source::{CallTerms, Caller, GitHubApp, GitHubAppError, GitHubToken};
use jiff::{SignedDuration, Timestamp};

/// How long a token has to be good for at least.
const LEFT: SignedDuration = SignedDuration::from_mins(5);
/// How many tokens are kept at most.
const MAX_KEPT: usize = 1000;

/// Tokens by what identifies an app, with the times until which they are good.
type Kept = HashMap<[u8; 32], (GitHubToken, Timestamp)>;

/// Tokens that GitHub Apps were given. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Tokens {
    caller: Caller,
    kept: Arc<Mutex<Kept>>,
}

impl Tokens {
    /// A token for the app: the one that it has, or a new one. Blocks the thread.
    pub(crate) fn of(
        &self,
        app: &GitHubApp,
        terms: &CallTerms,
        timeout: Duration,
    ) -> Result<GitHubToken, GitHubAppError> {
        let until = Timestamp::now() + LEFT;
        if let Some((token, _)) = self.kept().get(&app.identity()).filter(|(_, expires)| *expires > until) {
            return Ok(token.clone());
        }
        let token = app.token(&self.caller, terms, timeout, SystemTime::now())?;
        // One of which that is not known is asked for each time.
        if let Ok(expires) = token.expires_at.parse::<Timestamp>() {
            let mut kept = self.kept();
            kept.retain(|_, (_, expires)| *expires > until);
            if kept.len() < MAX_KEPT {
                kept.insert(app.identity(), (token.clone(), expires));
            }
        }
        Ok(token)
    }

    /// The server did not take the token.
    pub(crate) fn forget(&self, app: &GitHubApp) {
        self.kept().remove(&app.identity());
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

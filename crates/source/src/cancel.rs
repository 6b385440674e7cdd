//! The end of a fetch that nobody wants any more.

use std::fmt;
use std::sync::{Arc, Mutex};

use crate::objects::lock;

/// Breaks off the fetches that it was given to: sockets are closed, programs are ended.
///
/// Clones are the same. By default nobody breaks anything off.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    cancelled: bool,
    next: u64,
    actions: Vec<(u64, Box<dyn FnOnce() + Send>)>,
}

impl Cancel {
    /// Breaks off what goes on, and whatever begins with it from now on.
    pub fn cancel(&self) {
        let actions = {
            let mut state = lock(&self.0);
            state.cancelled = true;
            std::mem::take(&mut state.actions)
        };
        actions.into_iter().for_each(|(_, action)| action());
    }

    /// Whether it was broken off.
    pub fn is_cancelled(&self) -> bool {
        lock(&self.0).cancelled
    }

    /// Does `action` when it is broken off, or at once if it was; not any more once what is given back is dropped.
    pub(crate) fn on_cancel(&self, action: impl FnOnce() + Send + 'static) -> Registration {
        let mut state = lock(&self.0);
        let id = state.next;
        state.next += 1;
        if state.cancelled {
            drop(state);
            action();
        } else {
            state.actions.push((id, Box::new(action)));
        }
        Registration { cancel: self.clone(), id }
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancel").field(&self.is_cancelled()).finish()
    }
}

/// Something that is done on cancellation, for as long as this is kept.
pub(crate) struct Registration {
    cancel: Cancel,
    id: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut state = lock(&self.cancel.0);
        let action = state.actions.iter().position(|(id, _)| *id == self.id).map(|at| state.actions.swap_remove(at));
        drop(state);
        drop(action);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn what_is_registered_is_done_once_or_not_at_all() {
        let (done, seen) = channel();
        let cancel = Cancel::default();
        let act = |name: &'static str| {
            let done = done.clone();
            move || done.send(name).unwrap()
        };
        let kept = cancel.on_cancel(act("kept"));
        drop(cancel.on_cancel(act("dropped")));
        cancel.clone().cancel();
        cancel.cancel();
        let late = cancel.on_cancel(act("late"));
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), ["kept", "late"]);
        assert!(cancel.is_cancelled());
        drop((kept, late));
    }
}

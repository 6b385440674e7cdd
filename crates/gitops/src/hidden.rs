//! What must not be shown of what an owner describes or a source works with, as far as it is known by now.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cowherd_apply::mask::Mask;

/// What must not be shown of an owner's objects, or of what a source reads. Whoever works for it finds that out; whoever tells of it
/// meanwhile asks here, and need not wait until the work is done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hidden(Arc<Mutex<Mask>>);

impl Hidden {
    /// All that is known.
    pub(crate) fn mask(&self) -> Mask {
        self.known().clone()
    }

    /// A text without it.
    pub(crate) fn text(&self, text: &str) -> String {
        self.known().text(text)
    }

    /// More was found out. What was hidden until now is in objects that are still there.
    pub(crate) fn join(&self, mask: &Mask) {
        self.known().join(mask);
    }

    /// The work is done, and this is all.
    pub(crate) fn settle(&self, mask: Mask) {
        *self.known() = mask;
    }

    fn known(&self) -> MutexGuard<'_, Mask> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_out_is_hidden_at_once_and_what_was_until_all_is_done() {
        let hidden = Hidden::default();
        let teller = hidden.clone();
        let of = |value: &str| {
            let mut mask = Mask::default();
            mask.add_text(value);
            mask
        };
        hidden.settle(of("hunter2secret"));
        hidden.join(&of("correcthorse"));
        assert_eq!(teller.text("on-hunter2secret and correcthorse").matches("***").count(), 2);
        hidden.settle(of("correcthorse"));
        assert_eq!(teller.text("on-hunter2secret and correcthorse").matches("***").count(), 1);
    }
}

//! Objects that are left as they are for as long as they ask for that: whoever leaves them is told when it ends.

use super::known::{Known, Left, Live, Until};
use super::{Cause, LastWrite, Memory};
use crate::object::ObjectId;
use crate::owner::Owner;

impl Memory {
    /// `owner` leaves the object as it is, which asks for that, or did a moment ago.
    pub(crate) fn leave(&self, id: &ObjectId, owner: &Owner, until: Until) {
        let mut objects = self.objects();
        let known = objects.note(id);
        known.applied.take_if(|applied| *applied.owner == *owner);
        known.left = Some(Box::new(Left { owner: owner.clone(), until }));
        self.judge_left(id, known, None);
    }

    /// Whether the object is left as it is.
    pub(crate) fn is_left(&self, id: &ObjectId) -> bool {
        self.objects().get(id).is_some_and(|known| known.left.is_some())
    }

    /// Tells whoever leaves the object as it is that it does not ask for that any more.
    pub(super) fn judge_left(&self, id: &ObjectId, known: &mut Known, last: Option<&LastWrite>) {
        let (Some(left), Some(live)) = (&known.left, &known.live) else { return };
        let (cause, at) = match live {
            Live::Gone { .. } => (Cause::Deleted, None),
            Live::Present(mark) if left.until == Until::Asked && !mark.excluded => {
                (Cause::Changed { by: last.and_then(|last| last.manager.clone()) }, last.and_then(|last| last.at))
            }
            Live::Present(_) => return,
        };
        if let Some(left) = known.left.take() {
            self.tell(&left.owner, id, cause, at);
        }
    }
}

//! Room that webhooks take: of all there is, one namespace has at most half. Nobody waits for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The room that there is.
#[derive(Debug)]
pub(super) struct Room {
    size: usize,
    taken: Mutex<HashMap<String, usize>>,
}

/// What somebody took of it on the word of a namespace. It is free again with this.
#[derive(Debug)]
pub(super) struct Share {
    room: Arc<Room>,
    namespace: String,
    size: usize,
}

impl Room {
    pub(super) fn new(size: usize) -> Arc<Self> {
        Arc::new(Self { size, taken: Mutex::default() })
    }

    /// Nothing yet.
    pub(super) fn share(self: &Arc<Self>, namespace: &str) -> Share {
        Share { room: self.clone(), namespace: namespace.to_owned(), size: 0 }
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Takes so much more, if there is as much.
    pub(super) fn grow(&mut self, by: usize) -> bool {
        let mut taken = self.room.taken();
        let of_namespace = taken.get(&self.namespace).copied().unwrap_or_default();
        let in_all: usize = taken.values().sum();
        if of_namespace + by > self.room.size / 2 || in_all + by > self.room.size {
            return false;
        }
        *taken.entry(self.namespace.clone()).or_default() += by;
        self.size += by;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.room.taken();
        if let Some(of_namespace) = taken.get_mut(&self.namespace) {
            *of_namespace -= self.size;
            if *of_namespace == 0 {
                taken.remove(&self.namespace);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_has_half_of_the_room_and_gives_it_back() {
        let room = Room::new(10);
        let (mut first, mut second, mut other) = (room.share("a"), room.share("a"), room.share("b"));
        assert!(first.grow(3) && second.grow(2) && !second.grow(1) && other.grow(5) && !room.share("c").grow(1));
        drop(first);
        assert!(second.grow(3) && !second.grow(1));
        drop((second, other));
        assert!(room.taken().is_empty());
    }
}

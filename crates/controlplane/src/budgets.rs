//! What all control planes of a process have together.

use std::sync::{Arc, Mutex, PoisonError};

/// The memory for caches that a control plane has at least and at most, in bytes.
const LEAST: usize = 256 * 1024;
const MOST: usize = 8 * 1024 * 1024;
/// A control plane takes this part of what is left.
const PART: usize = 8;

/// How large the budgets of a process are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Renders, applies and fetches at a time.
    pub agents: cowherd_gitops::Limits,
    /// Bytes of memory for what stores keep in memory of their files. Each control plane has a quarter of a mebibyte at least
    /// and eight mebibytes at most.
    pub caches: usize,
}

impl Default for Sizes {
    /// Those of [`cowherd_gitops::Limits`], and 64 MiB of caches.
    fn default() -> Self {
        Self { agents: cowherd_gitops::Limits::default(), caches: 64 * 1024 * 1024 }
    }
}

/// What all control planes of a process have together: how much their agents do at a time, and the memory for caches.
/// Clones are the same budgets.
#[derive(Clone, Debug)]
pub struct Budgets {
    pub(crate) agents: cowherd_gitops::Budgets,
    caches: Arc<Mutex<usize>>,
}

impl Default for Budgets {
    fn default() -> Self {
        Self::new(Sizes::default())
    }
}

impl Budgets {
    /// Budgets of these sizes.
    pub fn new(sizes: Sizes) -> Self {
        Self { agents: cowherd_gitops::Budgets::new(sizes.agents), caches: Arc::new(Mutex::new(sizes.caches)) }
    }

    /// Memory for the caches of one more control plane: less for each of many than for the first.
    pub(crate) fn cache(&self) -> Cache {
        let mut left = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        let size = (*left / PART).clamp(LEAST, MOST);
        let taken = size.min(*left);
        *left -= taken;
        Cache { size, taken, left: self.caches.clone() }
    }
}

/// Memory that a control plane has for its caches. It is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Cache {
    /// In bytes.
    pub(crate) size: usize,
    taken: usize,
    left: Arc<Mutex<usize>>,
}

impl Drop for Cache {
    fn drop(&mut self) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) += self.taken;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_share_what_one_may_have_and_give_it_back() {
        let budgets = Budgets::default();
        let first = budgets.cache();
        assert_eq!(first.size, MOST);
        let many: Vec<_> = (0..1000).map(|_| budgets.cache()).collect();
        let all: usize = many.iter().map(|cache| cache.taken).sum();
        assert!(first.taken + all <= Sizes::default().caches);
        assert_eq!(many[999].size, LEAST);
        drop(many);
        drop(first);
        assert_eq!(budgets.cache().size, MOST);
    }
}

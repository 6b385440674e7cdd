//! The sum of a pack, with which it ends: whether it came as it was sent.

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};

/// How many bytes the sum has.
const LENGTH: usize = 20;
/// How many bytes are added at a time.
const CHUNK: usize = 64 * 1024;

/// Adds up the bytes of a pack.
pub(super) struct Sum {
    context: Context,
    /// What was not added yet, of which the last bytes may be the sum.
    pending: Vec<u8>,
}

impl Default for Sum {
    fn default() -> Self {
        Self { context: Context::new(&SHA1_FOR_LEGACY_USE_ONLY), pending: Vec::new() }
    }
}

impl Sum {
    /// Adds bytes that came.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() > CHUNK {
            let rest = self.pending.split_off(self.pending.len() - LENGTH);
            self.context.update(&self.pending);
            self.pending = rest;
        }
    }

    /// Whether what was added ends with the sum of what came before.
    pub(super) fn ends_with_its_sum(mut self) -> bool {
        let Some(end) = self.pending.len().checked_sub(LENGTH) else { return false };
        let (rest, sum) = self.pending.split_at(end);
        self.context.update(rest);
        self.context.finish().as_ref() == sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_whole(pack: &[u8]) -> bool {
        let (first, rest) = pack.split_at(pack.len() / 3);
        let mut sum = Sum::default();
        first.chunks(7).for_each(|bytes| sum.add(bytes));
        sum.add(rest);
        sum.ends_with_its_sum()
    }

    #[test]
    fn what_was_garbled_or_cut_is_not_whole() {
        for size in [0, 1, 19, 20, 21, 1000, CHUNK, 3 * CHUNK + 17] {
            let mut pack = vec![7; size];
            pack.extend(ring::digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, &pack).as_ref());
            assert!(is_whole(&pack), "{size}");
            assert!(!is_whole(&pack[..pack.len() - 1]), "{size}");
            pack[size / 2] ^= 1;
            assert!(!is_whole(&pack), "{size}");
        }
    }
}

//! Where randomness comes from.

use std::convert::Infallible;

use ring::digest;

/// A source of random bytes. What it gives must be hard to guess: keys and passwords are made of it.
pub trait Random {
    /// Fills `bytes` with random ones.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// Random bytes that follow from a seed, as a stream of blocks: SHA-256 of a key and the number of the block, where
/// the key is the hash of the seed. Whoever does not know the seed cannot tell them from others.
pub struct Seeded {
    key: digest::Digest,
    blocks: u64,
    /// The bytes of the last block that were not given yet.
    block: [u8; 32],
    used: usize,
}

impl Seeded {
    /// The stream of `seed`, which should hold 16 or more bytes that are hard to guess.
    pub fn new(seed: &[u8]) -> Self {
        Self { key: digest::digest(&digest::SHA256, seed), blocks: 0, block: [0; 32], used: 32 }
    }

    fn next_block(&mut self) {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(self.key.as_ref());
        hash.update(&self.blocks.to_be_bytes());
        self.block.copy_from_slice(hash.finish().as_ref());
        self.blocks += 1;
        self.used = 0;
    }
}

impl Random for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.used == self.block.len() {
                self.next_block();
            }
            *byte = self.block.get(self.used).copied().unwrap_or_default();
            self.used += 1;
        }
    }
}

/// A number below `bound`, each as likely as the others; 0 where there is none.
pub(crate) fn below(random: &mut dyn Random, bound: u64) -> u64 {
    if bound == 0 {
        return 0;
    }
    let fair = u64::MAX - u64::MAX % bound;
    loop {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        let number = u64::from_be_bytes(bytes);
        if number < fair {
            return number % bound;
        }
    }
}

/// Random bytes.
pub(crate) fn bytes<const N: usize>(random: &mut dyn Random) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}

/// The source as cryptographic libraries want it.
pub(crate) struct Generator<'r>(pub(crate) &'r mut dyn Random);

impl rand_core::TryRng for Generator<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_be_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Generator<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(seed: &[u8], sizes: &[usize]) -> Vec<u8> {
        let mut random = Seeded::new(seed);
        let mut all = Vec::new();
        for size in sizes {
            let mut bytes = vec![0; *size];
            random.fill(&mut bytes);
            all.extend(bytes);
        }
        all
    }

    #[test]
    fn a_seed_always_gives_the_same_stream_however_it_is_read() {
        assert_eq!(stream(b"seed", &[100]), stream(b"seed", &[1, 31, 33, 35]));
        assert_ne!(stream(b"seed", &[100]), stream(b"other", &[100]));
    }

    #[test]
    fn numbers_are_below_their_bound_and_reach_it() {
        let mut random = Seeded::new(b"seed");
        let mut seen = [false; 7];
        for _ in 0..200 {
            seen[usize::try_from(below(&mut random, 7)).unwrap()] = true;
        }
        assert_eq!(seen, [true; 7]);
        assert_eq!(below(&mut random, 0), 0);
    }
}

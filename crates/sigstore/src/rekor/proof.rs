//! The proof that an entry is in the tree of a log, whose root the log signed: RFC 6962, section 2.1.1, and signed notes.

use crate::Refusal;
use crate::encoding::{decoded, sha256};
use crate::root::Log;

/// The most hashes of a proof: a tree has no more levels.
pub(crate) const MAX_HASHES: usize = 64;

/// The most bytes of a checkpoint.
const MAX_CHECKPOINT: usize = 16 << 10;

/// What stands before a signature of a note.
const SIGNATURE: &str = "\u{2014} ";

/// The bytes before a signature that say which key it is by.
const HINT: usize = 4;

/// That an entry is in a tree, and what the log says of that.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    /// Which leaf of the tree it is, from 0.
    pub(crate) index: u64,
    /// How many leaves there are.
    pub(crate) size: u64,
    pub(crate) hashes: Vec<Vec<u8>>,
    /// The root of the tree, signed by the log.
    pub(crate) checkpoint: String,
}

impl Proof {
    /// Sees whether it leads from the entry to a root that the log signed.
    pub(crate) fn verify(&self, body: &[u8], log: &Log) -> Result<(), Refusal> {
        let root = self.root(body).ok_or(Refusal::EntryNotProven)?;
        let signed = Checkpoint::read(&self.checkpoint).ok_or(Refusal::CheckpointBroken)?;
        let is_signed = signed.signatures.iter().any(|signature| {
            signature
                .get(HINT..)
                .is_some_and(|signature| log.key.has_signed(log.key.hash(), signed.text.as_bytes(), signature))
        });
        if !is_signed {
            return Err(Refusal::CheckpointBroken);
        }
        if signed.size == self.size && signed.root == root { Ok(()) } else { Err(Refusal::EntryNotProven) }
    }

    /// The root of the tree, from the leaf upwards.
    fn root(&self, body: &[u8]) -> Option<[u8; 32]> {
        if self.index >= self.size || self.hashes.len() > MAX_HASHES {
            return None;
        }
        let (mut place, mut last) = (self.index, self.size - 1);
        let mut hash = sha256(&[&[0], body].concat());
        for sibling in &self.hashes {
            let sibling: &[u8; 32] = sibling.as_slice().try_into().ok()?;
            if last == 0 {
                return None;
            }
            if place & 1 == 1 || place == last {
                hash = node(sibling, &hash);
                while place & 1 == 0 && place != 0 {
                    place >>= 1;
                    last >>= 1;
                }
            } else {
                hash = node(&hash, sibling);
            }
            place >>= 1;
            last >>= 1;
        }
        (last == 0).then_some(hash)
    }
}

/// The hash of two hashes.
fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    sha256(&[&[1][..], left, right].concat())
}

/// What a log says of its tree.
struct Checkpoint<'a> {
    /// What is signed.
    text: &'a str,
    size: u64,
    root: Vec<u8>,
    signatures: Vec<Vec<u8>>,
}

impl<'a> Checkpoint<'a> {
    fn read(note: &'a str) -> Option<Self> {
        if note.len() > MAX_CHECKPOINT {
            return None;
        }
        let end = note.find("\n\n")? + 1;
        let (text, signatures) = (&note[..end], &note[end + 1..]);
        let mut lines = text.lines();
        let _origin = lines.next().filter(|origin| !origin.is_empty())?;
        let size = lines.next()?.parse().ok()?;
        let root = decoded(lines.next()?)?;
        let signature = |line: &str| decoded(line.strip_prefix(SIGNATURE)?.rsplit_once(' ')?.1);
        let signatures = signatures.lines().take(MAX_HASHES).map(signature).collect::<Option<Vec<_>>>()?;
        Some(Self { text, size, root, signatures })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The root of a tree, and the proof of a leaf, as RFC 6962 defines them.
    fn tree(leaves: &[Vec<u8>], index: usize) -> ([u8; 32], Vec<Vec<u8>>) {
        if let [leaf] = leaves {
            return (sha256(&[&[0], leaf.as_slice()].concat()), Vec::new());
        }
        let split = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(split);
        let is_left = index < split;
        let (of_left, mut proof) = tree(left, if is_left { index } else { 0 });
        let (of_right, other) = tree(right, if is_left { 0 } else { index - split });
        if !is_left {
            proof = other;
        }
        proof.push(if is_left { of_right.to_vec() } else { of_left.to_vec() });
        (node(&of_left, &of_right), proof)
    }

    #[test]
    fn the_proof_of_each_leaf_of_each_tree_leads_to_its_root_and_no_other_does() {
        for size in 1..=33_usize {
            let leaves: Vec<Vec<u8>> = (0..size).map(|leaf| vec![leaf as u8]).collect();
            for (index, leaf) in leaves.iter().enumerate() {
                let (root, hashes) = tree(&leaves, index);
                let mut proof = Proof { index: index as u64, size: size as u64, hashes, checkpoint: String::new() };
                assert_eq!(proof.root(leaf), Some(root), "{index} of {size}");
                assert_ne!(proof.root(b"another"), Some(root));
                proof.index += 1;
                assert_ne!(proof.root(leaf), Some(root), "{index} of {size} as the next");
                proof.index -= 1;
                proof.hashes.push(vec![0; 32]);
                assert_eq!(proof.root(leaf), None, "a hash too many");
                proof.hashes.truncate(proof.hashes.len().saturating_sub(2));
                if size > 1 {
                    assert_ne!(proof.root(leaf), Some(root), "a hash too few");
                }
            }
        }
    }
}

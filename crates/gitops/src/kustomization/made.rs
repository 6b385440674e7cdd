//! What expressions make of values of Secrets: parts of them, the same in capitals, with something else in between.

use std::collections::BTreeSet;

use cowherd_apply::mask::{MASKED, Mask};

/// How many bytes are held to be masked, and how many texts: each is looked for in all that is told.
const MOST: (usize, usize) = (1 << 20, 4096);

/// What is to be masked beside the values themselves.
#[derive(Debug, Default)]
pub(super) struct MadeOfSecrets {
    texts: BTreeSet<String>,
    size: usize,
}

/// There is too much to be masked.
#[derive(Debug, thiserror::Error)]
#[error(
    "expressions make more than {} texts, or {} bytes, of values of Secrets; have the Secret hold what is meant",
    MOST.1,
    MOST.0
)]
pub(super) struct TooManySecrets;

impl MadeOfSecrets {
    /// These were made; `mask` hides the values that they were made of.
    pub(super) fn add(&mut self, texts: BTreeSet<String>, mask: &Mask) -> Result<(), TooManySecrets> {
        for text in texts {
            let is_known = text.is_empty() || mask.text(&text) == MASKED || self.texts.contains(&text);
            if !is_known {
                self.size += text.len();
                self.texts.insert(text);
            }
        }
        let fits = self.size <= MOST.0 && self.texts.len() <= MOST.1;
        if fits { Ok(()) } else { Err(TooManySecrets) }
    }

    /// All of them.
    pub(super) fn into_texts(self) -> BTreeSet<String> {
        self.texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_anyway_is_not_held_and_the_rest_within_bounds() {
        let mut mask = Mask::default();
        mask.add_text("hunter2pass");
        let mut made = MadeOfSecrets::default();
        let of = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<_>>();
        made.add(of(&["", "hunter2pass", "HUNTER2PASS", "hunter2"]), &mask).unwrap();
        assert_eq!(made.texts, of(&["hunter2"]));
        made.add(of(&[&"x".repeat(MOST.0)]), &mask).unwrap_err();
        let mut made = MadeOfSecrets::default();
        made.add((0..=MOST.1).map(|number| format!("x{number}")).collect(), &mask).unwrap_err();
    }
}

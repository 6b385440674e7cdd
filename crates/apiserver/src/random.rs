//! Identities and names that nobody can guess.

use rustls::crypto::SecureRandom;

use crate::status::{ApiError, ApiResult};

/// The letters of generated names: no vowels, so no words, and nothing that looks like something else.
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// Random bytes.
pub fn bytes<const N: usize>() -> ApiResult<[u8; N]> {
    let mut bytes = [0; N];
    source().fill(&mut bytes).map_err(|_| ApiError::internal("the operating system gives no random bytes"))?;
    Ok(bytes)
}

fn source() -> &'static dyn SecureRandom {
    rustls::crypto::ring::default_provider().secure_random
}

/// A version 4 UUID.
pub fn uuid() -> ApiResult<String> {
    let number = u128::from_be_bytes(bytes()?);
    let number = number & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    Ok(format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)))
}

/// Five letters to end a generated name with.
pub fn suffix() -> ApiResult<String> {
    let random: [u8; 5] = bytes()?;
    Ok(random.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_say_their_version_and_variant() {
        for _ in 0..100 {
            let uuid = uuid().unwrap();
            assert_eq!(uuid.len(), 36);
            assert_eq!(&uuid[14..15], "4");
            assert!("89ab".contains(&uuid[19..20]), "{uuid}");
        }
        assert_ne!(uuid().unwrap(), uuid().unwrap());
    }
}

//! Keys for DSA, which is long out of use.

use num_bigint::BigUint;

use super::der;
use crate::functions::chance::random::{self, Random};

/// The prime of 2048 bits, in hexadecimal. Keys of different people may share the parameters; making new ones takes
/// seconds.
const P: &[u8] = b"\
    ff33d181b52955542493453f1954a6a1775bab340aa120d9998589220789c92366b67b029e001d59bc566a1daab16a453c5e\
    298a9e704cd6c4853b39fe77f3d8891b3652fae22e90b5f47d72a59afe9ce9d38db70c29ac0e0feb1c70ef71f2734b55c31c\
    06a580de3899aeff1091f0be296185ef07711cbd47cc7f393a7ca4c96b7c7859b3a1f85f2860c714c759a7167988fba11d98\
    4c2bbbcaa4aab67dc59abe18133c300c6d6b24035ed81a05fce7047c04df2d9cb60ed84079482caabf2327e15db5301b05cc\
    c4eb5f724003738cd11d976c335d4330df77d475ec8ffefadc4cb8cf972592657c727467ff7c97fdd2a5fd6ba1e5e61c98bf\
    bfaa63b913d5";

/// The prime of 256 bits that divides `P - 1`.
const Q: &[u8] = b"8c13e51918b4257b54861186c363f5eca16c693877f588aa4f4221b93348361f";

/// What generates the numbers that `Q` counts.
const G: &[u8] = b"\
    531aab74f48e23da85c890b0a385a58c0f20ec39791ba4ee1678da2a4ff47f795273c49e47b8fdebef9f90700b5c808f758b\
    0771d799789d25eda624f11b68563de8ac58630427ded3e2f44b29d67a553b11cc6c008f590dea92c44fb7f1ffc912f4a959\
    5a4df21564b6bb742dafcd09e7a6459cdbc27cbf56d02fb941bef7d6929e2257f5744c85d3982bd6f7d7c40371f62dcac94b\
    aaa1a08840445d85b0e7518ec8bcaa52d226166cb7a1d603ef97047337a7306c7b1df5426d8915ce167f32855245a3fb11ba\
    d0614cca29454f765680336c546fab6dfc750c272730b5764993e2d31a1f93c1208b7d8b0d53a13ad643d4328e3c44ffbde4\
    150adecb61e7";

fn number(hexadecimal: &[u8]) -> BigUint {
    BigUint::parse_bytes(hexadecimal, 16).unwrap_or_default()
}

/// A new key, in the form of OpenSSL.
pub(crate) fn generate(random: &mut dyn Random) -> Vec<u8> {
    let (p, q, g) = (number(P), number(Q), number(G));
    let secret = loop {
        let secret = random::bytes::<32>(random);
        let secret = BigUint::from_bytes_be(&secret);
        if secret > BigUint::ZERO && secret < q {
            break secret;
        }
    };
    let public = g.modpow(&secret, &p);
    let numbers = [&BigUint::ZERO, &p, &q, &g, &public, &secret];
    der::sequence(numbers.map(|number| der::integer(&number.to_bytes_be())))
}

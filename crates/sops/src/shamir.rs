//! Shamir's secret sharing over GF(2^8), as Vault and SOPS have it: a share is the values of polynomials, one for each byte of
//! the secret, at the point that its last byte names.

/// The secret of which these are shares; why they are none.
pub(crate) fn combine(shares: &[Vec<u8>]) -> Result<Vec<u8>, &'static str> {
    let Some((first, rest)) = shares.split_first() else { return Err("there are no shares of the data key") };
    if rest.is_empty() || first.len() < 2 {
        return Err("there are too few shares of the data key, or they are too short");
    }
    if rest.iter().any(|share| share.len() != first.len()) {
        return Err("the shares of the data key are not of the same length");
    }
    let length = first.len() - 1;
    let points: Vec<u8> = shares.iter().map(|share| share[length]).collect();
    let is_twice = |(index, point): (usize, &u8)| points[..index].contains(point);
    if points.iter().enumerate().any(is_twice) {
        return Err("two shares of the data key are the same one");
    }
    let weights: Vec<u8> = (0..points.len()).map(|index| weight(&points, index)).collect();
    let byte =
        |at: usize| shares.iter().zip(&weights).fold(0, |sum, (share, weight)| sum ^ product(share[at], *weight));
    Ok((0..length).map(byte).collect())
}

/// How much the share at `index` counts for the value at 0, by Lagrange.
fn weight(points: &[u8], index: usize) -> u8 {
    let others = points.iter().enumerate().filter(|(other, _)| *other != index);
    others.fold(1, |weight, (_, point)| product(weight, product(*point, inverse(points[index] ^ point))))
}

/// A product modulo x^8 + x^4 + x^3 + x + 1, without branches that depend on the factors.
fn product(a: u8, b: u8) -> u8 {
    let double = |value: u8| (value << 1) ^ ((value >> 7).wrapping_neg() & 0x1b);
    (0..8).rev().fold(0, |sum, bit| double(sum) ^ ((b >> bit & 1).wrapping_neg() & a))
}

/// The 254th power, by which `value` multiplied is 1; 0 for 0.
fn inverse(value: u8) -> u8 {
    let power = (0..6).fold(value, |power, _| product(product(power, power), value));
    product(power, power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_but_zero_has_an_inverse() {
        for value in 1..=255 {
            assert_eq!(product(value, inverse(value)), 1, "{value}");
        }
        assert_eq!(inverse(0), 0);
        // Of the specification of AES.
        assert_eq!(product(0x57, 0x83), 0xc1);
    }

    #[test]
    fn any_two_of_three_shares_of_a_line_give_the_secret() {
        let share = |point: u8| vec![42 ^ product(7, point), 200 ^ product(19, point), point];
        for (a, b) in [(1, 2), (2, 3), (3, 1), (255, 128)] {
            assert_eq!(combine(&[share(a), share(b)]).unwrap(), [42, 200]);
        }
        assert!(combine(&[share(1)]).is_err());
        assert!(combine(&[share(1), share(1)]).is_err());
        assert!(combine(&[share(1), vec![1, 2]]).is_err());
        assert!(combine(&[vec![1], vec![2]]).is_err());
    }
}

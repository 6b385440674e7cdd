//! Decimal numbers of any size, as `shopspring/decimal` calculates with them: exactly, except for quotients.

use cowherd_template::Fault;
use num_bigint::{BigInt, Sign};

/// How many digits behind the point a quotient has.
const DIVISION_PRECISION: i64 = 16;

/// `digits * 10^exponent`.
#[derive(Clone)]
pub(crate) struct Decimal {
    digits: BigInt,
    exponent: i64,
}

impl Decimal {
    /// The number with the fewest digits that means `number`.
    pub(crate) fn new(number: f64) -> Result<Self, Fault> {
        if !number.is_finite() {
            return Err(Fault::Message(format!("Cannot create a Decimal from {}", not_finite(number))));
        }
        let text = format!("{number:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let digits = mantissa.replace('.', "").parse().unwrap_or_default();
        let exponent: i64 = exponent.parse().unwrap_or_default();
        Ok(Self { digits, exponent: exponent - i64::try_from(fraction).unwrap_or_default() })
    }

    /// The nearest float.
    pub(crate) fn to_float(&self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or_default()
    }

    pub(crate) fn add(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        Self { digits: self.scaled(exponent) + other.scaled(exponent), exponent }
    }

    pub(crate) fn subtract(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        Self { digits: self.scaled(exponent) - other.scaled(exponent), exponent }
    }

    pub(crate) fn multiply(&self, other: &Self) -> Self {
        Self { digits: &self.digits * &other.digits, exponent: self.exponent + other.exponent }
    }

    /// The quotient, of which the last digit is rounded away from zero where it lies in the middle.
    pub(crate) fn divide(&self, other: &Self) -> Result<Self, Fault> {
        if other.digits.sign() == Sign::NoSign {
            return Err("decimal division by 0".into());
        }
        let shift = self.exponent - other.exponent + DIVISION_PRECISION;
        let power = power_of_ten(shift.unsigned_abs());
        let (dividend, divisor) = match shift {
            ..0 => (self.digits.clone(), &other.digits * power),
            _ => (&self.digits * power, other.digits.clone()),
        };
        let mut digits = &dividend / &divisor;
        let remainder = &dividend % &divisor;
        let is_half = (remainder.magnitude() * 2_u32) >= *divisor.magnitude();
        if is_half && remainder.sign() != Sign::NoSign {
            let same_sign = self.digits.sign() == other.digits.sign();
            digits += if same_sign { 1 } else { -1 };
        }
        Ok(Self { digits, exponent: -DIVISION_PRECISION })
    }

    /// The digits where the exponent is a smaller one.
    fn scaled(&self, exponent: i64) -> BigInt {
        &self.digits * power_of_ten((self.exponent - exponent).unsigned_abs())
    }
}

fn power_of_ten(exponent: u64) -> BigInt {
    BigInt::from(10).pow(u32::try_from(exponent).unwrap_or(u32::MAX))
}

fn not_finite(number: f64) -> &'static str {
    match number {
        f64::INFINITY => "+Inf",
        f64::NEG_INFINITY => "-Inf",
        _ => "NaN",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_and_quotients_rounded() {
        let of = |number: f64| Decimal::new(number).unwrap();
        assert_eq!(of(0.1).add(&of(0.2)).to_float(), 0.3);
        assert_eq!(of(1.1).multiply(&of(1.1)).to_float(), 1.21);
        assert_eq!(of(0.3).subtract(&of(0.1)).to_float(), 0.2);
        assert_eq!(of(2.0).divide(&of(3.0)).unwrap().to_float(), 0.6666666666666667);
        assert_eq!(of(-2.0).divide(&of(3.0)).unwrap().to_float(), -0.6666666666666667);
        assert_eq!(of(1e300).divide(&of(1e-300)).unwrap().to_float(), f64::INFINITY);
        assert_eq!(of(1.0).divide(&of(1e300)).unwrap().to_float(), 0.0);
        assert!(of(1.0).divide(&of(0.0)).is_err());
        assert!(Decimal::new(f64::NAN).is_err());
    }
}

//! What operators may stand between.

use super::Operator;
use crate::functions::Sig::{self, A, B, Bool, Bytes, Double, Duration, Int, Text, Timestamp, Uint};

/// The types of the operands and of the result.
pub(super) type Signature = (&'static [Sig], Sig);

pub(super) const CONDITIONAL: &[Signature] = &[(&[Bool, A, A], A)];
pub(super) const NOT: &[Signature] = &[(&[Bool], Bool)];
pub(super) const NEGATE: &[Signature] = &[(&[Double], Double), (&[Int], Int)];

pub(super) const INDEX: &[Signature] = &[
    (&[Sig::ListA, Int], A),
    (&[Sig::MapAB, A], B),
    (&[Sig::OptListA, Int], Sig::OptA),
    (&[Sig::OptMapAB, A], Sig::OptB),
];

pub(super) const OPTIONAL_INDEX: &[Signature] = &[
    (&[Sig::ListA, Int], Sig::OptA),
    (&[Sig::OptListA, Int], Sig::OptA),
    (&[Sig::MapAB, A], Sig::OptB),
    (&[Sig::OptMapAB, A], Sig::OptB),
];

const EQUALITY: &[Signature] = &[(&[A, A], Bool)];

const ORDER: &[Signature] = &[
    (&[Bool, Bool], Bool),
    (&[Int, Int], Bool),
    (&[Int, Double], Bool),
    (&[Int, Uint], Bool),
    (&[Uint, Uint], Bool),
    (&[Uint, Double], Bool),
    (&[Uint, Int], Bool),
    (&[Double, Double], Bool),
    (&[Double, Int], Bool),
    (&[Double, Uint], Bool),
    (&[Text, Text], Bool),
    (&[Bytes, Bytes], Bool),
    (&[Timestamp, Timestamp], Bool),
    (&[Duration, Duration], Bool),
];

const ADD: &[Signature] = &[
    (&[Bytes, Bytes], Bytes),
    (&[Double, Double], Double),
    (&[Duration, Duration], Duration),
    (&[Duration, Timestamp], Timestamp),
    (&[Timestamp, Duration], Timestamp),
    (&[Int, Int], Int),
    (&[Sig::ListA, Sig::ListA], Sig::ListA),
    (&[Text, Text], Text),
    (&[Uint, Uint], Uint),
];

const SUBTRACT: &[Signature] = &[
    (&[Double, Double], Double),
    (&[Duration, Duration], Duration),
    (&[Int, Int], Int),
    (&[Timestamp, Duration], Timestamp),
    (&[Timestamp, Timestamp], Duration),
    (&[Uint, Uint], Uint),
];

const NUMBERS: &[Signature] = &[(&[Double, Double], Double), (&[Int, Int], Int), (&[Uint, Uint], Uint)];
const WHOLE: &[Signature] = &[(&[Int, Int], Int), (&[Uint, Uint], Uint)];
const IN: &[Signature] = &[(&[A, Sig::ListA], Bool), (&[A, Sig::MapAB], Bool)];

pub(super) fn binary(operator: Operator) -> &'static [Signature] {
    match operator {
        Operator::Add => ADD,
        Operator::Subtract => SUBTRACT,
        Operator::Multiply | Operator::Divide => NUMBERS,
        Operator::Modulo => WHOLE,
        Operator::Equal | Operator::NotEqual => EQUALITY,
        Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => ORDER,
        Operator::In => IN,
    }
}

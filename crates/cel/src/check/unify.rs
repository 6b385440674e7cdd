//! Which types fit each other, and what is known of those that are unknown.

use std::sync::Arc;

use crate::types::Type;
use crate::value::deeper;

/// How many steps it may take to find out the types of an expression.
const STEPS: usize = 2_000_000;

/// What is known of unknown types.
#[derive(Default)]
pub(crate) struct Known {
    types: Vec<Option<Type>>,
    /// What was known before, for who takes steps back.
    undo: Vec<(usize, Option<Type>)>,
    steps: usize,
}

impl Known {
    /// A type of which nothing is known.
    pub fn unknown(&mut self) -> Type {
        self.types.push(None);
        Type::Unknown(self.types.len() - 1)
    }

    /// Whether finding out took too long; what it says from then on is worth nothing.
    pub fn is_exhausted(&self) -> bool {
        self.steps > STEPS
    }

    fn step(&mut self) -> bool {
        self.steps += 1;
        !self.is_exhausted()
    }

    fn of(&self, place: usize) -> Option<&Type> {
        self.types.get(place)?.as_ref()
    }

    fn set(&mut self, place: usize, to: Type) {
        if let Some(slot) = self.types.get_mut(place) {
            self.undo.push((place, slot.replace(to)));
        }
    }

    /// Whether all of these fit those; otherwise nothing has changed.
    pub fn fit_all(&mut self, these: &[Type], those: &[Type]) -> bool {
        let mark = self.undo.len();
        let fits = these.len() == those.len() && these.iter().zip(those).all(|(one, other)| self.fits(one, other));
        if !fits {
            while self.undo.len() > mark {
                let Some((place, before)) = self.undo.pop() else { break };
                if let Some(slot) = self.types.get_mut(place) {
                    *slot = before;
                }
            }
        }
        fits
    }

    /// Whether one fits the other; otherwise nothing has changed.
    pub fn fit(&mut self, one: &Type, other: &Type) -> bool {
        self.fit_all(std::slice::from_ref(one), std::slice::from_ref(other))
    }

    fn fits(&mut self, one: &Type, other: &Type) -> bool {
        if !self.step() {
            return false;
        }
        if let Type::Unknown(place) = other {
            match self.substitutes(one, *place) {
                (true, _) => return true,
                (false, true) => return false,
                (false, false) => {}
            }
        }
        if let Type::Unknown(place) = one {
            return self.substitutes(other, *place).0;
        }
        match (one, other) {
            (Type::Dyn, _) | (_, Type::Dyn) => true,
            // Null fits what can be absent.
            (Type::Null, other) | (other, Type::Null) => {
                matches!(other, Type::Null | Type::Optional(_) | Type::Timestamp | Type::Duration)
            }
            (Type::List(one), Type::List(other)) | (Type::Optional(one), Type::Optional(other)) => {
                deeper(|| self.fits(one, other))
            }
            (Type::Map(one), Type::Map(other)) => deeper(|| self.fits(&one.0, &other.0) && self.fits(&one.1, &other.1)),
            (Type::Kind(_), Type::Kind(_)) => true,
            (one, other) => one == other,
        }
    }

    /// Whether a type may stand for an unknown one, and whether something does already.
    fn substitutes(&mut self, by: &Type, place: usize) -> (bool, bool) {
        if *by == Type::Unknown(place) {
            return (true, true);
        }
        if let Some(known) = self.of(place).cloned() {
            if *by == known {
                return (true, true);
            }
            if deeper(|| self.fits(by, &known)) {
                let general = self.more_general(by, &known);
                if !self.occurs(place, &general) {
                    self.set(place, general);
                }
                return (true, true);
            }
            return (false, true);
        }
        if self.occurs(place, by) {
            return (false, false);
        }
        self.set(place, by.clone());
        (true, false)
    }

    /// The more general one of two types that fit.
    pub fn more_general(&mut self, one: &Type, other: &Type) -> Type {
        if self.is_as_general(one, other) { one.clone() } else { other.clone() }
    }

    fn is_as_general(&mut self, one: &Type, other: &Type) -> bool {
        if !self.step() {
            return true;
        }
        match (one, other) {
            (Type::Dyn | Type::Unknown(_), _) => true,
            (_, Type::Dyn | Type::Unknown(_)) => false,
            (Type::List(one), Type::List(other)) | (Type::Optional(one), Type::Optional(other)) => {
                deeper(|| self.is_as_general(one, other))
            }
            (Type::Map(one), Type::Map(other)) => {
                deeper(|| self.is_as_general(&one.0, &other.0) && self.is_as_general(&one.1, &other.1))
            }
            (Type::Kind(_), Type::Kind(_)) => true,
            (one, other) => one == other,
        }
    }

    /// Whether the unknown type is a part of the other one, or itself.
    fn occurs(&mut self, place: usize, within: &Type) -> bool {
        if !self.step() {
            return true;
        }
        match within {
            Type::Unknown(other) if *other == place => true,
            Type::Unknown(other) => match self.of(*other).cloned() {
                Some(known) => deeper(|| self.occurs(place, &known)),
                None => false,
            },
            Type::List(of) | Type::Optional(of) | Type::Kind(of) => deeper(|| self.occurs(place, of)),
            Type::Map(of) => deeper(|| self.occurs(place, &of.0) || self.occurs(place, &of.1)),
            _ => false,
        }
    }

    /// The type with all that is known of it.
    pub fn resolved(&mut self, type_: &Type) -> Type {
        if !self.step() {
            return Type::Dyn;
        }
        match type_ {
            Type::Unknown(place) => match self.of(*place).cloned() {
                Some(known) => deeper(|| self.resolved(&known)),
                None => type_.clone(),
            },
            Type::List(of) => Type::List(self.resolved_part(of)),
            Type::Optional(of) => Type::Optional(self.resolved_part(of)),
            Type::Kind(of) => Type::Kind(self.resolved_part(of)),
            Type::Map(of) => deeper(|| Type::map(self.resolved(&of.0), self.resolved(&of.1))),
            known => known.clone(),
        }
    }

    fn resolved_part(&mut self, part: &Arc<Type>) -> Arc<Type> {
        Arc::new(deeper(|| self.resolved(part)))
    }
}

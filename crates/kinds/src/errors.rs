//! The mistakes of an object, while they are looked for.

use std::ops::Deref;

use cowherd_schema::{FieldError, MAX_ERRORS};

/// The mistakes found so far: each once, and no more of them than are told and one, so that it can be said that there are
/// more, however many an object has.
#[derive(Clone, Debug)]
pub struct Errors {
    found: Vec<FieldError>,
    concerns: fn(&FieldError) -> bool,
}

impl Errors {
    /// Of those mistakes alone that somebody is concerned with: the others leave the room to them.
    pub(crate) fn that(concerns: fn(&FieldError) -> bool) -> Self {
        Self { found: Vec::new(), concerns }
    }

    /// Adds a mistake, if it is a new one and there is room for it.
    pub(crate) fn push(&mut self, error: FieldError) {
        // Each is looked for among those before it.
        if self.found.len() <= MAX_ERRORS && (self.concerns)(&error) && !self.found.contains(&error) {
            self.found.push(error);
        }
    }

    /// What was found, in its order.
    pub(crate) fn into_vec(self) -> Vec<FieldError> {
        self.found
    }
}

impl Default for Errors {
    fn default() -> Self {
        Self::that(|_| true)
    }
}

impl Extend<FieldError> for Errors {
    fn extend<T: IntoIterator<Item = FieldError>>(&mut self, errors: T) {
        errors.into_iter().for_each(|error| self.push(error));
    }
}

impl Deref for Errors {
    type Target = [FieldError];

    fn deref(&self) -> &[FieldError] {
        &self.found
    }
}

#[cfg(test)]
mod tests {
    use cowherd_schema::FieldPath;

    use super::*;

    fn error(field: &str, number: usize) -> FieldError {
        FieldError::invalid(&FieldPath::new(field), number, "wrong")
    }

    #[test]
    fn each_is_kept_once_and_one_more_than_is_told() {
        let mut errors = Errors::default();
        errors.extend((0..1000).map(|number| error("spec", number / 4)));
        assert_eq!(errors.into_vec(), (0..=100).map(|number| error("spec", number)).collect::<Vec<_>>());
    }

    #[test]
    fn those_that_are_nobodys_concern_take_no_room() {
        let mut errors = Errors::that(|error| error.field.to_string().starts_with("status"));
        errors.extend((0..1000).map(|number| error("spec", number)));
        errors.push(error("status", 1));
        assert_eq!(errors.into_vec(), [error("status", 1)]);
    }
}

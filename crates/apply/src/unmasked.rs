//! Text that is not for people as it is.

use std::fmt::{self, Debug, Display};

use crate::mask::Mask;

/// Text that may hold what must not be shown: values of Secrets in the words of an API, of a template or of a server. It cannot be
/// displayed. It is told through a [`Mask`], and that of who knows what must not be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Unmasked(String);

impl Unmasked {
    /// The text of something that may hold what must not be shown.
    pub fn of(text: &(impl Display + ?Sized)) -> Self {
        Self(text.to_string())
    }

    /// What people are told.
    pub fn told(&self, mask: &Mask) -> String {
        mask.text(&self.0)
    }

    /// Other text that this one is a part of.
    #[must_use]
    pub fn within(&self, text: impl FnOnce(&str) -> String) -> Self {
        Self(text(&self.0))
    }

    /// So many of these, and how many there are beside them.
    pub fn clauses(all: &[Self], most: usize) -> Self {
        Self(cowherd_text::clauses(all.iter().map(|one| &one.0), most))
    }

    /// All of these one behind the other, with something in between.
    pub fn joined<'a>(all: impl IntoIterator<Item = &'a Self>, between: &str) -> Self {
        Self(all.into_iter().map(|one| one.0.as_str()).collect::<Vec<_>>().join(between))
    }
}

/// Not even a log of developers has it.
impl Debug for Unmasked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unmasked({} bytes)", self.0.len())
    }
}

/// Does not compile where one of the types can be displayed: whoever holds what may be secret tells it through a mask alone.
#[macro_export]
macro_rules! cannot_be_displayed {
    ($($type:ty),+ $(,)?) => {
        const _: fn() = || {
            // With one of these implementations there is one way to call it, with two nobody knows which is meant.
            trait Told<Way> {
                fn tell() {}
            }
            struct Displayed;
            impl<T: ?Sized> Told<()> for T {}
            impl<T: ?Sized + std::fmt::Display> Told<Displayed> for T {}
            $(let _ = <$type as Told<_>>::tell;)+
        };
    };
}

cannot_be_displayed!(
    Unmasked,
    crate::ApplyError,
    crate::ManifestError,
    crate::Partial,
    crate::Unhealthy,
    crate::Unserved
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_masked_alone_and_as_a_part_of_other_text() {
        let mut mask = Mask::default();
        mask.add_text("hunter2secret");
        let text = Unmasked::of("name on-hunter2secret is invalid");
        assert_eq!(text.told(&mask), "name on-***** is invalid");
        let all = Unmasked::joined([&text.within(|text| format!("first: {text}")), &text], "; ");
        assert_eq!(all.told(&mask), "first: name on-***** is invalid; name on-***** is invalid");
        assert!(!format!("{all:?}").contains("hunter2"));
    }
}

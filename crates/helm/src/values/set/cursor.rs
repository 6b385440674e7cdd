//! Reads an expression character by character.

/// What is left of an expression.
pub(super) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    pub(super) fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.skip(c.len_utf8());
        Some(c)
    }

    /// The text up to one of `stops`, which is read too; at the end of the expression there is none. A backslash makes
    /// an ordinary character of the next one.
    pub(super) fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut text = String::new();
        while let Some(c) = self.next() {
            match c {
                c if stops.contains(&c) => return (text, Some(c)),
                '\\' => text.extend(self.next()),
                c => text.push(c),
            }
        }
        (text, None)
    }

    /// As [`Cursor::until`], with backslashes as they are.
    pub(super) fn until_literal(&mut self, stops: &[char]) -> (String, Option<char>) {
        match self.rest.find(stops) {
            Some(at) => {
                let text = self.rest.get(..at).unwrap_or_default().to_owned();
                self.skip(at);
                (text, self.next())
            }
            None => (std::mem::take(&mut self.rest).to_owned(), None),
        }
    }

    /// Skips spaces up to a comma, which is skipped too, or the end. Whether it came to one of them.
    pub(super) fn skip_empty_value(&mut self) -> bool {
        loop {
            match self.peek() {
                None => return true,
                Some(',') => {
                    self.skip(1);
                    return true;
                }
                Some(c) if c.is_whitespace() => self.skip(c.len_utf8()),
                Some(_) => return false,
            }
        }
    }
}

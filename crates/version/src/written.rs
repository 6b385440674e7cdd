//! Splits a constraint into its comparisons as they are written.

/// A comparison as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written<'a> {
    /// The whole of it; the spaces before it belong to it where it has no operator.
    pub(super) whole: &'a str,
    /// The operator; empty where there is none.
    pub(super) operator: &'a str,
    /// The numbers. What is left out, or is a wildcard, is `None`.
    pub(super) numbers: [Option<&'a str>; 3],
    /// The pre-release with its dash; empty where there is none.
    pub(super) pre: &'a str,
}

/// The operators, each before those that it starts with.
const OPERATORS: [&str; 10] = ["!=", ">=", "=>", "<=", "=<", "~>", "=", ">", "<", "~"];

/// The comparisons of `text`, which spaces or commas part; `None` where it is anything else.
pub(super) fn comparisons(text: &str) -> Option<Vec<Written<'_>>> {
    let mut written = Vec::new();
    let mut cursor = Cursor { text, at: 0 };
    loop {
        written.push(cursor.comparison()?);
        let is_spaced = !cursor.run(is_space).is_empty();
        if cursor.rest().is_empty() {
            return Some(written);
        }
        if cursor.eat(",") {
            continue;
        }
        if !is_spaced {
            return None;
        }
        cursor.back_to_spaces();
    }
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

/// A digit or a wildcard. That a bar is one too is Masterminds' slip.
fn is_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'|' | b'x' | b'X' | b'*')
}

fn is_identifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn eat(&mut self, expected: &str) -> bool {
        let eaten = self.rest().starts_with(expected);
        self.at += if eaten { expected.len() } else { 0 };
        eaten
    }

    /// Reads as many characters (of ASCII) as there are of a kind.
    fn run(&mut self, is_of_kind: fn(u8) -> bool) -> &'a str {
        let start = self.at;
        self.at += self.rest().bytes().take_while(|byte| is_of_kind(*byte)).count();
        self.since(start)
    }

    /// Unreads the spaces before the cursor.
    fn back_to_spaces(&mut self) {
        let before = self.since(0).bytes().rev();
        self.at -= before.take_while(|byte| is_space(*byte)).count();
    }

    fn comparison(&mut self) -> Option<Written<'a>> {
        let mut start = self.at;
        if !self.run(is_space).is_empty() && OPERATORS.iter().chain(&["^"]).any(|known| self.rest().starts_with(known))
        {
            start = self.at;
        }
        let operator_start = self.at;
        let _ = self.eat("^") || OPERATORS.into_iter().any(|known| self.eat(known));
        let operator = self.since(operator_start);
        self.run(is_space);
        self.eat("v");
        let first = Some(self.run(is_number)).filter(|number| !number.is_empty())?;
        let second = self.dotted(is_number);
        let third = if second.is_some() { self.dotted(is_number) } else { None };
        let pre = self.identifiers("-");
        self.identifiers("+");
        let number = |text: Option<&'a str>| text.filter(|text| !matches!(*text, "x" | "X" | "*"));
        let numbers = [Some(first), second, third].map(number);
        Some(Written { whole: self.since(start), operator, numbers, pre })
    }

    /// Reads a dot and what follows it; nothing where what follows is not of the kind.
    fn dotted(&mut self, is_of_kind: fn(u8) -> bool) -> Option<&'a str> {
        let start = self.at;
        if self.eat(".") {
            let found = self.run(is_of_kind);
            if !found.is_empty() {
                return Some(found);
            }
        }
        self.at = start;
        None
    }

    /// Reads identifiers with dots between them behind `mark`, with the mark; nothing where there are none.
    fn identifiers(&mut self, mark: &str) -> &'a str {
        let start = self.at;
        if self.eat(mark) && !self.run(is_identifier).is_empty() {
            while self.dotted(is_identifier).is_some() {}
        } else {
            self.at = start;
        }
        self.since(start)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    const VERSION: &str = r"v?([0-9|xX*]+)(\.[0-9|xX*]+)?(\.[0-9|xX*]+)?(-[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*)?(?:\+[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*)?";
    const OPERATOR: &str = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";
    const SPACE: &str = r"[\t\n\f\r ]";

    /// The comparisons as the regular expressions that say what a constraint is find them.
    fn expected(text: &str) -> Option<String> {
        let one = format!("(?:{OPERATOR}){SPACE}*{VERSION}{SPACE}*");
        let group = Regex::new(&format!("^{SPACE}*{one}(?:(?:{SPACE}+|,{SPACE}*){one})*$")).unwrap();
        let each = Regex::new(&format!("(?:{OPERATOR}){SPACE}*{VERSION}")).unwrap();
        let one = Regex::new(&format!("^{SPACE}*({OPERATOR}){SPACE}*{VERSION}{SPACE}*$")).unwrap();
        group.is_match(text).then(|| {
            each.find_iter(text).fold(String::new(), |mut out, part| {
                let parts = one.captures(part.as_str()).unwrap();
                let part = |index: usize| parts.get(index).map_or("", |part| part.as_str());
                let numbers = [2, 3, 4].map(|index| part(index).strip_prefix('.').unwrap_or(part(index)));
                let numbers = numbers.map(|number| if matches!(number, "x" | "X" | "*") { "" } else { number });
                let _ = writeln!(out, "{:?} {:?} {numbers:?} {:?}", part(0), part(1), part(5));
                out
            })
        })
    }

    fn found(text: &str) -> Option<String> {
        let written = comparisons(text)?;
        Some(written.into_iter().fold(String::new(), |mut out, one| {
            let numbers = one.numbers.map(Option::unwrap_or_default);
            let _ = writeln!(out, "{:?} {:?} {numbers:?} {:?}", one.whole, one.operator, one.pre);
            out
        }))
    }

    #[test]
    fn comparisons_are_told_apart() {
        let texts = [
            ">=1.2, <2 1.x",
            " >= 1.2.3-rc.1+build",
            "1 ,2",
            ">1<2",
            "1,",
            "",
            " ",
            "v1.2.3.4",
            "^ v1",
            "~>1",
            ",1",
            "1 | 2",
            "=1.-2",
        ];
        for text in texts {
            assert_eq!(found(text), expected(text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_the_regular_expressions_find_is_found(text in "[ ,=!<>~^vx*|.+1\\-a]{0,12}") {
            prop_assert_eq!(found(&text), expected(&text));
        }
    }
}

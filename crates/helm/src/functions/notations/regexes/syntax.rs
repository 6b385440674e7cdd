//! Regular expressions in Go's syntax, as Rust's crate reads them.
//!
//! Both come from RE2 and match alike. What differs: classes such as `\d` mean ASCII in Go; brackets within classes and
//! braces that repeat nothing mean themselves; classes have no set operations; `\Q…\E` and octal escapes exist.

use cowherd_template::format::quote;

/// An expression in Rust's syntax.
pub(crate) struct Translated {
    pub(crate) text: String,
    /// The names of all groups in Go's: there several may have the same one, and none has to begin with a letter.
    pub(crate) names: Vec<Option<String>>,
    /// How many groups are inside each other at most.
    pub(crate) depth: usize,
}

/// The expression in Rust's syntax, or why it is none in Go's.
pub(crate) fn translate(source: &str) -> Result<Translated, String> {
    let out = String::with_capacity(source.len() + 16);
    let mut translation = Translation { out, names: Vec::new(), rest: source, open: 0, depth: 0 };
    translation.expression(source)?;
    Ok(Translated { text: translation.out, names: translation.names, depth: translation.depth })
}

struct Translation<'s> {
    out: String,
    names: Vec<Option<String>>,
    rest: &'s str,
    /// How many groups are open.
    open: usize,
    /// How many were open at most.
    depth: usize,
}

/// What was read last, as far as repetition is concerned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// Nothing that could be repeated.
    Nothing,
    /// Something that can be.
    Item,
    /// A repetition, which starts so far from the end.
    Repetition(usize),
}

fn say(what: &str, part: &str) -> String {
    format!("error parsing regexp: {what}: `{part}`")
}

impl<'s> Translation<'s> {
    fn bump(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = self.rest.get(c.len_utf8()..).unwrap_or_default();
        Some(c)
    }

    fn skip(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expression(&mut self, source: &'s str) -> Result<(), String> {
        let mut last = Last::Nothing;
        loop {
            let before = self.rest;
            let Some(c) = self.bump() else { break };
            last = match c {
                '\\' => {
                    self.escape(before)?;
                    Last::Item
                }
                '[' => {
                    self.class(before)?;
                    Last::Item
                }
                '(' => self.group(before)?,
                ')' => {
                    self.open = self.open.checked_sub(1).ok_or_else(|| say("unexpected )", source))?;
                    self.out.push(')');
                    Last::Item
                }
                '|' => {
                    self.out.push('|');
                    Last::Nothing
                }
                '*' | '+' | '?' => self.repetition(before, c.len_utf8(), last)?,
                '{' => match repetition_size(before)? {
                    Some(size) => {
                        self.rest = before.get(size..).unwrap_or_default();
                        self.repetition(before, size, last)?
                    }
                    None => {
                        self.out.push_str("\\{");
                        Last::Item
                    }
                },
                c => {
                    self.literal(c);
                    Last::Item
                }
            };
        }
        if self.open == 0 { Ok(()) } else { Err(say("missing closing )", source)) }
    }

    /// A repetition of the given size, with the sign that makes it lazy.
    fn repetition(&mut self, before: &str, size: usize, last: Last) -> Result<Last, String> {
        let operator = before.get(..size).unwrap_or_default();
        match last {
            Last::Nothing => return Err(say("missing argument to repetition operator", operator)),
            Last::Repetition(_) => {
                let lazy = usize::from(self.rest.starts_with('?'));
                let part = format!("{}{}", self.last_repetition(last), before.get(..size + lazy).unwrap_or_default());
                return Err(say("invalid nested repetition operator", &part));
            }
            Last::Item => {}
        }
        self.out.push_str(operator);
        let lazy = self.skip("?");
        if lazy {
            self.out.push('?');
        }
        Ok(Last::Repetition(size + usize::from(lazy)))
    }

    fn last_repetition(&self, last: Last) -> &str {
        match last {
            Last::Repetition(size) => self.out.get(self.out.len() - size..).unwrap_or_default(),
            _ => "",
        }
    }

    /// A character that means itself.
    fn literal(&mut self, c: char) {
        // What Rust takes for something else.
        if c == '}' || c == ']' {
            self.out.push('\\');
        }
        self.out.push(c);
    }

    fn group(&mut self, before: &'s str) -> Result<Last, String> {
        if self.open >= MAX_GROUPS {
            return Err(say("expression nests too deeply", before));
        }
        self.depth = self.depth.max(self.open + 1);
        let Some(after) = self.rest.strip_prefix('?') else {
            self.open += 1;
            self.names.push(None);
            self.out.push('(');
            return Ok(Last::Nothing);
        };
        if after.starts_with("P<") || after.starts_with('<') {
            return self.named_group(before, after);
        }
        let end = after.find([':', ')']).ok_or_else(|| say("missing closing )", before))?;
        let (flags, rest) = after.split_at(end);
        let negated = flags.matches('-').count();
        let are_flags = flags.chars().all(|c| "imsU-".contains(c)) && negated <= 1 && !flags.ends_with('-');
        if !are_flags || (flags.is_empty() && rest.starts_with(')')) {
            let part = before.get(..before.len() - rest.len() + 1).unwrap_or(before);
            return Err(say("invalid or unsupported Perl syntax", unsupported(part)));
        }
        let is_group = rest.starts_with(':');
        self.out.push_str("(?");
        self.out.push_str(flags);
        self.out.push(if is_group { ':' } else { ')' });
        self.rest = rest.get(1..).unwrap_or_default();
        if is_group {
            self.open += 1;
        }
        Ok(Last::Nothing)
    }

    fn named_group(&mut self, before: &str, after: &'s str) -> Result<Last, String> {
        let start = after.strip_prefix('P').unwrap_or(after).get(1..).unwrap_or_default();
        let (name, rest) = start.split_once('>').ok_or_else(|| say("invalid named capture", before))?;
        if name.is_empty() || !name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()) {
            let part = before.get(..before.len() - rest.len()).unwrap_or(before);
            return Err(say("invalid named capture", part));
        }
        self.out.push('(');
        self.names.push(Some(name.to_owned()));
        self.open += 1;
        self.rest = rest;
        Ok(Last::Nothing)
    }

    /// What follows a backslash outside of classes.
    fn escape(&mut self, before: &'s str) -> Result<(), String> {
        let Some(c) = self.rest.chars().next() else {
            return Err("error parsing regexp: trailing backslash at end of expression: ``".into());
        };
        let ascii = match c {
            'd' => "[0-9]",
            'D' => "[^0-9]",
            'w' => "[0-9A-Za-z_]",
            'W' => "[^0-9A-Za-z_]",
            's' => "[\\t\\n\\f\\r ]",
            'S' => "[^\\t\\n\\f\\r ]",
            'b' => "(?-u:\\b)",
            'B' => "(?-u:\\B)",
            'A' => "\\A",
            'z' => "\\z",
            _ => "",
        };
        if !ascii.is_empty() {
            self.bump();
            self.out.push_str(ascii);
            return Ok(());
        }
        if c == 'Q' {
            self.bump();
            let (quoted, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
            self.out.push_str("(?:");
            self.out.push_str(&regex::escape(quoted));
            self.out.push(')');
            self.rest = rest;
            return Ok(());
        }
        if matches!(c, 'p' | 'P') {
            return self.unicode_class(before);
        }
        let code = self.escaped_character(before)?;
        self.out.push_str(&code);
        Ok(())
    }

    fn unicode_class(&mut self, before: &'s str) -> Result<(), String> {
        let negated = self.bump() == Some('P');
        let (name, rest) = match self.rest.strip_prefix('{') {
            Some(inner) => inner.split_once('}').ok_or_else(|| say("invalid character class range", before))?,
            None => self.rest.split_at(self.rest.chars().next().map_or(0, char::len_utf8)),
        };
        let (inverted, name) = match name.strip_prefix('^') {
            Some(name) => (true, name),
            None => (false, name),
        };
        let Some(class) = table(name) else {
            let part = before.get(..before.len() - rest.len()).unwrap_or(before);
            return Err(say("invalid character class range", part));
        };
        let sign = if negated == inverted { 'p' } else { 'P' };
        self.out.push_str(&format!("\\{sign}{{{class}}}"));
        self.rest = rest;
        Ok(())
    }

    /// A character behind a backslash, in Rust's syntax.
    fn escaped_character(&mut self, before: &str) -> Result<String, String> {
        let invalid = |translation: &Self| {
            say("invalid escape sequence", before.get(..before.len() - translation.rest.len()).unwrap_or(before))
        };
        let Some(c) = self.bump() else {
            return Err("error parsing regexp: trailing backslash at end of expression: ``".into());
        };
        let code = match c {
            'a' => 7,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            'x' => self.hexadecimal().ok_or_else(|| invalid(self))?,
            '1'..='7' if !self.rest.starts_with(|c: char| ('0'..='7').contains(&c)) => return Err(invalid(self)),
            '0'..='7' => self.octal(c),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => u32::from(c),
            _ => return Err(invalid(self)),
        };
        Ok(format!("\\x{{{code:X}}}"))
    }

    fn hexadecimal(&mut self) -> Option<u32> {
        let digits = match self.rest.strip_prefix('{') {
            Some(inner) => {
                let (digits, rest) = inner.split_once('}')?;
                self.rest = rest;
                digits
            }
            None => {
                let (digits, rest) = self.rest.split_at_checked(2)?;
                self.rest = rest;
                digits
            }
        };
        let is_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code = u32::from_str_radix(digits, 16).ok().filter(|_| is_hexadecimal)?;
        char::from_u32(code).map(u32::from)
    }

    fn octal(&mut self, first: char) -> u32 {
        let mut code = first.to_digit(8).unwrap_or_default();
        for _ in 0..2 {
            let Some(digit) = self.rest.chars().next().and_then(|c| c.to_digit(8)) else { break };
            code = code * 8 + digit;
            self.bump();
        }
        code
    }

    /// A class, of which the bracket that opens it was read.
    fn class(&mut self, before: &'s str) -> Result<(), String> {
        self.out.push('[');
        if self.skip("^") {
            self.out.push('^');
        }
        let mut is_first = true;
        loop {
            if self.rest.is_empty() {
                return Err(say("missing closing ]", before));
            }
            if !is_first && self.skip("]") {
                break;
            }
            is_first = false;
            if self.named_class()? {
                continue;
            }
            self.class_range(before)?;
        }
        self.out.push(']');
        Ok(())
    }

    /// A class within a class: `\d`, `\pL`, `[:alpha:]`.
    fn named_class(&mut self) -> Result<bool, String> {
        let before = self.rest;
        if before.starts_with("[:")
            && let Some(end) = before.find(":]")
        {
            let (class, rest) = before.split_at(end + 2);
            if !NAMED_CLASSES.contains(&class.trim_matches(['[', ':', '^', ']'])) {
                return Err(say("invalid character class range", class));
            }
            self.out.push_str(class);
            self.rest = rest;
            return Ok(true);
        }
        let class = match before.as_bytes() {
            [b'\\', b'd', ..] => "0-9",
            [b'\\', b'D', ..] => "[^0-9]",
            [b'\\', b'w', ..] => "0-9A-Za-z_",
            [b'\\', b'W', ..] => "[^0-9A-Za-z_]",
            [b'\\', b's', ..] => "\\t\\n\\f\\r ",
            [b'\\', b'S', ..] => "[^\\t\\n\\f\\r ]",
            [b'\\', b'p' | b'P', ..] => {
                self.bump();
                self.unicode_class(before)?;
                return Ok(true);
            }
            _ => return Ok(false),
        };
        self.out.push_str(class);
        self.rest = before.get(2..).unwrap_or_default();
        Ok(true)
    }

    fn class_range(&mut self, class: &'s str) -> Result<(), String> {
        let before = self.rest;
        let low = self.class_character(class)?;
        self.out.push_str(&low);
        let is_range = self.rest.starts_with('-') && !self.rest.starts_with("-]") && self.rest.len() > 1;
        if is_range {
            self.bump();
            let high = self.class_character(class)?;
            if code(&high) < code(&low) {
                let part = before.get(..before.len() - self.rest.len()).unwrap_or(before);
                return Err(say("invalid character class range", part));
            }
            self.out.push('-');
            self.out.push_str(&high);
        }
        Ok(())
    }

    fn class_character(&mut self, class: &str) -> Result<String, String> {
        let before = self.rest;
        match self.bump() {
            None => Err(say("missing closing ]", class)),
            Some('\\') => self.escaped_character(before),
            Some(c) => Ok(format!("\\x{{{:X}}}", u32::from(c))),
        }
    }
}

/// What Rust calls the characters of a name: they are all, of a category or of a script. Rust knows more, which Go does not.
fn table(name: &str) -> Option<String> {
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' ')) {
        return None;
    }
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    if matches!(plain.as_str(), "any" | "ascii" | "assigned") {
        return Some(plain);
    }
    let known = |class: &String| regex::bytes::Regex::new(&format!("\\p{{{class}}}")).is_ok();
    ["gc", "sc"].iter().map(|kind| format!("{kind}={name}")).find(known)
}

/// The names that classes have in POSIX.
const NAMED_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// The character that an escape of ours means.
fn code(escape: &str) -> u32 {
    let digits = escape.trim_start_matches("\\x{").trim_end_matches('}');
    u32::from_str_radix(digits, 16).unwrap_or_default()
}

/// What Go shows of a group whose start it does not know.
fn unsupported(part: &str) -> &str {
    let end = part.char_indices().skip(2).find(|(_, c)| !"imsU-".contains(*c)).map(|(at, c)| at + c.len_utf8());
    end.and_then(|end| part.get(..end)).unwrap_or(part)
}

/// The size of a repetition such as `{3}`, `{3,}` or `{3,5}` at the start of a text; none where it means itself.
fn repetition_size(text: &str) -> Result<Option<usize>, String> {
    let Some((counts, _)) = text.get(1..).and_then(|rest| rest.split_once('}')) else { return Ok(None) };
    let (least, most) = counts.split_once(',').map_or((counts, None), |(least, most)| (least, Some(most)));
    let is_number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits && (text.len() == 1 || !text.starts_with('0'))
    };
    let is_repetition = is_number(least) && most.is_none_or(|most| most.is_empty() || is_number(most));
    if !is_repetition {
        return Ok(None);
    }
    let size = counts.len() + 2;
    let number = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX);
    let (low, high) = (number(least), most.filter(|most| !most.is_empty()).map(number));
    if low > MAX_REPETITIONS || high.is_some_and(|high| high > MAX_REPETITIONS || high < low) {
        return Err(say("invalid repeat count", text.get(..size).unwrap_or(text)));
    }
    Ok(Some(size))
}

/// What Go says of an expression that is not UTF-8.
pub(crate) fn no_text(source: &[u8]) -> String {
    say("invalid UTF-8", &cowherd_template::lossy(source))
}

/// How many groups Go allows inside each other, less what is inside of them.
const MAX_GROUPS: usize = 999;

/// How often Go allows something to be repeated.
const MAX_REPETITIONS: u32 = 1000;

/// The expression that matches a text only.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// What Go says of an expression that Rust refuses for another reason.
pub(crate) fn refused(source: &str, error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => say("expression too large", source),
        regex::Error::Syntax(text) => {
            let line = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("error parsing regexp: {line}: {}", quote(source.as_bytes()))
        }
        other => other.to_string(),
    }
}

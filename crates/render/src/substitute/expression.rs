//! The expressions that the shell has for variables, as far as Flux takes them.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::glob::Pattern;

/// Why a text could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Error {
    /// The named variable has no value.
    Unset(String),
    /// An expression is wrong; says how, and on which line.
    Syntax { detail: String, line: usize },
}

/// How deep expressions may stand in each other.
const MAX_DEPTH: usize = 64;

/// How much work the expressions of one text may make: characters written, and compared with patterns.
const MAX_WORK: usize = 1 << 26;

type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Whether what is made of a variable's value is to be noted.
type IsNoted<'a> = dyn Fn(&str) -> bool + 'a;

/// What came of a text.
#[derive(Debug)]
pub(super) struct Evaluated {
    /// The text with values in the place of expressions.
    pub(super) text: String,
    /// The variables that have neither value nor default.
    pub(super) unset: BTreeSet<String>,
    /// What was put in the place of expressions on variables that are noted.
    pub(super) noted: BTreeSet<String>,
}

/// What becomes of a variable without value where no default takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unset {
    /// Nothing is put in its place.
    Empty,
    /// It is an error.
    Refuse,
    /// The expression stays as it is written, even where it has a default.
    Keep,
}

/// `text` with its expressions replaced by what `lookup` gives for their variables.
pub(super) fn evaluate(
    text: &str,
    lookup: &Lookup<'_>,
    is_noted: &IsNoted<'_>,
    unset: Unset,
) -> Result<Evaluated, Error> {
    let missed = RefCell::new(Missed::default());
    let noted = BTreeSet::new();
    let mut evaluator =
        Evaluator { text, rest: text, lookup, is_noted, unset, missed: &missed, noted, depth: 0, work: 0 };
    let mut out = String::with_capacity(text.len());
    while let Some(at) = evaluator.rest.find('$') {
        out.push_str(&evaluator.rest[..at]);
        evaluator.rest = &evaluator.rest[at..];
        let written = evaluator.rest;
        if evaluator.takes("${") {
            missed.borrow_mut().any = false;
            let value = evaluator.expression()?;
            if unset == Unset::Keep && missed.borrow().any {
                out.push_str(&written[..written.len() - evaluator.rest.len()]);
            } else {
                out.push_str(&value);
            }
        } else {
            out.push('$');
            // Two of them stand for one.
            if !evaluator.takes("$$") {
                evaluator.takes("$");
            }
        }
    }
    out.push_str(evaluator.rest);
    let noted = evaluator.noted;
    Ok(Evaluated { text: out, unset: missed.into_inner().without_default, noted })
}

/// Variables that were asked for and have no value.
#[derive(Default)]
struct Missed {
    /// Whether the expression at hand has one.
    any: bool,
    /// Those that no default stands in for.
    without_default: BTreeSet<String>,
}

struct Evaluator<'a> {
    text: &'a str,
    /// What of the text is not read yet.
    rest: &'a str,
    lookup: &'a Lookup<'a>,
    is_noted: &'a IsNoted<'a>,
    unset: Unset,
    missed: &'a RefCell<Missed>,
    noted: BTreeSet<String>,
    depth: usize,
    /// How much was done so far.
    work: usize,
}

impl Evaluator<'_> {
    fn takes(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes the first of `tokens` that comes next.
    fn take_one<'t>(&mut self, tokens: &[&'t str]) -> Option<&'t str> {
        tokens.iter().copied().find(|token| self.takes(token))
    }

    /// An error at the current place; the text itself is not shown, as it may be a secret.
    fn syntax(&self, detail: &str) -> Error {
        let read = self.text.len() - self.rest.len();
        let line = self.text.as_bytes().iter().take(read).filter(|byte| **byte == b'\n').count() + 1;
        Error::Syntax { detail: detail.to_owned(), line }
    }

    fn close(&mut self) -> Result<(), Error> {
        if self.takes("}") { Ok(()) } else { Err(self.syntax("missing closing brace")) }
    }

    fn name(&mut self) -> Result<String, Error> {
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        if end == 0 {
            return Err(self.syntax("unable to parse variable name"));
        }
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(name.to_owned())
    }

    fn value(&mut self, name: &str) -> Result<String, Error> {
        let value = match (self.lookup)(name) {
            Some(value) => value,
            None if self.unset == Unset::Refuse => return Err(Error::Unset(name.to_owned())),
            None => {
                let mut missed = self.missed.borrow_mut();
                missed.any = true;
                missed.without_default.insert(name.to_owned());
                String::new()
            }
        };
        self.spend(value.len())?;
        Ok(value)
    }

    /// Accounts for work before it is done.
    fn spend(&mut self, work: usize) -> Result<(), Error> {
        self.work = self.work.saturating_add(work);
        if self.work > MAX_WORK {
            return Err(self.syntax("the values of the variables are too long for what is made of them"));
        }
        Ok(())
    }

    /// What follows `${`, up to its closing brace.
    fn expression(&mut self) -> Result<String, Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.syntax("expressions are nested too deeply"));
        }
        let result = self.operation();
        self.depth -= 1;
        result
    }

    fn operation(&mut self) -> Result<String, Error> {
        if self.takes("#") {
            let name = self.name()?;
            self.close()?;
            // How long a value is tells nothing of it that would have to be noted.
            return Ok(self.value(&name)?.len().to_string());
        }
        let name = self.name()?;
        let made = self.made_of(&name)?;
        let has_value = |name: &str| (self.lookup)(name).is_some_and(|value| !value.is_empty());
        if (self.is_noted)(&name) && !self.noted.contains(&made) && has_value(&name) {
            self.noted.insert(made.clone());
        }
        Ok(made)
    }

    /// What the rest of an expression on this variable makes of its value.
    fn made_of(&mut self, name: &str) -> Result<String, Error> {
        if self.take_one(&[":=", ":-", ":?", ":+", "="]).is_some() {
            return self.default(name);
        }
        if self.takes(":") {
            return self.substring(name);
        }
        if let Some(operator) = self.take_one(&["^^", ",,", "^", ","]) {
            self.close()?;
            return Ok(case(&self.value(name)?, operator));
        }
        if let Some(operator) = self.take_one(&["//", "/#", "/%", "/"]) {
            return self.replace(name, operator);
        }
        if let Some(operator) = self.take_one(&["##", "#", "%%", "%"]) {
            let pattern = self.word(&['}'], false)?;
            self.close()?;
            let (value, pattern) = (self.value(name)?, Pattern::parse(&pattern));
            self.spend(value.len().saturating_mul(pattern.len()))?;
            return Ok(pattern.trim(&value, operator));
        }
        self.close()?;
        self.value(name)
    }

    /// A word up to one of `ends`, itself possibly an expression; it must not be empty.
    fn word(&mut self, ends: &[char], escapes: bool) -> Result<String, Error> {
        if self.takes("${") {
            return self.expression();
        }
        let mut word = String::new();
        let mut taken = 0;
        let mut characters = self.rest.char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            let next = characters.peek().map(|(_, next)| *next);
            let escaped = escapes && matches!((c, next), ('$', Some('$')) | ('\\', Some('/' | '\\')));
            if escaped {
                word.extend(next);
                characters.next();
                taken = at + 2;
                continue;
            }
            if ends.contains(&c) || (c == '$' && next == Some('{')) {
                break;
            }
            word.push(c);
            taken = at + c.len_utf8();
        }
        if taken == 0 {
            return Err(self.syntax("unable to parse substitution within function"));
        }
        self.rest = self.rest.get(taken..).unwrap_or_default();
        Ok(word)
    }

    fn default(&mut self, name: &str) -> Result<String, Error> {
        let mut default = String::new();
        while !self.takes("}") {
            default += &self.word(&['}'], false)?;
        }
        let found = (self.lookup)(name);
        self.missed.borrow_mut().any |= found.is_none();
        let value = found.unwrap_or_default();
        self.spend(value.len())?;
        Ok(if value.is_empty() { default } else { value })
    }

    fn substring(&mut self, name: &str) -> Result<String, Error> {
        let position = self.word(&[':', '}'], false)?;
        let length = if self.takes(":") {
            while self.takes(":") {}
            Some(self.word(&['}'], false)?)
        } else {
            None
        };
        self.close()?;
        Ok(substring(self.value(name)?, &position, length.as_deref()))
    }

    fn replace(&mut self, name: &str, operator: &str) -> Result<String, Error> {
        let old = self.word(&['/'], true)?;
        if !self.takes("/") {
            return Err(self.syntax("bad substitution"));
        }
        while self.takes("/") {}
        let new = if self.rest.starts_with('}') { None } else { Some(self.word(&['}'], true)?) };
        self.close()?;
        let value = self.value(name)?;
        let added = new.as_ref().map_or(0, String::len);
        self.spend(value.matches(old.as_str()).count().saturating_mul(added))?;
        Ok(match (operator, new) {
            ("//", new) => value.replace(&old, new.as_deref().unwrap_or_default()),
            ("/", new) => value.replacen(&old, new.as_deref().unwrap_or_default(), 1),
            ("/#", Some(new)) if value.starts_with(&old) => value.replacen(&old, &new, 1),
            ("/%", Some(new)) => match value.strip_suffix(&old) {
                Some(kept) => format!("{kept}{new}"),
                None => value,
            },
            _ => value,
        })
    }
}

fn case(value: &str, operator: &str) -> String {
    let mut characters = value.chars();
    match (operator, characters.next()) {
        ("^^", _) => value.to_uppercase(),
        (",,", _) => value.to_lowercase(),
        ("^", Some(first)) => first.to_uppercase().chain(characters).collect(),
        (_, Some(first)) => first.to_lowercase().chain(characters).collect(),
        (_, None) => String::new(),
    }
}

/// The part of `value` from a position on (from its end where negative), in bytes.
fn substring(value: String, position: &str, length: Option<&str>) -> String {
    let Ok(position) = position.parse::<i64>() else {
        return value;
    };
    let size = value.len() as i64;
    let start = if position < 0 { (size + position).max(0) } else { position.min(size) };
    let end = match length.map(str::parse::<i64>) {
        None => size,
        Some(Ok(length)) => start.saturating_add(length).clamp(start, size),
        Some(Err(_)) => return value,
    };
    let part = value.as_bytes().get(start as usize..end as usize).unwrap_or_default();
    String::from_utf8_lossy(part).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Result<String, Error> {
        let evaluated = evaluate(text, &lookup, &|_| false, Unset::Refuse);
        evaluated.map(|evaluated| evaluated.text)
    }

    fn lookup(name: &str) -> Option<String> {
        match name {
            "s" => Some("abc-ABC".to_owned()),
            "path" => Some("a/b/c.tar.gz".to_owned()),
            "empty" => Some(String::new()),
            "unset" => None,
            _ => Some(format!("<{name}>")),
        }
    }

    #[test]
    fn what_is_made_of_a_variable_is_noted_whichever_expression_makes_it() {
        let noted = |text: &str| evaluate(text, &lookup, &|name| name == "s", Unset::Empty).unwrap().noted;
        for (text, expected) in [
            ("${s}", "abc-ABC"),
            ("${s:1:3}", "bc-"),
            ("${s^^}", "ABC-ABC"),
            ("${s,,}", "abc-abc"),
            ("${s/b/x}", "axc-ABC"),
            ("${s%%-*}", "abc"),
            ("${s##*-}", "ABC"),
            ("${s:=d}", "abc-ABC"),
            ("${unset:=x${s:4}}", "ABC"),
            ("${other/other/${s:4}}", "ABC"),
        ] {
            assert_eq!(noted(text), BTreeSet::from([expected.to_owned()]), "{text}");
        }
        assert!(noted("${#s} $${s} ${other:1:3} ${path}").is_empty());
        let of_nothing = evaluate("${empty:=d}${unset:-d}", &lookup, &|_| true, Unset::Empty).unwrap().noted;
        assert!(of_nothing.is_empty(), "a default is no part of a value");
    }

    #[test]
    fn expressions_mean_what_they_mean_to_flux() {
        let cases = [
            ("x ${s} y", "x abc-ABC y"),
            ("${#s}", "7"),
            ("${s^}${s^^}${s,,}", "Abc-ABCABC-ABCabc-abc"),
            ("${s:1}|${s:1:3}|${s:-4}|${s:0:100}|${s:9}", "bc-ABC|bc-|abc-ABC|abc-ABC|"),
            ("${unset:=d}${unset:-d}${unset=d}${empty:-x${s}y}${empty:=}", "dddxabc-ABCy"),
            ("${s/b/x}${path//\\//-}${s/#abc/x}${s/%ABC/x}${s/b/}", "axc-ABCa-b-c.tar.gzx-ABCabc-xac-ABC"),
            ("${path#*/}|${path##*/}|${path%.*}|${path%%.*}", "b/c.tar.gz|c.tar.gz|a/b/c.tar|a/b/c"),
            ("$${s} $$ $s $", "${s} $ $s $"),
            ("$$${s}", "$abc-ABC"),
        ];
        for (text, expected) in cases {
            assert_eq!(run(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_expression_is_an_error() {
        assert_eq!(run("${unset}"), Err(Error::Unset("unset".into())));
        assert_eq!(run("${#unset}"), Err(Error::Unset("unset".into())));
        for text in ["${", "${}", "${s", "${s-x}", "${s/x}", "${s#}", "${s:}", "${s:=x", "${ s}", "${s^^^}"] {
            assert!(matches!(run(text), Err(Error::Syntax { .. })), "{text}");
        }
        assert!(run(&"${a:-".repeat(100_000)).is_err());
    }

    #[test]
    fn long_values_make_no_endless_text_and_take_no_endless_time() {
        let long = "x".repeat(1 << 20);
        let run = |text: &str| {
            evaluate(text, &|_| Some(long.clone()), &|_| false, Unset::Refuse).map(|evaluated| evaluated.text)
        };
        assert!(run("${a##*x}${a%y}${a//y/z}").is_ok());
        let too_much = "the values of the variables are too long for what is made of them";
        for text in ["${a}".repeat(100), "${a//x/${a}}".to_owned(), format!("${{a##{}}}", "*y".repeat(1000))] {
            let detail = match run(&text) {
                Err(Error::Syntax { detail, .. }) => detail,
                other => format!("{other:?}").chars().take(100).collect(),
            };
            assert_eq!(detail, too_much);
        }
    }
}

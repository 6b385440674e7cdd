//! From words to an expression.

use crate::ast::{Access, Entry, Expr, Item, Kind, Macro, MacroKind, Operator};
use crate::functions;
use crate::lexer::{Refusal, Token, Word, words};
use crate::value::{Value, deeper};

/// How many characters an expression may have.
pub(crate) const LONGEST: usize = 100_000;

/// How deep an expression may be.
const DEEPEST: usize = 250;

/// Names that are kept for what the language may become.
const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

type Parsed<T = Expr> = Result<T, Refusal>;

/// Reads an expression.
pub(crate) fn parse(text: &str) -> Parsed {
    let length = text.chars().count();
    if length > LONGEST {
        let message = format!("the expression has {length} characters, and may have {LONGEST}");
        return Err(Refusal::syntax(0, message));
    }
    let mut parser = Parser { tokens: words(text)?, next: 0, depth: 0 };
    let expression = parser.expression()?;
    match parser.peek() {
        Word::End => Ok(expression),
        _ => Err(parser.unexpected()),
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

/// A left side that grows by what follows it, one level deeper with each.
struct Chain {
    left: Expr,
    length: usize,
}

impl Chain {
    fn grow(self, depth: usize, wrap: impl FnOnce(Expr) -> Parsed) -> Parsed<Self> {
        let length = self.length + 1;
        if depth + length > DEEPEST {
            return Err(too_deep(self.left.at));
        }
        Ok(Self { left: wrap(self.left)?, length })
    }
}

fn too_deep(at: u32) -> Refusal {
    Refusal::syntax(at, format!("the expression is more than {DEEPEST} levels deep"))
}

impl Parser {
    fn peek(&self) -> &Word {
        self.tokens.get(self.next).map_or(&Word::End, |token| &token.word)
    }

    fn at(&self) -> u32 {
        self.tokens.get(self.next).or(self.tokens.last()).map_or(0, |token| token.at)
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Word::Sign(other) if *other == sign)
    }

    fn takes(&mut self, sign: &str) -> bool {
        let is_there = self.is(sign);
        self.next += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.takes(sign) { Ok(()) } else { Err(self.missing(&format!("'{sign}'"))) }
    }

    fn found(&self) -> String {
        match self.peek() {
            Word::End => "the end".into(),
            Word::Name(name) => format!("'{name}'"),
            Word::Sign(sign) => format!("'{sign}'"),
            Word::Int(..) | Word::Uint(..) | Word::Double(_) => "a number".into(),
            Word::Text(_) | Word::Bytes(_) => "a text".into(),
        }
    }

    fn unexpected(&self) -> Refusal {
        Refusal::syntax(self.at(), format!("syntax error: unexpected {}", self.found()))
    }

    fn missing(&self, what: &str) -> Refusal {
        Refusal::syntax(self.at(), format!("syntax error: {what} is missing before {}", self.found()))
    }

    fn expression(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(too_deep(self.at()));
        }
        let parsed = deeper(|| self.conditional());
        self.depth -= 1;
        parsed
    }

    fn conditional(&mut self) -> Parsed {
        let condition = self.alternatives()?;
        let at = self.at();
        if !self.takes("?") {
            return Ok(condition);
        }
        let then = self.alternatives()?;
        self.expect(":")?;
        let otherwise = self.expression()?;
        Ok(Expr { at, kind: Kind::Conditional(Box::new([condition, then, otherwise])) })
    }

    fn alternatives(&mut self) -> Parsed {
        self.terms("||", Self::conjunction, Kind::Or)
    }

    fn conjunction(&mut self) -> Parsed {
        self.terms("&&", Self::relation, Kind::And)
    }

    fn terms(&mut self, sign: &str, term: fn(&mut Self) -> Parsed, kind: fn(Vec<Expr>) -> Kind) -> Parsed {
        let first = term(self)?;
        if !self.is(sign) {
            return Ok(first);
        }
        let at = self.at();
        let mut terms = vec![first];
        while self.takes(sign) {
            terms.push(term(self)?);
        }
        Ok(Expr { at, kind: kind(terms) })
    }

    fn binary(&mut self, operators: &[Operator], operand: fn(&mut Self) -> Parsed) -> Parsed {
        let mut chain = Chain { left: operand(self)?, length: 0 };
        loop {
            let Some(operator) = operators.iter().copied().find(|operator| self.is(operator.text())) else {
                return Ok(chain.left);
            };
            let at = self.at();
            self.next += 1;
            let right = operand(self)?;
            let depth = self.depth;
            chain = chain.grow(depth, |left| Ok(Expr { at, kind: Kind::Binary(operator, Box::new([left, right])) }))?;
        }
    }

    fn relation(&mut self) -> Parsed {
        use Operator::{Equal, Greater, GreaterOrEqual, In, Less, LessOrEqual, NotEqual};
        self.binary(&[Less, LessOrEqual, GreaterOrEqual, Greater, Equal, NotEqual, In], Self::sum)
    }

    fn sum(&mut self) -> Parsed {
        self.binary(&[Operator::Add, Operator::Subtract], Self::product)
    }

    fn product(&mut self) -> Parsed {
        self.binary(&[Operator::Multiply, Operator::Divide, Operator::Modulo], Self::unary)
    }

    fn unary(&mut self) -> Parsed {
        let at = self.at();
        for (sign, kind) in [("!", Kind::Not as fn(Box<Expr>) -> Kind), ("-", Kind::Negate)] {
            let mut count = 0_usize;
            // The sign before a number belongs to the number.
            while self.is(sign) && !(sign == "-" && self.is_number_next()) {
                self.next += 1;
                count += 1;
            }
            if count > 0 {
                let operand = self.member()?;
                return Ok(if count.is_multiple_of(2) { operand } else { Expr { at, kind: kind(Box::new(operand)) } });
            }
        }
        self.member()
    }

    fn is_number_next(&self) -> bool {
        matches!(self.tokens.get(self.next + 1).map(|token| &token.word), Some(Word::Int(..) | Word::Double(_)))
    }

    fn member(&mut self) -> Parsed {
        let mut chain = Chain { left: self.primary()?, length: 0 };
        loop {
            let at = self.at();
            let depth = self.depth;
            chain = if self.takes(".") {
                let optional = self.takes("?");
                let name = self.name()?;
                let called = self.at();
                if !optional && self.takes("(") {
                    let arguments = self.arguments()?;
                    chain.grow(depth, |target| member_call(called, target, &name, arguments))?
                } else {
                    let how = if optional { Access::Optional } else { Access::Plain };
                    chain.grow(depth, |operand| {
                        Ok(Expr { at, kind: Kind::Select { operand: Box::new(operand), field: name, how } })
                    })?
                }
            } else if self.takes("[") {
                let optional = self.takes("?");
                let index = Box::new(self.expression()?);
                self.expect("]")?;
                chain.grow(depth, |operand| {
                    Ok(Expr { at, kind: Kind::Index { operand: Box::new(operand), index, optional } })
                })?
            } else {
                return Ok(chain.left);
            };
        }
    }

    fn name(&mut self) -> Parsed<Box<str>> {
        match self.peek().clone() {
            Word::Name(name) => {
                self.next += 1;
                Ok(name)
            }
            _ => Err(self.missing("a name")),
        }
    }

    /// What stands between brackets that are open, up to where they are closed.
    fn arguments(&mut self) -> Parsed<Vec<Expr>> {
        let mut arguments = Vec::new();
        if self.takes(")") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression()?);
            if !self.takes(",") {
                self.expect(")")?;
                return Ok(arguments);
            }
        }
    }

    fn primary(&mut self) -> Parsed {
        let at = self.at();
        let word = self.peek().clone();
        let literal = |value| Ok(Expr { at, kind: Kind::Literal(value) });
        match word {
            Word::Name(_) => self.named(at, ""),
            Word::Sign(".") => {
                self.next += 1;
                self.named(at, ".")
            }
            Word::Sign("(") => {
                self.next += 1;
                let inner = self.expression()?;
                self.expect(")")?;
                Ok(inner)
            }
            Word::Sign("[") => {
                self.next += 1;
                self.list(at)
            }
            Word::Sign("{") => {
                self.next += 1;
                self.map(at)
            }
            Word::Sign("-") if self.is_number_next() => {
                self.next += 1;
                self.number(at, "-")
            }
            Word::Int(..) | Word::Uint(..) | Word::Double(_) => self.number(at, ""),
            Word::Text(text) => {
                self.next += 1;
                literal(Value::text(text))
            }
            Word::Bytes(bytes) => {
                self.next += 1;
                literal(Value::Bytes(bytes.into()))
            }
            Word::Sign("true") => self.constant(Value::Bool(true)),
            Word::Sign("false") => self.constant(Value::Bool(false)),
            Word::Sign("null") => self.constant(Value::Null),
            _ => Err(self.unexpected()),
        }
    }

    fn constant(&mut self, value: Value<'static>) -> Parsed {
        let at = self.at();
        self.next += 1;
        Ok(Expr { at, kind: Kind::Literal(value) })
    }

    fn number(&mut self, at: u32, sign: &str) -> Parsed {
        let refused = |what: &str| Refusal::syntax(at, format!("invalid {what} literal"));
        let radix = |is_hex: bool| if is_hex { 16 } else { 10 };
        let value = match self.peek() {
            Word::Int(is_hex, digits) => {
                let text = format!("{sign}{digits}");
                Value::Int(i64::from_str_radix(&text, radix(*is_hex)).map_err(|_| refused("int"))?)
            }
            Word::Uint(is_hex, digits) => {
                Value::Uint(u64::from_str_radix(digits, radix(*is_hex)).map_err(|_| refused("uint"))?)
            }
            Word::Double(digits) => {
                let parsed = format!("{sign}{digits}").parse().ok().filter(|number: &f64| number.is_finite());
                Value::Double(parsed.ok_or_else(|| refused("double"))?)
            }
            _ => return Err(self.unexpected()),
        };
        self.constant(value).map(|literal| Expr { at, ..literal })
    }

    /// A variable, a call of a function, or a message, that begins with a name.
    fn named(&mut self, at: u32, dot: &str) -> Parsed {
        let name = self.name()?;
        if RESERVED.contains(&&*name) {
            return Err(Refusal::syntax(at, format!("reserved identifier: {name}")));
        }
        let full = format!("{dot}{name}");
        let called = self.at();
        if self.takes("(") {
            let arguments = self.arguments()?;
            return global_call(called, &full, arguments);
        }
        if let Some((at, message)) = self.message_name(&full) {
            let text = format!("undeclared reference to '{message}': messages cannot be made here");
            return Err(Refusal { at, message: text, stage: crate::result::Stage::Check });
        }
        Ok(Expr { at, kind: Kind::Name(full.into()) })
    }

    /// The brace, and the name before it, where a message is made.
    fn message_name(&self, first: &str) -> Option<(u32, String)> {
        let mut name = first.to_owned();
        let mut rest = self.tokens.get(self.next..)?.iter();
        loop {
            match rest.next()? {
                Token { at, word: Word::Sign("{") } => return Some((*at, name)),
                Token { word: Word::Sign("."), .. } => {
                    let Word::Name(next) = &rest.next()?.word else { return None };
                    name.push('.');
                    name.push_str(next);
                }
                _ => return None,
            }
        }
    }

    fn list(&mut self, at: u32) -> Parsed {
        let mut items = Vec::new();
        while !self.takes("]") {
            // A comma may end a list, an empty one too.
            if items.is_empty() && self.takes(",") {
                self.expect("]")?;
                break;
            }
            let optional = self.takes("?");
            items.push(Item { optional, value: self.expression()? });
            if !self.takes(",") {
                self.expect("]")?;
                break;
            }
        }
        Ok(Expr { at, kind: Kind::List(items) })
    }

    fn map(&mut self, at: u32) -> Parsed {
        let mut entries = Vec::new();
        while !self.takes("}") {
            if entries.is_empty() && self.takes(",") {
                self.expect("}")?;
                break;
            }
            let optional = self.takes("?");
            let key = self.expression()?;
            self.expect(":")?;
            entries.push(Entry { optional, key, value: self.expression()? });
            if !self.takes(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(Expr { at, kind: Kind::Map(entries) })
    }
}

fn global_call(at: u32, name: &str, mut arguments: Vec<Expr>) -> Parsed {
    if name == "has" && arguments.len() == 1 {
        let argument = arguments.remove(0);
        let Kind::Select { operand, field, how: Access::Plain } = argument.kind else {
            return Err(Refusal::syntax(argument.at, "invalid argument to has() macro"));
        };
        return Ok(Expr { at, kind: Kind::Select { operand, field, how: Access::Presence } });
    }
    Ok(call(at, name, false, arguments))
}

fn call(at: u32, name: &str, is_member: bool, arguments: Vec<Expr>) -> Expr {
    let function = functions::named(name.strip_prefix('.').unwrap_or(name));
    Expr { at, kind: Kind::Call { name: name.into(), function, is_member, arguments } }
}

fn member_call(at: u32, target: Expr, name: &str, mut arguments: Vec<Expr>) -> Parsed {
    if let Some(kind) = macro_kind(name, arguments.len()) {
        return expand(at, kind, target, arguments);
    }
    // `base64.encode` is a name, not a function of something called `base64`.
    if let Some(prefix) = target.qualified_name() {
        let full = format!("{}.{name}", prefix.strip_prefix('.').unwrap_or(&prefix));
        if functions::named(&full).is_some() {
            return Ok(call(at, &full, false, arguments));
        }
    }
    arguments.insert(0, target);
    Ok(call(at, name, true, arguments))
}

fn macro_kind(name: &str, arguments: usize) -> Option<MacroKind> {
    Some(match (name, arguments) {
        ("all", 2) => MacroKind::All,
        ("exists", 2) => MacroKind::Exists,
        ("exists_one", 2) => MacroKind::ExistsOne,
        ("map", 2 | 3) => MacroKind::Map,
        ("filter", 2) => MacroKind::Filter,
        ("optMap", 2) => MacroKind::OptMap,
        ("optFlatMap", 2) => MacroKind::OptFlatMap,
        _ => return None,
    })
}

fn expand(at: u32, kind: MacroKind, range: Expr, arguments: Vec<Expr>) -> Parsed {
    let mut arguments = arguments.into_iter();
    let (variable, second, third) = (arguments.next(), arguments.next(), arguments.next());
    let (Some(variable), Some(second)) = (variable, second) else {
        return Err(Refusal::syntax(at, "syntax error: an argument is missing"));
    };
    let Kind::Name(name) = variable.kind else {
        return Err(Refusal::syntax(variable.at, "argument must be a simple name"));
    };
    if name.starts_with('.') {
        return Err(Refusal::syntax(variable.at, "argument must be a simple name"));
    }
    let (filter, body) = match third {
        Some(body) => (Some(second), body),
        None => (None, second),
    };
    Ok(Expr { at, kind: Kind::Macro(Box::new(Macro { kind, range, variable: name, filter, body })) })
}

//! Label selectors: `app=web,tier in (a,b),!legacy`.

use serde_json::{Map, Value};

use crate::status::{ApiError, ApiResult};

/// What the labels of an object must be; everything must hold.
#[derive(Clone, Debug, Default)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Clone, Debug)]
enum Operator {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
    Above(i64),
    Below(i64),
}

impl LabelSelector {
    /// Reads a selector as it stands in a query.
    pub fn parse(text: &str) -> ApiResult<Self> {
        let mut parser = Parser { text, rest: text };
        let mut requirements = Vec::new();
        parser.skip_space();
        while !parser.rest.is_empty() {
            requirements.push(parser.requirement()?);
            parser.skip_space();
            if !parser.rest.is_empty() {
                parser.expect(',')?;
                parser.skip_space();
                if parser.rest.is_empty() {
                    return Err(parser.error("found '', expected: identifier after ','"));
                }
            }
        }
        Ok(Self(requirements))
    }

    /// Whether anything matches.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many keys and values it names.
    pub fn terms(&self) -> usize {
        let values = |requirement: &Requirement| match &requirement.operator {
            Operator::In(values) | Operator::NotIn(values) => values.len(),
            _ => 0,
        };
        self.0.iter().map(|requirement| 1 + values(requirement)).sum()
    }

    /// Whether these labels match.
    pub fn matches(&self, labels: Option<&Map<String, Value>>) -> bool {
        self.0.iter().all(|requirement| {
            let value = labels.and_then(|labels| labels.get(&requirement.key)).and_then(Value::as_str);
            requirement.operator.holds(value)
        })
    }
}

impl Operator {
    fn holds(&self, value: Option<&str>) -> bool {
        match self {
            Self::In(values) => value.is_some_and(|value| values.iter().any(|known| known == value)),
            Self::NotIn(values) => value.is_none_or(|value| values.iter().all(|known| known != value)),
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
            Self::Above(bound) => number(value).is_some_and(|value| value > *bound),
            Self::Below(bound) => number(value).is_some_and(|value| value < *bound),
        }
    }
}

fn number(value: Option<&str>) -> Option<i64> {
    value?.parse().ok()
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn error(&self, detail: &str) -> ApiError {
        ApiError::bad_request(format!("unable to parse requirement: {detail} (selector {:?})", self.text))
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, wanted: char) -> ApiResult<()> {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None => {
                let found: String = self.rest.chars().take_while(|c| !c.is_whitespace()).collect();
                Err(self.error(&format!("found '{found}', expected: '{wanted}'")))
            }
        }
    }

    fn word(&mut self) -> &'a str {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn key(&mut self) -> ApiResult<String> {
        let key = self.word();
        let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
        let good = (1..=63).contains(&name.len()) && !name.contains('/') && prefix != Some("");
        if !good {
            let next: String = self.rest.chars().take(1).collect();
            return Err(self.error(&format!("found '{key}{next}', expected: a label key")));
        }
        Ok(key.to_owned())
    }

    fn requirement(&mut self) -> ApiResult<Requirement> {
        if self.take("!") {
            self.skip_space();
            return Ok(Requirement { key: self.key()?, operator: Operator::Absent });
        }
        let key = self.key()?;
        self.skip_space();
        let operator = self.operator()?;
        Ok(Requirement { key, operator })
    }

    fn operator(&mut self) -> ApiResult<Operator> {
        if self.rest.is_empty() || self.rest.starts_with(',') {
            return Ok(Operator::Exists);
        }
        if self.take("!=") {
            return Ok(Operator::NotIn(vec![self.value()]));
        }
        if self.take("==") || self.take("=") {
            return Ok(Operator::In(vec![self.value()]));
        }
        if self.take(">") {
            return Ok(Operator::Above(self.bound()?));
        }
        if self.take("<") {
            return Ok(Operator::Below(self.bound()?));
        }
        match self.word() {
            "in" => Ok(Operator::In(self.values()?)),
            "notin" => Ok(Operator::NotIn(self.values()?)),
            other => {
                let found = if other.is_empty() { self.rest } else { other };
                Err(self.error(&format!("found '{found}', expected: in, notin, =, ==, !=, gt, lt")))
            }
        }
    }

    fn value(&mut self) -> String {
        self.skip_space();
        self.word().to_owned()
    }

    fn bound(&mut self) -> ApiResult<i64> {
        let value = self.value();
        value
            .parse()
            .map_err(|_| self.error(&format!("for 'Gt', 'Lt' operators, the value must be an integer: '{value}'")))
    }

    fn values(&mut self) -> ApiResult<Vec<String>> {
        self.skip_space();
        self.expect('(')?;
        let mut values = Vec::new();
        loop {
            values.push(self.value());
            self.skip_space();
            if self.take(")") {
                return Ok(values);
            }
            self.expect(',')?;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(selector: &str, labels: Value) -> bool {
        LabelSelector::parse(selector).unwrap().matches(labels.as_object())
    }

    #[test]
    fn every_requirement_must_hold() {
        let labels = json!({"app": "web", "tier": "front", "weight": "5"});
        for selector in [
            "",
            "app=web",
            "app==web,tier!=back",
            "app in (web, api)",
            "tier notin (back)",
            "missing notin (a)",
            "app",
            "!missing",
            "missing!=x",
            "weight>4,weight<6",
            " app = web , tier ",
        ] {
            assert!(matches(selector, labels.clone()), "{selector}");
        }
        for selector in
            ["app=api", "missing", "!app", "app in (a,b)", "app notin (web)", "weight>5", "app=web,tier=back", "app="]
        {
            assert!(!matches(selector, labels.clone()), "{selector}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for selector in ["=a", "a in", "a in (b", "a ~ b", ",", "a,", "a b", "weight>x", "!"] {
            assert!(LabelSelector::parse(selector).is_err(), "{selector}");
        }
    }
}

//! Whether a value is what its schema asks for, in the words of Kubernetes.

use std::cell::Cell;

use serde_json::{Number, Value};

use crate::field::{ErrorKind, FieldError, FieldPath};
use crate::formats;
use crate::model::{ListType, MapType, Schema, Type};
use crate::rules::Rules;

impl Schema {
    /// What is wrong with `object`. Fields that the schema does not know are no mistake here; see
    /// [`Self::unknown_fields`]. Rules in CEL are not evaluated.
    pub fn validate(&self, object: &Value) -> Vec<FieldError> {
        mistakes(object, None, self)
    }

    /// What is wrong with `object` as a change of `old`. Values that did not change may stay as they are, even if
    /// the schema has become stricter since.
    pub fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        mistakes(object, Some(old), self)
    }

    /// What is wrong with the nulls of `object` that may not be, and for which no default stands in. An apply must not have
    /// them; in all else that is sent they count as left out.
    pub fn null_mistakes(&self, object: &Value) -> Vec<FieldError> {
        let mut outcome = Outcome::default();
        // Most have none at all, and need no names for where they could be.
        if has_null(object) {
            check_nulls(object, self, &FieldPath::root(), &mut outcome);
        }
        outcome.errors
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().any(has_null),
        Value::Array(items) => items.iter().any(has_null),
        _ => false,
    }
}

fn check_nulls(value: &Value, schema: &Schema, path: &FieldPath, outcome: &mut Outcome) {
    if outcome.errors.len() >= MAX_ERRORS {
        return;
    }
    match value {
        Value::Null if schema.default.is_none() => {
            check_type(value, schema, path, outcome);
            if let Some(rules) = schema.rules.as_deref().filter(|_| !schema.nullable) {
                check_values(value, rules, path, &mut outcome.errors);
            }
        }
        Value::Object(map) => {
            // What stands in the metadata is of Go's own types, in which null is nothing.
            let is_own = |name: &str| *path == FieldPath::root() && name == "metadata";
            for (name, value) in map.iter().filter(|(name, _)| !is_own(name)) {
                if let Some(field) = schema.field(name) {
                    check_nulls(value, field, &path.child(name), outcome);
                }
            }
        }
        Value::Array(items) => {
            let Some(schema) = schema.items() else { return };
            for (place, item) in items.iter().enumerate() {
                check_nulls(item, schema, &path.index(place), outcome);
            }
        }
        _ => {}
    }
}

/// The most mistakes that are told of one object: more help nobody, and an object may hold a hundred thousand.
pub const MAX_ERRORS: usize = 100;
/// The most checks that one object is worth. An object as large as a request may be holds less than a million values;
/// alternatives check each of them several times.
const MAX_CHECKS: u64 = 4_000_000;

/// How many checks are left.
struct Budget(Cell<u64>);

impl Budget {
    /// Takes the cost of something; `false` where nothing is left.
    fn take(&self, cost: usize) -> bool {
        let left = self.0.get().saturating_sub(u64::try_from(cost).unwrap_or(u64::MAX));
        self.0.set(left);
        left > 0
    }
}

fn mistakes(object: &Value, old: Option<&Value>, schema: &Schema) -> Vec<FieldError> {
    let root = FieldPath::root();
    let budget = Budget(Cell::new(MAX_CHECKS));
    let mut errors = check(object, old, schema, &root, &budget).errors;
    if !budget.take(0) {
        let detail =
            format!("the schema asks for more than {MAX_CHECKS} checks of this object, more than a request may take");
        return vec![FieldError::forbidden(&root, detail)];
    }
    crate::lists::duplicates(object, schema, &root, &mut errors);
    crate::embedded::mistakes(object, schema, &root, &mut errors);
    errors.truncate(MAX_ERRORS);
    errors
}

/// What checking a value against a schema came to.
#[derive(Default)]
struct Outcome {
    errors: Vec<FieldError>,
    /// How many checks passed: of several alternatives, the one that fits best tells what is wrong.
    passed: usize,
}

impl Outcome {
    fn add(&mut self, other: Self) {
        let room = MAX_ERRORS.saturating_sub(self.errors.len());
        self.errors.extend(other.errors.into_iter().take(room));
        self.passed += other.passed;
    }
}

/// A mistake told in a sentence about the value at `path`.
fn invalid(path: &FieldPath, value: impl Into<Value>, sentence: &str) -> FieldError {
    FieldError::invalid(path, value, in_body(path, sentence))
}

fn in_body(path: &FieldPath, sentence: &str) -> String {
    format!("{} in body {sentence}", path.as_str())
}

fn wrong_type(path: &FieldPath, wanted: &str, found: &str) -> FieldError {
    let detail = in_body(path, &format!("must be of type {wanted}: {found:?}"));
    FieldError::new(ErrorKind::TypeInvalid, path, Some(found.into()), detail)
}

/// `old` is the value that stood here before, where that can be told.
fn check(value: &Value, old: Option<&Value>, schema: &Schema, path: &FieldPath, budget: &Budget) -> Outcome {
    let mut outcome = Outcome::default();
    if !budget.take(cost(value, schema)) {
        return outcome;
    }
    if old == Some(value) {
        outcome.passed += 1;
        return outcome;
    }
    check_type(value, schema, path, &mut outcome);
    let rules = schema.rules.as_deref();
    if value.is_null() {
        rules.into_iter().for_each(|rules| check_values(value, rules, path, &mut outcome.errors));
        return outcome;
    }
    rules.into_iter().for_each(|rules| check_alternatives(value, rules, path, budget, &mut outcome));
    match value {
        Value::String(text) => check_text(text, schema, path, &mut outcome.errors),
        Value::Number(number) => check_number(number, schema, path, &mut outcome.errors),
        Value::Array(list) => check_list(list, old, schema, path, budget, &mut outcome),
        _ => {}
    }
    rules.into_iter().for_each(|rules| check_values(value, rules, path, &mut outcome.errors));
    if value.is_object() {
        check_object(value, old, schema, path, budget, &mut outcome);
    }
    outcome
}

/// How many checks one is worth: a long list of allowed values costs more, and so do rules of a long text.
fn cost(value: &Value, schema: &Schema) -> usize {
    let allowed = schema.rules.as_ref().map_or(0, |rules| rules.values.len() / 16);
    let has_rules = schema.rules.is_some() || schema.format.is_some();
    let text = value.as_str().filter(|_| has_rules).map_or(0, |text| text.len() / 64);
    1 + allowed + text
}

/// The name of the type that a schema asks for; empty for any.
fn type_name(schema: &Schema) -> &'static str {
    if schema.rules.as_ref().is_some_and(|rules| rules.untyped) {
        return "";
    }
    match schema.value_type {
        Type::Object => "object",
        Type::Array => "array",
        Type::String => "string",
        Type::Integer => "integer",
        Type::Number => "number",
        Type::Boolean => "boolean",
        Type::IntOrString => "integer,string",
        Type::Any => "",
    }
}

fn check_type(value: &Value, schema: &Schema, path: &FieldPath, outcome: &mut Outcome) {
    let wanted = type_name(schema);
    let (found, fits) = match value {
        Value::Null => ("null", schema.nullable),
        Value::Bool(_) => ("boolean", wanted == "boolean"),
        Value::String(_) => ("string", matches!(wanted, "string" | "integer,string")),
        Value::Array(_) => ("array", wanted == "array"),
        Value::Object(_) => ("object", wanted == "object"),
        Value::Number(number) => {
            let whole =
                number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|number| number.fract() == 0.0);
            let quantity = schema.format.as_deref() == Some("quantity");
            let fits = wanted == "number" || (wanted.starts_with("integer") && (whole || quantity));
            (if number.is_f64() { "number" } else { "integer" }, fits)
        }
    };
    if wanted.is_empty() || fits {
        outcome.passed += 1;
    } else {
        outcome.errors.push(wrong_type(path, wanted, found));
    }
}

fn check_values(value: &Value, rules: &Rules, path: &FieldPath, errors: &mut Vec<FieldError>) {
    let same = |other: &Value| match (value, other) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        _ => value == other,
    };
    // Null is no value of an enumeration, even if it is said there.
    if rules.values.is_empty() || !value.is_null() && rules.values.iter().any(same) {
        return;
    }
    let quoted = rules.values.iter().map(|value| match value {
        Value::String(text) => format!("{text:?}"),
        other => format!("{:?}", other.to_string()),
    });
    let detail = format!("supported values: {}", quoted.collect::<Vec<_>>().join(", "));
    errors.push(FieldError::new(ErrorKind::NotSupported, path, Some(value.clone()), detail));
}

fn check_text(text: &str, schema: &Schema, path: &FieldPath, errors: &mut Vec<FieldError>) {
    if let Some(rules) = &schema.rules
        && let Some(error) = text_rule_broken(text, rules, path)
    {
        errors.push(error);
    }
    let Some(format) = schema.format.as_deref() else { return };
    let known = matches!(type_name(schema), "" | "string") && formats::is_known(format, "string");
    if known && formats::matches(format, text) == Some(false) {
        let detail = in_body(path, &format!("must be of type {format}: {text:?}"));
        errors.push(FieldError::new(ErrorKind::TypeInvalid, path, Some(text.into()), detail));
    }
}

/// The first rule that `text` breaks: of several, Kubernetes names one.
fn text_rule_broken(text: &str, rules: &Rules, path: &FieldPath) -> Option<FieldError> {
    let length = text.chars().count() as u64;
    if let Some(most) = rules.max_length.filter(|most| length > *most) {
        let detail = format!("may not be more than {most} bytes");
        return Some(FieldError::new(ErrorKind::TooLong, path, None, detail));
    }
    if let Some(least) = rules.min_length.filter(|least| length < *least) {
        return Some(invalid(path, text, &format!("should be at least {least} chars long")));
    }
    let pattern = rules.pattern.as_ref()?;
    match pattern.matches(text) {
        Ok(true) => None,
        Ok(false) => Some(invalid(path, text, &format!("should match '{}'", pattern.source()))),
        Err(error) => {
            let sentence = format!("should match '{}, but pattern is invalid: {error}'", pattern.source());
            Some(invalid(path, text, &sentence))
        }
    }
}

fn check_number(number: &Number, schema: &Schema, path: &FieldPath, errors: &mut Vec<FieldError>) {
    let Some(value) = number.as_f64() else { return };
    check_range(number, value, schema, path, errors);
    let Some(rules) = &schema.rules else { return };
    let mut fail = |sentence: String| errors.push(invalid(path, Value::Number(number.clone()), &sentence));
    if let Some(factor) = rules.multiple_of.filter(|factor| !is_multiple(value, *factor)) {
        fail(format!("should be a multiple of {factor}"));
    }
    if let Some(least) = rules.minimum {
        match rules.exclusive_minimum {
            true if value <= least => fail(format!("should be greater than {least}")),
            false if value < least => fail(format!("should be greater than or equal to {least}")),
            _ => {}
        }
    }
    if let Some(most) = rules.maximum {
        match rules.exclusive_maximum {
            true if value >= most => fail(format!("should be less than {most}")),
            false if value > most => fail(format!("should be less than or equal to {most}")),
            _ => {}
        }
    }
}

fn is_multiple(value: f64, factor: f64) -> bool {
    if factor <= 0.0 {
        return false;
    }
    let quotient = value / factor;
    // Decimal fractions such as 0.3 / 0.1 miss whole numbers by rounding.
    (quotient - quotient.round()).abs() <= 1e-9 * quotient.abs().max(1.0)
}

/// Whether a number fits the format of its type.
fn check_range(number: &Number, value: f64, schema: &Schema, path: &FieldPath, errors: &mut Vec<FieldError>) {
    let name = type_name(schema);
    let Some(format) = schema.format.as_deref().filter(|format| formats::is_known(format, name)) else { return };
    let fits = match format {
        "int32" => value >= f64::from(i32::MIN) && value <= f64::from(i32::MAX),
        "int64" => number.is_i64() || (number.is_f64() && value.abs() < i64::MAX as f64),
        "float" => value.abs() <= f64::from(f32::MAX),
        _ => true,
    };
    if !fits {
        let detail = format!("Checked value must be of type {name} with format {format} in {}", path.as_str());
        errors.push(FieldError::invalid(&FieldPath::root(), "", detail));
    }
}

fn check_list(
    list: &[Value],
    old: Option<&Value>,
    schema: &Schema,
    path: &FieldPath,
    budget: &Budget,
    outcome: &mut Outcome,
) {
    if let Some(items) = schema.items() {
        for (index, item) in list.iter().enumerate() {
            if outcome.errors.len() >= MAX_ERRORS {
                break;
            }
            let old = old.and_then(|old| same_item(old, item, index, &schema.list_type, budget));
            outcome.add(check(item, old, items, &path.index(index), budget));
        }
    }
    let Some(rules) = &schema.rules else { return };
    let count = list.len() as u64;
    if let Some(least) = rules.min_items.filter(|least| count < *least) {
        outcome.errors.push(invalid(path, count, &format!("should have at least {least} items")));
    }
    if let Some(most) = rules.max_items.filter(|most| count > *most) {
        outcome.errors.push(too_many(path, count, most));
    }
    if rules.unique_items && !all_differ(list) {
        outcome.errors.push(invalid(path, "", "shouldn't contain duplicates"));
    }
}

/// The item of the list `old` that `item` is a new state of: only items with keys can be told apart.
fn same_item<'a>(
    old: &'a Value,
    item: &Value,
    index: usize,
    list_type: &ListType,
    budget: &Budget,
) -> Option<&'a Value> {
    let ListType::Map(keys) = list_type else { return None };
    let same = |other: &&Value| keys.iter().all(|key| other.get(key) == item.get(key));
    let old = old.as_array()?;
    // Most items stand where they stood.
    if let Some(found) = old.get(index).filter(same) {
        return Some(found);
    }
    if !budget.take(old.len() / 16) {
        return None;
    }
    old.iter().find(same)
}

fn all_differ(list: &[Value]) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    list.iter().all(|item| seen.insert(item.to_string()))
}

fn too_many(path: &FieldPath, count: u64, most: u64) -> FieldError {
    FieldError::new(ErrorKind::TooMany, path, Some(count.into()), format!("must have at most {most} items"))
}

fn check_object(
    value: &Value,
    old: Option<&Value>,
    schema: &Schema,
    path: &FieldPath,
    budget: &Budget,
    outcome: &mut Outcome,
) {
    let Some(map) = value.as_object() else { return };
    if let Some(rules) = &schema.rules {
        let count = map.len() as u64;
        if let Some(least) = rules.min_properties.filter(|least| count < *least) {
            outcome.errors.push(invalid(path, count, &format!("should have at least {least} properties")));
        }
        if let Some(most) = rules.max_properties.filter(|most| count > *most) {
            outcome.errors.push(too_many(path, count, most));
        }
    }
    let old = old.filter(|_| schema.map_type == MapType::Granular);
    for (name, value) in map {
        if outcome.errors.len() >= MAX_ERRORS {
            break;
        }
        if let Some(field) = schema.field(name) {
            let old = old.and_then(|old| old.get(name));
            outcome.add(check(value, old, field, &path.child(name), budget));
        }
    }
    for name in &schema.required {
        if map.contains_key(name) {
            outcome.passed += 1;
        } else {
            outcome.errors.push(FieldError::required(&path.child(name), ""));
        }
    }
}

/// `anyOf`, `oneOf`, `allOf` and `not`. What fails as a whole is told of the object, not of the field. What did not
/// change is judged as well: which alternative a value is depends on all of it.
fn check_alternatives(value: &Value, rules: &Rules, path: &FieldPath, budget: &Budget, outcome: &mut Outcome) {
    let fail = |outcome: &mut Outcome, sentence: &str| {
        let detail = format!("{:?} {sentence}", path.as_str());
        outcome.errors.push(FieldError::invalid(&FieldPath::root(), "", detail));
    };
    let check_all = |schemas| Alternatives::of(value, schemas, path, budget);
    if !rules.any_of.is_empty() {
        let found = check_all(&rules.any_of);
        if found.valid == 0 {
            fail(outcome, "must validate at least one schema (anyOf)");
            found.best.into_iter().for_each(|best| outcome.add(best));
        }
    }
    if !rules.one_of.is_empty() {
        let found = check_all(&rules.one_of);
        match found.valid {
            0 => {
                fail(outcome, "must validate one and only one schema (oneOf). Found none valid");
                found.best.into_iter().for_each(|best| outcome.add(best));
            }
            1 => {}
            count => {
                let found = format!("Found {count} valid alternatives");
                fail(outcome, &format!("must validate one and only one schema (oneOf). {found}"));
            }
        }
    }
    if !rules.all_of.is_empty() {
        let (mut valid, mut total) = (0, 0);
        for one in checked(value, &rules.all_of, path, budget) {
            total += 1;
            valid += usize::from(one.errors.is_empty());
            outcome.add(one);
        }
        match valid {
            valid if valid == total => {}
            0 => fail(outcome, "must validate all the schemas (allOf). None validated"),
            _ => fail(outcome, "must validate all the schemas (allOf)"),
        }
    }
    if let Some(not) = &rules.not
        && check(value, None, not, path, budget).errors.is_empty()
    {
        fail(outcome, "must not validate the schema (not)");
    }
}

/// What checking a value against each of several schemas comes to, one after the other. Of schemas without end, none is looked at
/// that is no longer worth it.
fn checked(value: &Value, schemas: &[Schema], path: &FieldPath, budget: &Budget) -> impl Iterator<Item = Outcome> {
    schemas.iter().take_while(|_| budget.take(0)).map(|schema| check(value, None, schema, path, budget))
}

/// What checking a value against alternatives came to. A mistake holds the value that it is about, which may be large, so what
/// nobody will be told of is not kept.
#[derive(Default)]
struct Alternatives {
    /// How many the value is valid by.
    valid: usize,
    /// The first of the outcomes that most checks passed in.
    best: Option<Outcome>,
}

impl Alternatives {
    fn of(value: &Value, schemas: &[Schema], path: &FieldPath, budget: &Budget) -> Self {
        let mut alternatives = Self::default();
        for outcome in checked(value, schemas, path, budget) {
            alternatives.valid += usize::from(outcome.errors.is_empty());
            if alternatives.best.as_ref().is_none_or(|best| outcome.passed > best.passed) {
                alternatives.best = Some(outcome);
            }
        }
        alternatives
    }
}

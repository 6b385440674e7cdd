//! What the Flux Operator's own code says of templates, inputs and names, as it was recorded.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::borrow::Cow;

use cowherd_resourceset::{Input, Limits, Provider, Strategy, Templates, build, combine, id, normalized, slug};
use serde::Deserialize;
use serde_json::Value;

/// A question, what the Flux Operator answered, or why it could not.
#[derive(Deserialize)]
struct Case {
    question: Question,
    answer: Option<Value>,
    error: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Question {
    slug: Option<String>,
    key: Option<String>,
    id: Option<String>,
    /// Inputs of which the digest is asked for.
    revision: Option<Value>,
    permute: Option<Vec<Named>>,
    empty: bool,
    resources: Vec<Value>,
    text: Option<String>,
    inputs: Vec<Input>,
}

/// A provider by its name, and what it gives.
#[derive(Deserialize, Clone)]
struct Named {
    name: String,
    inputs: Vec<Input>,
}

fn cases() -> impl Iterator<Item = (String, Case)> {
    let recorded = include_str!("recorded/flux-operator.jsonl");
    recorded.lines().map(|line| (line.to_owned(), serde_json::from_str(line).unwrap()))
}

/// What is said here to the question; an error in words of its own.
fn answer(question: &Question) -> Result<Value, String> {
    if let Some(text) = &question.slug {
        return Ok(slug(text).into());
    }
    if let Some(text) = &question.key {
        return Ok(normalized(text).into());
    }
    if let Some(text) = &question.id {
        return Ok(id(text).into());
    }
    if let Some(providers) = &question.permute {
        return permuted(providers, question.empty);
    }
    let templates = Templates { resources: &question.resources, text: question.text.as_deref() };
    build(&templates, &question.inputs.clone().into(), &Limits::default())
        .map(Value::Array)
        .map_err(|error| error.to_string())
}

/// The permutations without the marks of their providers, which the recorder does not set.
fn permuted(providers: &[Named], include_empty: bool) -> Result<Value, String> {
    let provider =
        |Named { name, inputs }: &Named| Provider { name: name.clone(), inputs: inputs.clone(), ..Provider::default() };
    let providers: Vec<Provider> = providers.iter().map(provider).collect();
    let all = combine(&providers, Strategy::Permute { include_empty }).map_err(|error| error.to_string())?;
    let mut all: Vec<Input> = all.iter().map(Cow::into_owned).collect();
    for value in all.iter_mut().flat_map(|input| input.values_mut()) {
        value.as_object_mut().map(|of_one| of_one.remove("provider"));
    }
    Ok(serde_json::to_value(all).unwrap())
}

/// Whether values are equal, where `1` and `1.0` are.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| is_same(value, other)))
        }
        (one, other) => one == other,
    }
}

#[test]
fn what_the_flux_operator_makes_of_it_is_made_of_it() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (line, Case { question, answer: expected, error }) in cases() {
        if question.revision.is_some() {
            continue;
        }
        count += 1;
        let is_right = match (answer(&question), &expected) {
            (Ok(found), Some(expected)) if is_same(&found, expected) => continue,
            (Err(_), None) => continue,
            (found, _) => found,
        };
        wrong.push(format!("{line}\n  here: {is_right:?}\n  there: {error:?}"));
    }
    assert!(count > 300, "{count}");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn all_that_is_ever_given_together_has_a_bound() {
    let inputs = |count: usize| vec![Input::default(); count];
    let named = |name: &str, count| Provider { name: name.to_owned(), inputs: inputs(count), ..Provider::default() };
    let strategy = Strategy::Permute { include_empty: false };
    assert_eq!(combine(&[named("a", 100), named("b", 100)], strategy).unwrap().len(), 10_000);
    let error = combine(&[named("a", 100), named("b", 101)], strategy).unwrap_err().to_string();
    assert!(error.contains("max: 10000, got: 10100"), "{error}");
    let many: Vec<Provider> = (0..200).map(|number| named(&format!("p{number}"), 1_000)).collect();
    assert!(combine(&many, strategy).is_err());

    let of =
        |text: &str| build(&Templates { resources: &[], text: Some(text) }, &inputs(100).into(), &Limits::default());
    for endless in [
        "<< range until 100000 >><< range until 100000 >>x<< end >><< end >>",
        "<< define \"x\" >><< template \"x\" >><< end >><< template \"x\" >>",
        "<< $x := \"x\" >><< range until 100 >><< $x = cat $x $x >><< end >>",
    ] {
        assert!(of(endless).is_err(), "{endless}");
    }
    let many = "<< range until 30000 >>---\napiVersion: v1\nkind: A\nmetadata: {name: a<< . >>}\n<< end >>";
    assert!(of(many).unwrap_err().to_string().starts_with("its objects are more than 20000"));
    // Each of many permutations has all that its parts have, and is there alone.
    let large = |name: &str| {
        let one = Input::from_iter([("text".to_owned(), Value::String("x".repeat(100_000)))]);
        Provider { name: name.to_owned(), inputs: vec![one; 100], ..Provider::default() }
    };
    let permuted = combine(&[large("a"), large("b")], strategy).unwrap();
    assert_eq!((permuted.len(), permuted.iter().next().unwrap().len()), (10_000, 3));
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";
    let error = build(&Templates { resources: &[], text: Some(map) }, &permuted, &Limits::default()).unwrap_err();
    assert!(error.to_string().starts_with("the bytes of inputs for all templates are more than"), "{error}");
}

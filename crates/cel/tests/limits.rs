//! Whatever is written as an expression, and whatever it reads, ends within its limits and without a panic.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::{Duration, Instant};

use cowherd_cel::{Budget, EvalError, Expression, Output, Scope};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// How long anything may take, however slow the machine, and without optimization.
const PATIENCE: Duration = Duration::from_secs(30);

fn object() -> Value {
    json!({
        "metadata": { "name": "a", "labels": { "app": "web" } },
        "spec": { "list": [1, 2.5, "a", null, true, [1], { "a": 1 }], "text": "héllo", "n": -1, "none": null },
    })
}

fn many() -> Value {
    let items: Vec<Value> = (0..10_000).map(|n| json!({ "n": n, "text": "x".repeat(50) })).collect();
    json!({ "items": items, "text": "a".repeat(500_000) })
}

/// Compiles an expression in both ways, and evaluates it where it is one.
fn try_all(text: &str) {
    let object = object();
    if let Ok(expression) = Expression::parse(text) {
        let scope = Scope::fields(&object);
        let _ = expression.bool(&scope, Budget(10_000));
        let _ = expression.text(&scope, Budget(10_000));
    }
    for output in [Output::Bool, Output::Text] {
        if let Ok(expression) = Expression::compile(text, &["self", "dep"], output) {
            let scope = Scope::named([("self", &object), ("dep", &object)]);
            // What was checked may fail, and gives what it is to give otherwise.
            let failed = match output {
                Output::Bool => expression.bool(&scope, Budget(10_000)).err(),
                Output::Text => expression.text(&scope, Budget(10_000)).err(),
            };
            assert!(!matches!(failed, Some(EvalError::Type { .. })), "{text}: {failed:?}");
        }
    }
}

/// Words of which expressions are made, and of which nonsense is made.
const WORDS: &[&str] = &[
    "spec",
    "metadata",
    "self",
    "dep",
    "list",
    "text",
    "n",
    "none",
    "a",
    "x",
    "1",
    "-1",
    "2u",
    "1.5",
    "0x1f",
    "'a'",
    "\"b\"",
    "b'c'",
    "r'\\d'",
    "true",
    "false",
    "null",
    "+",
    "-",
    "*",
    "/",
    "%",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "&&",
    "||",
    "!",
    "?",
    ":",
    ".",
    ".?",
    "[",
    "[?",
    "]",
    "(",
    ")",
    "{",
    "}",
    ",",
    " in ",
    "has(",
    "size(",
    ".size()",
    ".all(x, ",
    ".exists(x, ",
    ".map(x, ",
    ".filter(x, ",
    ".exists_one(x, ",
    ".optMap(x, ",
    ".orValue(",
    ".or(",
    ".first()",
    ".last()",
    ".value()",
    ".contains(",
    ".matches(",
    ".split(",
    ".join(",
    ".replace(",
    ".substring(",
    ".format([",
    "string(",
    "int(",
    "timestamp(",
    "duration(",
    "optional.of(",
    "optional.none()",
    "sets.contains(",
    "base64.encode(",
    "type(",
    "dyn(",
    "9223372036854775807",
    "18446744073709551615u",
    "'%s %d %.3f'",
    "'2026-01-01T00:00:00Z'",
    "'1h'",
    "\n",
    "// c\n",
    "\\",
    "`",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_brings_it_down(text in "\\PC{0,200}") {
        try_all(&text);
    }

    #[test]
    fn no_words_bring_it_down(words in vec(select(WORDS), 0..40)) {
        try_all(&words.concat());
    }

    #[test]
    fn no_expression_brings_it_down(text in expression()) {
        try_all(&text);
    }
}

/// Expressions that are of the grammar, and often of the right types.
fn expression() -> impl Strategy<Value = String> {
    let leaf = select(
        &[
            "1",
            "2.5",
            "3u",
            "'a'",
            "'héllo'",
            "b'x'",
            "true",
            "false",
            "null",
            "[]",
            "{}",
            "[1, 2]",
            "['a']",
            "{'a': 1}",
            "self.spec.list",
            "self.spec",
            "dep.metadata.name",
            "spec.list",
            "spec.text",
            "spec.n",
            "metadata.labels",
            "x",
            "optional.none()",
            "optional.of(1)",
            "timestamp(0)",
            "duration('1h')",
            "-9223372036854775808",
        ][..],
    )
    .prop_map(str::to_owned);
    leaf.prop_recursive(6, 60, 3, |inner| {
        let two =
            (inner.clone(), inner.clone(), select(&["+", "-", "*", "/", "%", "==", "<", ">=", "&&", "||", "in"][..]));
        let called = select(
            &[
                "size",
                "string",
                "int",
                "uint",
                "double",
                "bool",
                "bytes",
                "type",
                "dyn",
                "timestamp",
                "duration",
                "optional.of",
                "optional.ofNonZeroValue",
                "strings.quote",
                "base64.encode",
                "base64.decode",
            ][..],
        );
        let upon = select(
            &[
                "size()",
                "first()",
                "last().orValue(1)",
                "value()",
                "hasValue()",
                "lowerAscii()",
                "reverse()",
                "join(',')",
                "split('')",
                "charAt(0)",
                "getHours()",
                "spec",
                "?spec",
                "unwrapOpt()",
                "trim()",
                "lastIndexOf('l', 2)",
            ][..],
        );
        let over = select(&["all", "exists", "exists_one", "map", "filter", "optMap", "optFlatMap"][..]);
        prop_oneof![
            two.prop_map(|(one, other, sign)| format!("({one}) {sign} ({other})")),
            (called, inner.clone()).prop_map(|(name, inner)| format!("{name}({inner})")),
            (inner.clone(), upon).prop_map(|(inner, name)| format!("({inner}).{name}")),
            (inner.clone(), over, inner.clone()).prop_map(|(range, name, body)| format!("({range}).{name}(x, {body})")),
            (inner.clone(), inner.clone()).prop_map(|(one, at)| format!("({one})[{at}]")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a}) ? ({b}) : ({c})")),
            (inner.clone(), inner).prop_map(|(one, other)| format!("'%s %x %e'.format([{one}, {other}, 1])")),
        ]
    })
}

/// Ends in time, and has used up its budget.
fn is_exhausted(text: &str, data: &Value) {
    let began = Instant::now();
    let expression = Expression::parse(text).unwrap();
    let ended = expression.bool(&Scope::fields(data), Budget::EXPRESSION);
    assert_eq!(ended, Err(EvalError::Exhausted { limit: 1_000_000 }), "{text}");
    assert!(began.elapsed() < PATIENCE, "{text} took {:?}", began.elapsed());
}

/// Ends in time, whatever comes of it.
fn ends(text: &str, data: &Value) {
    let began = Instant::now();
    if let Ok(expression) = Expression::parse(text) {
        let _ = expression.bool(&Scope::fields(data), Budget::EXPRESSION);
    }
    let _ = Expression::compile(text, &["self"], Output::Bool);
    let shown: String = text.chars().take(80).collect();
    assert!(began.elapsed() < PATIENCE, "{shown} took {:?}", began.elapsed());
}

#[test]
fn loops_in_loops_end() {
    let many = many();
    is_exhausted("items.all(a, items.all(b, items.all(c, a.n + b.n + c.n >= 0)))", &many);
    is_exhausted("items.exists(a, items.exists(b, a.n == -1))", &many);
    is_exhausted("items.map(a, items.map(b, items)).size() == 0", &many);
    is_exhausted("items.filter(a, items.exists_one(b, b.n == a.n)).size() == 0", &many);
    // Nothing gets over it.
    is_exhausted("items.all(a, items.all(b, true)) || true", &many);
    is_exhausted("false && true || items.exists(a, items.exists(b, false)) || true", &many);
}

#[test]
fn texts_and_lists_that_grow_end() {
    let many = many();
    let doubled = |start: &str, add: &str, rounds: usize| {
        let mut text = start.to_owned();
        for _ in 0..rounds {
            text = format!("[{text}].map(x, {add})[0]");
        }
        text
    };
    is_exhausted(&format!("{} == ''", doubled("'aaaaaaaaaaaaaaaa'", "x + x", 40)), &many);
    is_exhausted(&format!("{} == []", doubled("[1, 2, 3]", "x + x", 40)), &many);
    is_exhausted(&format!("{} == ''", doubled("'aaaaaaaa'", "x.replace('', x)", 30)), &many);
    is_exhausted(&format!("{} == b''", doubled("b'aaaaaaaaaaaaaaaa'", "x + x", 40)), &many);
    is_exhausted(&format!("{} == ''", doubled("'a'", "'%s%s'.format([x, x])", 40)), &many);
    is_exhausted(&format!("{} == ''", doubled("'a'", "[x, x].join(x)", 40)), &many);
}

#[test]
fn values_that_share_parts_are_compared_and_written_within_the_budget() {
    let shared = |rounds: usize| (0..rounds).fold("[1]".to_owned(), |inner, _| format!("[{inner}].map(x, [x, x])[0]"));
    is_exhausted(&format!("{0} == {0}", shared(40)), &json!({}));
    is_exhausted(&format!("'%s'.format([{}]) == ''", shared(40)), &json!({}));
}

#[test]
fn patterns_end() {
    let many = many();
    ends("text.matches('(a+)+$b')", &many);
    ends("text.matches('(a?){900}a{900}')", &many);
    ends("text.matches('((a{100}){100}){100}')", &many);
    ends("text.matches('(x+x+)+y|[a-z]{500}[0-9]{500}')", &many);
    is_exhausted("items.all(i, text.matches('(.*a){50}' + string(i.n) + '|a'))", &many);
    is_exhausted("items.all(i, 'a'.matches('a' + '|' + string(i.n) + '|a'))", &many);
    ends(&format!("'a'.matches('{}')", "(".repeat(20_000)), &many);
    ends(&format!("'a'.matches('{}{}')", "(".repeat(20_000), ")".repeat(20_000)), &many);
    ends(&format!("'a'.matches('{}')", "a{1000}".repeat(1_000)), &many);
    ends(&format!("'a'.matches('{}')", "\\\\pL".repeat(10_000)), &many);
}

#[test]
fn what_is_deep_or_long_ends() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("!", ""), ("-", ""), ("{1: ", "}"), ("size(", ")"), ("a[", "]"), ("a ? b : ", "")]
    {
        ends(&format!("{}1{}", open.repeat(20_000), close.repeat(20_000)), &json!({}));
    }
    for chain in ["+ 1", ".a", "[0]", ".size()", "&& true", "|| true", ".map(x, x)", "== 1", ".?a", "? 1 : 2"] {
        ends(&format!("1{}", chain.repeat(20_000).chars().take(99_000).collect::<String>()), &json!({}));
    }
    ends(&"[1, 'a', {}, [], null, 1.5],".repeat(3_000), &json!({}));
    ends(&format!("[{}]", "1, ".repeat(30_000)), &json!({}));
    ends(&format!("[{}]", "[], ".repeat(20_000)), &json!({}));
    ends(&format!("[{}]", "{}, [x], ".repeat(10_000)), &json!({}));
    ends(&"a".repeat(200_000), &json!({}));
}

#[test]
fn types_that_double_are_found_out_in_time() {
    let doubled = (0..100).fold("1".to_owned(), |inner, _| format!("[{inner}].map(x, {{x: x}})[0]"));
    ends(&doubled, &json!({}));
    let doubled = (0..100).fold("[]".to_owned(), |inner, _| format!("[{inner}].map(x, {{x: x}})"));
    ends(&doubled, &json!({}));
}

#[test]
fn numbers_and_times_at_their_ends_are_no_panic() {
    for text in [
        "-9223372036854775808 / -1",
        "-9223372036854775808 % -1",
        "0 - -9223372036854775808",
        "1 << 2",
        "duration('-2562047h47m16.854775808s') - duration('1ns')",
        "-duration('1h')",
        "timestamp(-62135596800) - duration('1ns')",
        "timestamp(253402300799) + duration('1s')",
        "timestamp(9223372036854775807)",
        "timestamp(-9223372036854775808)",
        "timestamp(253402300799).getHours('+99:99')",
        "timestamp(-62135596800).getHours('-99:99')",
        "timestamp(-62135596800).getFullYear('America/New_York')",
        "timestamp(0).getHours('99999999999:1')",
        "[1][9223372036854775807]",
        "[1][-9223372036854775808]",
        "[1][18446744073709551615u]",
        "[1][1e300]",
        "'abc'.substring(9223372036854775807)",
        "'abc'.charAt(-9223372036854775808)",
        "'abc'.indexOf('b', 9223372036854775807)",
        "'abc'.lastIndexOf('b', 9223372036854775807)",
        "'abc'.split('', -9223372036854775808)",
        "'abc'.replace('a', 'b', -9223372036854775808)",
        "'%.1000f'.format([1e308])",
        "'%.1001f'.format([1])",
        "'%.99999999999999999999f'.format([1])",
        "int(1e300)",
        "uint(-1e300)",
        "int(0.0 / 0.0)",
        "string(-9223372036854775808)",
        "'é'.lastIndexOf('é', 0)",
        "'aé'.lastIndexOf('é', 0)",
        "'éé'.indexOf('é', 1)",
    ] {
        try_all(text);
        try_all(&format!("({text}) == 1"));
    }
}

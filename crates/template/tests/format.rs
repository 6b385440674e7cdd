//! Printing values.

#[path = "format/recorded.rs"]
mod recorded;

use std::fmt::Write;
use std::time::{Duration, Instant};

use cowherd_template::format::{Limit, MAX_SIZE, append, float, print, quote, sprint, sprintf, sprintln};
use cowherd_template::{MAX_DEPTH, Map, Text, Value};

/// Every line of the table is a call of Go's `fmt` or `strconv`, and what it gives.
#[test]
fn prints_what_go_prints() {
    let mut wrong = String::new();
    let mut rows = 0;
    for line in include_str!("data/format.jsonl").lines() {
        let row: Vec<serde_json::Value> = serde_json::from_str(line).expect("a row is a list");
        let (expected, call) = row.split_last().expect("a row ends with what is expected");
        let answer = recorded::answer(call);
        rows += 1;
        if Some(answer.as_str()) != expected.as_str() {
            writeln!(wrong, "{call:?}\n  expected {expected}\n  found    {answer:?}").expect("strings can be written");
        }
    }
    assert!(rows > 2000, "only {rows} rows");
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn appends_what_it_prints() {
    let values = [
        Value::Nil,
        Value::Bool(true),
        Value::Int(-3),
        Value::Float(1e6),
        Value::from("x"),
        Value::list([Value::Int(1), Value::Nil]),
    ];
    for value in values {
        let mut out = b"> ".to_vec();
        append(&value, &mut out).expect("small values can be printed");
        assert_eq!(String::from_utf8_lossy(&out), format!("> {}", print(&value)));
        assert_eq!(sprint(std::slice::from_ref(&value)).expect("small").to_str(), print(&value));
    }
}

#[test]
fn bytes_that_are_no_utf8_stay_what_they_are() {
    let text = Text::from_bytes(vec![b'a', 0xff]);
    let mut out = Vec::new();
    append(&Value::String(text.clone()), &mut out).expect("small values can be printed");
    assert_eq!(out, [b'a', 0xff]);
    let printed = sprintf(&Text::from("%s|"), &[Value::String(text)]).expect("small");
    assert_eq!(printed.as_bytes(), [b'a', 0xff, b'|']);
}

#[test]
fn a_value_that_holds_itself_is_refused() {
    let map = Map::new();
    map.insert("a", Value::Map(map.clone()));
    map.insert("b", Value::Map(map.clone()));
    let value = Value::Map(map.clone());
    assert_eq!(append(&value, &mut Vec::new()), Err(Limit::Depth));
    assert_eq!(sprint(std::slice::from_ref(&value)), Err(Limit::Depth));
    assert_eq!(sprintln(std::slice::from_ref(&value)), Err(Limit::Depth));
    for verb in ["%v", "%#v", "%d", "%q", "%z", "%w"] {
        assert_eq!(sprintf(&Text::from(verb), std::slice::from_ref(&value)), Err(Limit::Depth), "{verb}");
    }
    assert!(print(&value).starts_with("map[a:map[a:"), "messages show its beginning");
    map.remove("a");
    map.remove("b");
}

#[test]
fn what_is_nested_as_deep_as_allowed_is_printed() {
    let nested = |depth: usize| (0..depth).fold(Value::Int(1), |inner, _| Value::list([inner]));
    assert_eq!(print(&nested(MAX_DEPTH)), format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH)));
    assert_eq!(sprint(&[nested(MAX_DEPTH + 1)]), Err(Limit::Depth));
}

#[test]
fn what_prints_as_gigabytes_is_refused() {
    let doubled = (0..60).fold(Value::from("x".repeat(1 << 20)), |inner, _| Value::list([inner.clone(), inner]));
    assert_eq!(sprint(&[doubled]), Err(Limit::Size));
    let wide = Text::from("%1000000d".repeat(MAX_SIZE / 1_000_000 + 1));
    let operands = vec![Value::Int(1); MAX_SIZE / 1_000_000 + 1];
    assert_eq!(sprintf(&wide, &operands), Err(Limit::Size));
    let precise = Text::from("%.1000000f".repeat(MAX_SIZE / 1_000_000 + 1));
    let operands = vec![Value::Float(0.1); MAX_SIZE / 1_000_000 + 1];
    assert_eq!(sprintf(&precise, &operands), Err(Limit::Size));
}

#[test]
fn time_grows_with_the_format_alone() {
    for format in ["%[".repeat(500_000), "%[1]".repeat(250_000), "[%".repeat(500_000), "%1".repeat(500_000)] {
        let begun = Instant::now();
        let _ = sprintf(&Text::from(format.as_str()), &[Value::Int(1)]);
        assert!(begun.elapsed() < Duration::from_secs(5), "{}: {:?}", &format[..4], begun.elapsed());
    }
}

#[test]
fn literals_and_numbers_are_those_of_strconv() {
    assert_eq!(quote("a\t\"ä\"\u{200b}".as_bytes()), r#""a\t\"ä\"\u200b""#);
    assert_eq!(quote(b"\xff"), r#""\xff""#);
    assert_eq!(float(1e21, b'g', None), "1e+21");
    assert_eq!(float(0.00001, b'f', None), "0.00001");
    assert_eq!(float(2.5, b'f', Some(0)), "2");
    assert_eq!(float(1.0, b'e', Some(70_000)).len(), "1.e+00".len() + 70_000);
}

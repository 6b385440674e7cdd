//! Reading templates.

#[path = "parse/tree.rs"]
mod tree;

use std::fmt::Write;
use std::time::{Duration, Instant};

use cowherd_template::parse::{MAX_DEPTH, location, parse};

/// Every line of the table is a text, and what Go makes of it: trees with the place of every node, or an error.
#[test]
fn reads_and_refuses_what_go_reads_and_refuses() {
    let mut wrong = String::new();
    let mut rows = 0;
    for line in include_str!("data/parse.jsonl").lines() {
        let row: Vec<String> = serde_json::from_str(line).expect("a row is a list of strings");
        let (text, expected) = row.split_first().expect("a row begins with a text");
        let answer = tree::answer(text);
        rows += 1;
        if answer != expected {
            writeln!(wrong, "{text:?}\n  expected {expected:?}\n  found    {answer:?}")
                .expect("strings can be written");
        }
    }
    assert!(rows > 900, "only {rows} rows");
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn words_for_loops_are_functions_where_there_are_such_functions() {
    let as_function = |name: &str| name == "break";
    assert!(parse("t", "{{break 1 2}}", &as_function).is_ok());
    let error = parse("t", "{{continue 1}}", &as_function).expect_err("no function").to_string();
    assert_eq!(error, "template: t:1: unexpected \"1\" in {{continue}}");
}

#[test]
fn nesting_has_an_end() {
    let no_function = |_: &str| false;
    let cases = [
        ("{{", "(", "1", ")", "}}"),
        ("", "{{if 1}}", "x", "{{end}}", ""),
        ("", "{{with 1}}x{{else}}", "x", "{{end}}", ""),
        ("", "{{range 1}}", "{{break}}", "{{end}}", ""),
        ("{{if 1}}", "{{else if 2}}", "x", "", "{{end}}"),
        ("{{with 1}}", "{{else with 2}}", "x", "", "{{end}}"),
    ];
    for (start, open, inside, close, end) in cases {
        let nested = |depth: usize| [start, &open.repeat(depth), inside, &close.repeat(depth), end].concat();
        let fits = parse("t", &nested(MAX_DEPTH / 2 - 1), &no_function);
        let fits = fits.unwrap_or_else(|error| panic!("{open}: {error}"));
        assert!(fits.main.to_string().contains(inside), "{open}");
        let error = parse("t", &nested(200_000), &no_function).expect_err(open).to_string();
        assert!(error.contains("too deep") || error.contains("max expression depth exceeded"), "{open}: {error}");
    }
    let error = parse("t", &"{{block \"x\" 1}}".repeat(200_000), &no_function).expect_err("blocks").to_string();
    assert_eq!(error, "template: t:1: blocks are nested too deep: more than 1000 levels");
}

#[test]
fn time_grows_with_the_text_alone() {
    let declared = |count: usize| {
        (0..count).fold(String::new(), |mut text, index| {
            write!(text, "{{{{$v{index} := 1}}}}{{{{$v{index}}}}}{{{{$v0}}}}").expect("strings can be written");
            text
        })
    };
    let defined = |count: usize| {
        (0..count).fold(String::new(), |mut text, index| {
            write!(text, "{{{{define \"{index}\"}}}}{{{{end}}}}{{{{define \"{index}\"}}}}x{{{{end}}}}")
                .expect("strings can be written");
            text
        })
    };
    let texts = [
        declared(20_000),
        defined(20_000),
        "{{/* x */}} \n".repeat(100_000),
        "{{- 1 -}} \n".repeat(100_000),
        "{".repeat(1_000_000),
        format!("{{{{{}}}}}", " \n".repeat(500_000)),
        format!("{{{{1{}}}}}", ".a".repeat(500_000)),
        format!("{{{{{}}}}}", "1 | ".repeat(100_000)),
        format!("{{{{\"{}\"}}}}", "\\n".repeat(500_000)),
        format!("{{{{{}}}}}", "1".repeat(1_000_000)),
        format!("{{{{0x{}p1}}}}", "1".repeat(1_000_000)),
    ];
    for text in texts {
        let begun = Instant::now();
        let _ = parse("t", &text, &|_| false);
        let begins = text.chars().take(20).collect::<String>();
        assert!(begun.elapsed() < Duration::from_secs(5), "{begins}: {:?}", begun.elapsed());
    }
}

#[test]
fn positions_are_lines_and_columns_of_bytes() {
    let text = "ab\ncä{{.x}}\n";
    assert_eq!(location(text, 0), (1, 0));
    assert_eq!(location(text, 2), (1, 2));
    assert_eq!(location(text, 3), (2, 0));
    assert_eq!(location(text, text.find(".x").unwrap_or_default()), (2, 5));
    assert_eq!(location(text, text.len()), (3, 0));
    assert_eq!(location(text, 1000), (3, 0));
}

use serde_json::{Value, json};

use super::*;

fn values(expression: &str) -> Value {
    let mut values = Map::new();
    set(expression, &mut values).unwrap();
    Value::Object(values)
}

fn refused(expression: &str) -> String {
    set(expression, &mut Map::new()).unwrap_err().to_string()
}

#[test]
fn names_indexes_and_lists_lead_to_their_places() {
    assert_eq!(values("a=1,b.c=x,b.d=true,e=null"), json!({"a": 1, "b": {"c": "x", "d": true}, "e": null}));
    assert_eq!(values("a[1].b=x,a[0]=y"), json!({"a": ["y", {"b": "x"}]}));
    assert_eq!(values("a[0][1]=x"), json!({"a": [[null, "x"]]}));
    assert_eq!(values("a={x,1,},b={}"), json!({"a": ["x", 1, ""], "b": [""]}));
    assert_eq!(values(r"a\.b=x\,y,c=a\\b"), json!({"a.b": "x,y", "c": r"a\b"}));
    assert_eq!(
        values("a=007,b=0,c=-5,d=1.5,e=9223372036854775808"),
        json!({"a": "007", "b": 0, "c": -5, "d": "1.5", "e": "9223372036854775808"})
    );
    assert_eq!(values(""), json!({}));
    assert_eq!(values("a="), json!({"a": ""}));
    assert_eq!(values("a[0]="), json!({"a": [""]}));
}

#[test]
fn mistakes_are_said_as_helm_says_them() {
    assert_eq!(refused("a"), "key \"a\" has no value");
    assert_eq!(refused("a=1,b"), "key \"b\" has no value");
    assert_eq!(refused("a,b=1"), "key \"a\" has no value (cannot end with ,)");
    assert_eq!(refused("a.=1"), "key map \"a\" has no value");
    assert_eq!(refused("a={x"), "list must terminate with '}'");
    assert_eq!(refused("a[x]=1"), "error parsing index: strconv.Atoi: parsing \"x\": invalid syntax");
    assert_eq!(refused("a[-1]=1"), "negative -1 index not allowed");
    assert_eq!(refused("a[65537]=1"), "index of 65537 is greater than maximum supported index of 65536");
    assert_eq!(refused("a[0]x=1"), "unexpected data at end of array index: ['x']");
    assert_eq!(
        refused("a=1,a.b=2"),
        "unable to parse key: interface conversion: interface {} is int64, not map[string]interface {}"
    );
    assert_eq!(
        refused("a=x,a[0]=2"),
        "unable to parse key: interface conversion: interface {} is string, not []interface {}"
    );
}

#[test]
fn depth_is_limited() {
    let nested = |depth: usize| vec!["a"; depth].join(".") + "=1";
    assert!(set(&nested(31), &mut Map::new()).is_ok());
    assert!(refused(&nested(32)).ends_with("maximum supported nested level of 30"));
    assert!(refused(&("a".to_owned() + &"[0]".repeat(100_000) + "=1")).contains("nested level"));
    assert!(refused(&("a".to_owned() + &"[0].a".repeat(100_000) + "=1")).contains("nested level"));
}

#[test]
fn json_and_literals_are_taken_whole() {
    let mut values = Map::new();
    set_json(r#"a={"x":[1,"y"]},b = null,c=,d.e[0]=true"#, &mut values).unwrap();
    set_literal(r"f.g=x,y\z=1", &mut values).unwrap();
    let expected = json!({"a": {"x": [1.0, "y"]}, "b ": null, "c": null, "d": {"e": [true]}, "f": {"g": r"x,y\z=1"}});
    assert_eq!(Value::Object(values), expected);
    let error = set_json("a={\"secret\"", &mut Map::new()).unwrap_err().to_string();
    assert!(error.contains("\"a\"") && !error.contains("secret"), "{error}");
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    /// One step of a path.
    #[derive(Debug, Clone)]
    enum Step {
        Name(String),
        Index(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let name = "[a-z=,.{}\\[\\]\\\\ é]{1,6}".prop_map(Step::Name);
        let step = prop_oneof!["[a-z=,.{}\\[\\]\\\\ é]{1,6}".prop_map(Step::Name), (0usize..4).prop_map(Step::Index)];
        (name, prop::collection::vec(step, 0..6)).prop_map(|(first, rest)| [vec![first], rest].concat())
    }

    fn escape(text: &str) -> String {
        text.chars().flat_map(|c| ['\\', c]).collect()
    }

    fn expression(steps: &[Step], value: &str) -> String {
        let mut text = String::new();
        for (position, step) in steps.iter().enumerate() {
            match step {
                Step::Name(name) => {
                    let dot = if position > 0 { "." } else { "" };
                    text += &format!("{dot}{}", escape(name));
                }
                Step::Index(index) => text += &format!("[{index}]"),
            }
        }
        text + "=" + &escape(value)
    }

    fn nested(steps: &[Step], value: &str) -> Value {
        match steps.split_first() {
            None => Value::from(value),
            Some((Step::Name(name), rest)) => json!({ name: nested(rest, value) }),
            Some((Step::Index(index), rest)) => {
                let mut list = vec![Value::Null; *index];
                list.push(nested(rest, value));
                Value::Array(list)
            }
        }
    }

    proptest! {
        #[test]
        fn an_escaped_path_leads_to_its_value(steps in steps(), value in "[a-z{},= ]{1,8}") {
            prop_assume!(!value.starts_with('{'));
            let mut found = Map::new();
            set_string(&expression(&steps, &value), &mut found).unwrap();
            prop_assert_eq!(Value::Object(found), nested(&steps, &value));
        }

        #[test]
        fn no_expression_makes_it_panic(expression in "[a{}\\[\\]=,.\\\\0-9\" -]{0,40}") {
            let _ = set(&expression, &mut Map::new());
            let _ = set_json(&expression, &mut Map::new());
            let _ = set_literal(&expression, &mut Map::new());
        }

        #[test]
        fn the_later_of_two_assignments_wins(key in "[a-z]{1,4}", first in "[a-z]{1,4}", second in "[a-z]{1,4}") {
            let both = format!("{key}={first},{key}={second}");
            let mut values = Map::new();
            set_string(&both, &mut values).unwrap();
            prop_assert_eq!(&values[&key], &Value::from(second));
        }
    }
}

#[test]
fn few_letters_make_no_more_items_than_a_list_may_have_in_all() {
    let of = |count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("a{number}[65535]=1")).collect();
        set(&names.join(","), &mut Map::new())
    };
    assert_eq!(of(15), Ok(()));
    assert_eq!(of(16), Err(SetError::TooMany { limit: MAX_ITEMS }));
    let nested = format!("a{}=1", "[65535]".repeat(50));
    assert_eq!(set(&nested, &mut Map::new()), Err(SetError::TooMany { limit: MAX_ITEMS }));
    let (room, mut values) = (Room::default(), Map::new());
    for number in 0..15 {
        assert_eq!(set_within(&format!("b{number}[65535]=1"), &mut values, &room), Ok(()));
    }
    assert_eq!(set_string_within("c[65535]=1", &mut values, &room), Err(SetError::TooMany { limit: MAX_ITEMS }));
}

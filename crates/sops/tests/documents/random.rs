//! Documents at random, the same each time.

use serde_json::{Map, Value, json};

use super::{Case, case};

/// Numbers that look random (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn text(&mut self) -> String {
        const PIECES: &[&str] = &[
            "a",
            "word",
            " ",
            "\n",
            ":",
            "#",
            "-",
            "1",
            "0x",
            "true",
            "null",
            "\"",
            "'",
            "\\",
            "{",
            "[",
            ",",
            "&",
            "*",
            "!",
            "%",
            "@",
            "`",
            "~",
            "=",
            ".",
            "\t",
            "\u{fc}",
            "\u{4e2d}",
            "\u{1F600}",
            "  ",
            "\n\n",
            "---",
            "e5",
            "_",
            ">",
            "|",
            "?",
            "/",
        ];
        (0..self.roll(6)).map(|_| PIECES[self.roll(PIECES.len() as u64) as usize]).collect()
    }

    fn scalar(&mut self) -> Value {
        match self.roll(8) {
            0 => Value::Null,
            1 => (self.roll(2) == 0).into(),
            2 => (self.roll(1 << 40) as i64 - (1 << 39)).into(),
            3 => json!((self.roll(1 << 30) as f64 - 5e8) / 10f64.powi(self.roll(20) as i32 - 4)),
            _ => self.text().into(),
        }
    }

    fn value(&mut self, depth: u64) -> Value {
        match self.roll(if depth > 3 { 3 } else { 6 }) {
            3 => (0..self.roll(4)).map(|_| self.value(depth + 1)).collect(),
            4 | 5 => self.map(depth + 1).into(),
            _ => self.scalar(),
        }
    }

    fn map(&mut self, depth: u64) -> Map<String, Value> {
        (0..1 + self.roll(4))
            .map(|index| {
                let name = if self.roll(3) == 0 { self.text().replace('\n', "") } else { String::new() };
                (format!("k{index}{name}"), self.value(depth))
            })
            .collect()
    }
}

pub fn documents() -> Vec<Case> {
    let mut dice = Dice(0x5eed_1234_5678_9abc);
    let mut cases = Vec::new();
    for index in 0..60 {
        let map = Value::Object(dice.map(0));
        cases.push(case(&format!("random {index}"), "json", map.to_string()));
        // JSON is YAML.
        cases.push(case(&format!("random {index}"), "yaml", map.to_string()));
    }
    for index in 0..15 {
        let lines: String =
            (0..1 + dice.roll(6)).map(|line| format!("K{line}={}\n", dice.text().replace('\n', "\\n"))).collect();
        cases.push(case(&format!("random {index}"), "dotenv", lines));
    }
    cases
}

//! The documents that sops is asked to encrypt.

mod random;

/// Public and private keys that mean nothing to anybody.
pub const KEYS: &[(&str, &str)] = &[
    (
        "age13679qryjnu6qgdvyctfuq3hmvh8hccgmwgkv6du8tu06fux4qftqqxk56d",
        "AGE-SECRET-KEY-1HL53WDFFPTQ590H4JSZYXSDWCS9XRFU4LCU4EDYG0MJ974EHKP9S3PQ8MU",
    ),
    (
        "age1sqzc20kernxrl9y5ug70aa7ytetdgk066x94l3lgdfmj79xqd59qrkt0jc",
        "AGE-SECRET-KEY-1RHZF4GKUDD4AND894C9A9AHN03TYVQXW4GTCAUV8X80S79PDGWFS2A9DDG",
    ),
    (
        "age1jwaxnwmnn8qy9npt6fka2gtntgf786p8uxlzzwaujfjlu8eltc9q38wt5g",
        "AGE-SECRET-KEY-1WFZD4UAJPK059WLCQGUXVP622NU5WU2E25UUYYAPZST8Q0HK9F8Q65XLS4",
    ),
];

/// Fingerprints and private keys of OpenPGP, of RSA and Curve25519.
pub const OPEN_PGP: &[(&str, &str)] = &[
    ("AB4729BE8BD47CBB9BA8526A749A989CEFC956A4", include_str!("rsa.asc")),
    ("398AB3B5179B1717EE2681F50E687158F6E7209F", include_str!("curve25519.asc")),
];

/// A document, how it is encrypted and in which formats it is wanted.
pub struct Case {
    pub name: String,
    pub from: &'static str,
    pub text: Vec<u8>,
    /// What `.sops.yaml` says; otherwise it is encrypted for the first key.
    pub config: Option<String>,
    pub to: &'static [&'static str],
}

fn case(name: &str, from: &'static str, text: impl AsRef<[u8]>) -> Case {
    let to: &'static [&'static str] = match from {
        "yaml" => &["yaml", "json"],
        "json" => &["json", "yaml"],
        "dotenv" => &["dotenv", "json", "yaml"],
        "ini" => &["ini", "json"],
        _ => &["binary", "json"],
    };
    Case { name: name.to_owned(), from, text: text.as_ref().to_vec(), config: None, to }
}

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: web\n  namespace: apps\ntype: Opaque\nstringData:\n  \
                      password: correct horse\n  url: https://user:pass@db/app?x=1&y=<2>\n";

const TYPES: &str = "text: x\nempty: \"\"\nnull_value: null\ntilde: ~\nint: 42\nnegative: -7\nbig: 9223372036854775807\nhex: 0x1F\n\
                     octal: 0o17\nfloat: 1.5\nwhole_float: 3.0\nsmall: 0.00001234\nlarge: 1.5e+30\nmillion: 1234567.5\ntrue_value: true\n\
                     false_value: False\nyes_value: yes\ndate: 2001-12-14\ntime: 2001-12-14T21:59:43.10-05:00\nquoted_number: \"42\"\n\
                     quoted_bool: 'true'\nmulti: |\n  one\n    two\n\n  three\nfolded: >-\n  a b\n  c\nkeep: |+\n  x\n\n\
                     unicode: \"gr\u{fc}n \u{1F600}\"\ncontrol: \"a\\tb\\x01\"\nleading: \"  x\"\ntrailing: \"x  \"\ncolon: \"a: b\"\n\
                     hash: \"a #b\"\nlist: [1, two, 3.5, true, null, \"\"]\nempty_list: []\nempty_map: {}\n\
                     nested:\n  a:\n    - b: c\n      d:\n        e: f\n    - - x\n      - y\n    - |\n      text\n      more\n";

const COMMENTS: &str = "# at the top\n\n# before a\na: 1 # behind a\n# before b\nb:\n  # inside b\n  c: x # behind c\n  # after c\n\
                        list:\n  # before the first\n  - one # behind one\n  - two\n  # after two\n# at the end\n";

/// All of them.
pub fn all() -> Vec<Case> {
    let mut cases = plain();
    cases.extend(rules());
    cases.extend(recipients());
    cases.extend(random::documents());
    cases
}

fn plain() -> Vec<Case> {
    vec![
        case("secret", "yaml", SECRET),
        case("types", "yaml", TYPES),
        case("comments", "yaml", COMMENTS),
        case("documents", "yaml", "a: 1\n---\nb: x\nc: [1, 2]\n---\nd: {e: f}\n"),
        case("one key", "yaml", "a: b\n"),
        case("anchors", "yaml", "a: &x {b: c}\nd: *x\n"),
        case("keys", "yaml", "\"a b\": 1\n\"true\": 2\n\"1\": 3\n\"a:b\": 4\n\"\": 5\n\"#\": 6\n"),
        case(
            "types",
            "json",
            "{\"text\": \"x\", \"empty\": \"\", \"null\": null, \"int\": 42, \"big\": 9223372036854775807, \"huge\": 1e20, \
             \"float\": 1.5, \"whole\": 3.0, \"small\": 1.234e-9, \"large\": 1e25, \"yes\": true, \"no\": false, \"html\": \"<a&b>\", \
             \"line\": \"a\\nb\\u2028c\\u0007\", \"list\": [1, \"a\", null, [], {}], \"map\": {\"z\": 1, \"a\": {\"b\": \"c\"}}, \"none\": {}}",
        ),
        case("one key", "json", "{\"a\": \"b\"}"),
        case(
            "dockerconfig",
            "json",
            "{\"auths\":{\"ghcr.io\":{\"username\":\"u\",\"password\":\"p\",\"auth\":\"dTpw\"}}}",
        ),
        case("variables", "dotenv", "# all\nA=1\nB=two words\nC=\nD=a=b\nE=\"quoted\"\nF=a\\nb\n\n# last\nG= x \n"),
        case("one variable", "dotenv", "KEY=value\n"),
        case("binary", "binary", [0, 159, 146, 150, 255, 10, 13, 0]),
        case("text", "binary", "line one\nline two\n"),
        case("empty", "binary", ""),
        case(
            "sections",
            "ini",
            "; about it\n[one]\nkey = value\n; before\nother = a b\n\n[two]\nempty =\nnumber = 12\nquoted = `a;b`\n",
        ),
        case("one section", "ini", "[a]\nb = c\n"),
        case("default section", "ini", "x = y\n[a]\nb = c\n"),
    ]
}

fn rules() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, rule: &str, text: &str| {
        let config = |more: &str| {
            let rule = if rule.is_empty() { String::new() } else { format!("    {rule}\n") };
            Some(format!("creation_rules:\n  - age: {}\n{rule}{more}", KEYS[0].0))
        };
        cases.push(Case { config: config(""), ..case(name, "yaml", text) });
        let name = format!("{name}, code of what is encrypted");
        cases.push(Case { config: config("    mac_only_encrypted: true\n"), ..case(&name, "yaml", text) });
    };
    let text = "a: 1\nb_unencrypted:\n  c: 2\n  d: [3, x]\nb_secret: y\npublic:\n  data: z\n  other: 1.0\n  when: 2001-01-01\n";
    add("default suffix", "", text);
    add("unencrypted suffix", "unencrypted_suffix: '_secret'", text);
    add("encrypted suffix", "encrypted_suffix: '_secret'", text);
    add("encrypted regex", "encrypted_regex: '^(data|stringData)$'", SECRET);
    add("encrypted regex below", "encrypted_regex: '^(data|stringData)$'", text);
    add("unencrypted regex", "unencrypted_regex: '^(apiVersion|metadata|kind|type)$'", SECRET);
    let comments = "# secret\na: 1\nb: 2\n# public\nc:\n  d: x\n  # secret\n  e: y # secret behind\n  f: z\nlist:\n  # secret\n  - a\n  - b\n";
    add("encrypted comment", "encrypted_comment_regex: '^ secret'", comments);
    add("unencrypted comment", "unencrypted_comment_regex: '^ public'", comments);
    cases
}

fn recipients() -> Vec<Case> {
    let config = |text: String| Some(format!("creation_rules:\n  - {text}\n"));
    let all: Vec<&str> = KEYS.iter().map(|(public, _)| *public).collect();
    let groups = |threshold: usize, groups: &[&[&str]]| {
        let groups: String = groups.iter().map(|group| format!("      - age: [{}]\n", group.join(", "))).collect();
        config(format!("shamir_threshold: {threshold}\n    key_groups:\n{groups}"))
    };
    let mut cases = Vec::new();
    for (name, config) in [
        ("three recipients", config(format!("age: {}", all.join(",")))),
        ("two of three groups", groups(2, &[&[all[0]], &[all[1]], &[all[2]]])),
        ("all of three groups", groups(3, &[&[all[0]], &[all[1]], &[all[2]]])),
        ("two groups of several", groups(2, &[&[all[0], all[1]], &[all[2]]])),
        (
            "a group that nobody here opens",
            groups(2, &[&[all[0]], &["age1vx5j93lklca0uatt4kcssvhgp7x7m0gtzucv4qz7xjjzd8vrvczs3k49h4"], &[all[2]]]),
        ),
        ("RSA", config(format!("pgp: {}", OPEN_PGP[0].0))),
        ("Curve25519", config(format!("pgp: {}", OPEN_PGP[1].0))),
        (
            "both, and age",
            config(format!(
                "pgp: {},{}
    age: {}",
                OPEN_PGP[0].0, OPEN_PGP[1].0, "age1vx5j93lklca0uatt4kcssvhgp7x7m0gtzucv4qz7xjjzd8vrvczs3k49h4"
            )),
        ),
        (
            "a recipient that nobody here is",
            config(format!("age: age1vx5j93lklca0uatt4kcssvhgp7x7m0gtzucv4qz7xjjzd8vrvczs3k49h4,{}", all[1])),
        ),
    ] {
        cases.push(Case { config: config.clone(), ..case(name, "yaml", SECRET) });
        cases.push(Case { config: config.clone(), ..case(name, "json", "{\"a\": \"b\"}") });
        cases.push(Case { config: config.clone(), ..case(name, "dotenv", "A=b\n") });
        cases.push(Case { config, ..case(name, "ini", "[a]\nb = c\n") });
    }
    cases
}

//! Bodies that are small and mean a lot: aliases of aliases, deep nesting, huge numbers, keys without end.

use anyhow::Result;

use crate::stage::ask::ask;
use crate::stage::{CONFIG_MAPS, Limits, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "yaml-bombs",
    about: "bodies of aliases of aliases, deep nesting, huge numbers and endless keys, as YAML, JSON and protobuf",
    budget: Budget::USUAL.with_memory(384),
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let tenant = stage.people().tenant;
    let laughs: String =
        (1..12).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(","))).collect();
    let head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb}\n";
    let merges: String =
        (1..24).map(|n| format!("m{n}: &m{n} {{<<: [*m{0}, *m{0}, *m{0}], k{n}: 1}}\n", n - 1)).collect();
    let bodies = [
        format!("a0: &a0 ha\n{laughs}{head}"),
        format!("m0: &m0 {{k: 1}}\n{merges}{head}"),
        format!("{head}data: {}", "{a: ".repeat(300_000)),
        format!("{head}data: {}", "[".repeat(1_000_000)),
        format!("{head}data: {}", "- ".repeat(500_000)),
        format!(
            "{head}data:\n  a: 1e{}\n  b: {}\n  c: 0x{}\n",
            "9".repeat(500_000),
            "9".repeat(500_000),
            "f".repeat(500_000)
        ),
        format!("{head}data: {{a: \"{}\"}}", "\\U0010ffff".repeat(300_000)),
        format!("{head}? {}", "? ".repeat(500_000)),
        format!("{head}data: &a {{b: *a}}\n"),
        format!("{head}data: {{a: |99999999999999999999\n x}}\n"),
        format!("%YAML {}.1\n---\n{head}", "1".repeat(100_000)),
        "---\n".repeat(500_000),
        "&a ".repeat(500_000),
        "!!binary ".repeat(300_000),
    ];
    for body in bodies {
        for kind in ["application/yaml", "application/json"] {
            let answer = ask(&tenant, "POST", CONFIG_MAPS, kind, body.clone().into_bytes()).await?;
            holds((400..500).contains(&answer.code), (answer.code, kind, body.get(body.len() - 40..), body.get(..90)))?;
            holds(answer.size < 64 * 1024, answer.size)?;
        }
        let path = format!("{CONFIG_MAPS}/bomb?fieldManager=attacker");
        let answer = ask(&tenant, "PATCH", &path, "application/apply-patch+yaml", body.into_bytes()).await?;
        holds((400..500).contains(&answer.code), answer.code)?;
    }
    // What protobuf says of its own length is not to be believed.
    for (length, depth) in [(0x7f, 1), (0xff, 1000), (0x08, 100_000)] {
        let mut body = b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12".to_vec();
        body.extend([0xff, 0xff, 0xff, 0xff, 0x0f]);
        body.extend([0x0a, length].repeat(depth));
        let answer = ask(&tenant, "POST", CONFIG_MAPS, "application/vnd.kubernetes.protobuf", body).await?;
        holds((400..500).contains(&answer.code), answer.code)?;
    }
    Ok(())
}

//! Documents of three megabytes whose values take a hundred times as much, many at a time, and those that are nested deeply.

use anyhow::Result;
use futures::future::try_join_all;

use crate::stage::ask::{ask, get};
use crate::stage::{CONFIG_MAPS, Limits, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "dense-documents",
    about: "bodies of 400,000 tiny maps in JSON, YAML and protobuf, many at a time, and as deep as they can be",
    budget: Budget::USUAL.with_memory(768),
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let tenant = &stage.people().tenant;
    let count = stage.pick(100_000, 390_000);
    let json = format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","x":[{}0]}}"#, r#"{"":1},"#.repeat(count));
    let yaml = format!("apiVersion: v1\nkind: ConfigMap\nx: [{}0]\n", "{a: 1},".repeat(count));
    // A Pod's containers' ports, each with one number.
    let mut protobuf = b"k8s\0\x0a\x09\x0a\x02v1\x12\x03Pod\x12".to_vec();
    let ports = [0x32, 0x02, 0x18, 0x01].repeat(count);
    let containers = [vec![0x12], varint(ports.len()), ports].concat();
    let spec = [vec![0x12], varint(containers.len()), containers].concat();
    protobuf.extend([varint(spec.len()), spec].concat());
    let deep =
        format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","x":{}1{}}}"#, r#"{"a":"#.repeat(110), "}".repeat(110));
    let pods = "/api/v1/namespaces/tenant/pods";
    let one = format!("{CONFIG_MAPS}/kube-root-ca.crt");
    for (method, path, kind, body) in [
        ("POST", CONFIG_MAPS, "application/json", json.as_bytes()),
        ("PATCH", one.as_str(), "application/merge-patch+json", json.as_bytes()),
        ("POST", CONFIG_MAPS, "application/yaml", yaml.as_bytes()),
        ("POST", pods, "application/vnd.kubernetes.protobuf", &protobuf),
        ("POST", CONFIG_MAPS, "application/json", deep.as_bytes()),
    ] {
        let asked = (0..stage.pick(4, 16)).map(|_| ask(tenant, method, path, kind, body.to_vec()));
        for answer in try_join_all(asked).await? {
            holds((400..500).contains(&answer.code), (answer.code, method, kind, answer.message()))?;
            holds(answer.size < 64 * 1024, answer.size)?;
        }
    }
    get(tenant, CONFIG_MAPS).await?.expect(200)?;
    Ok(())
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

//! What CustomResourceDefinitions cost: to make, to keep, to describe. One more must cost the same, however many there are.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use kube::Client;
use serde_json::{Value, json};

use crate::program::Program;
use crate::table::{Table, mebibytes, seconds};

/// How many definitions there are, at each of the sizes.
const SIZES: [usize; 3] = [150, 500, 1500];
/// The bytes of a definition's schema, roughly.
const SCHEMA: usize = 64 * 1024;
/// How many requests are under way at a time.
const AT_ONCE: usize = 8;
/// After what time the memory of a document that was made is given back.
const SETTLE: Duration = Duration::from_secs(5);

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// Makes definitions in a new control plane, more each time, and asks for what describes them.
pub async fn measure(program: &Path, table: &mut Table) -> Result<()> {
    let directory = tempfile::tempdir()?;
    for count in SIZES {
        let mut server = Program::start(program, &directory.path().join(count.to_string()), &["server"])?;
        let client = server.ready().await?;
        let largest = count == SIZES.iter().copied().max().unwrap_or_default();
        let target = |text: &str| if largest { text.to_owned() } else { "measured".to_owned() };
        let what = format!("{count} definitions of 64 KiB");

        let begin = Instant::now();
        let made = stream::iter(0..count).map(|number| make(&client, number)).buffer_unordered(AT_ONCE);
        made.try_collect::<Vec<()>>().await?;
        table.add(format!("{what}, all made and served"), seconds(begin.elapsed()), target("under 5 s"));
        let memory = format!("{}, {} at most", mebibytes(server.resident()?), mebibytes(server.peak()?));
        table.add(format!("{what}: resident memory"), memory, target("under 250 MiB"));

        let begin = Instant::now();
        make(&client, count).await?;
        table.add(format!("{what}: one more"), seconds(begin.elapsed()), "the same at each size");
        let documents =
            [(count + 1, "/openapi/v3", "the index of OpenAPI v3"), (count + 2, "/openapi/v2", "OpenAPI v2")];
        for (more, path, name) in documents {
            let (first, size) = ask(&client, path).await?;
            let (again, _) = ask(&client, path).await?;
            make(&client, more).await?;
            let (changed, _) = ask(&client, path).await?;
            let size = mebibytes(u64::try_from(size)? / 1024);
            let times = format!("{}; again {}; after one more {}", seconds(first), seconds(again), seconds(changed));
            table.add(format!("{what}: {name}"), format!("{size}: {times}"), "measured");
        }
        let at_most = mebibytes(server.peak()?);
        tokio::time::sleep(SETTLE).await;
        let memory = format!("{}, {at_most} at most", mebibytes(server.resident()?));
        table.add(format!("{what}: resident memory after that"), memory, "measured");
    }
    Ok(())
}

async fn ask(client: &Client, path: &str) -> Result<(Duration, usize)> {
    let begin = Instant::now();
    let text = client.request_text(http::Request::get(path).body(Vec::new())?).await?;
    Ok((begin.elapsed(), text.len()))
}

/// Makes a definition, and checks that its objects are served.
async fn make(client: &Client, number: usize) -> Result<()> {
    let body = serde_json::to_vec(&definition(number))?;
    let request = http::Request::post(DEFINITIONS).header("content-type", "application/json");
    let made: Value = client.request(request.body(body)?).await?;
    ensure!(made["status"]["conditions"][1]["status"] == "True", "not established: {}", made["status"]);
    let objects = format!("/apis/{}/v1/k{number}s", group(number));
    client.request_text(http::Request::get(objects).body(Vec::new())?).await?;
    Ok(())
}

fn group(number: usize) -> String {
    format!("g{}.example.org", number / 10)
}

/// A definition as operators have them: nested objects with fields of a few types, and words for each.
fn definition(number: usize) -> Value {
    let words = |field: usize| {
        format!("What field {field} of resource {number} is for, in which unit, and what happens without it.")
    };
    let mut properties = serde_json::Map::new();
    let (mut size, mut part) = (0, 0);
    while size < SCHEMA {
        let fields = (0..8).map(|field| {
            let kind = match field % 4 {
                0 => json!({"type": "string", "description": words(field), "maxLength": 200 + part}),
                1 => json!({"type": "integer", "format": "int64", "description": words(field), "minimum": part}),
                2 => json!({"type": "boolean", "description": words(field), "default": false}),
                _ => json!({"type": "array", "description": words(field), "items": {"type": "string"}}),
            };
            (format!("field{part}x{field}"), kind)
        });
        let fields: serde_json::Map<String, Value> = fields.collect();
        let object = json!({"type": "object", "description": words(part), "properties": fields});
        size += object.to_string().len();
        properties.insert(format!("part{part}"), object);
        part += 1;
    }
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}});
    let plural = format!("k{number}s");
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{}", group(number))},
        "spec": {
            "group": group(number), "scope": "Cluster", "names": {"plural": plural, "kind": format!("K{number}")},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
                "subresources": {"status": {}},
            }],
        },
    })
}

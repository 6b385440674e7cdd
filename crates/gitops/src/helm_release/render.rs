//! A chart and values to what Helm keeps of a revision: its manifests, with all that the spec adds to them, and its hooks.

use std::sync::Arc;
use std::time::Duration;

use cowherd_apply::mask::Mask;
use cowherd_helm::engine::{GoTemplates, Lookup};
use cowherd_helm::release::record::Record;
use cowherd_helm::{Capabilities, Chart, Release, Request};
use jiff::Timestamp;
use kube::Client;
use serde_json::{Map, Value};

use super::capabilities::InCluster;
use super::noting::Noting;
use super::post_render::PostRender;
use crate::delivery::Context;
use crate::target::Target;

/// How long all lookups of a render in another cluster may take together: a thread waits for them.
const LONGEST_LOOKUPS: Duration = Duration::from_secs(30);

/// A revision that is to be rendered.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) chart: Chart,
    pub(super) values: Map<String, Value>,
    pub(super) release: Release,
    pub(super) capabilities: Capabilities,
    pub(super) skips_schema: bool,
    pub(super) post_render: PostRender,
}

/// Renders the revision of an owner in `namespace`, on a thread of its own. Templates see the cluster as the client does. With it
/// comes what must not be shown of what they looked up there.
///
/// # Errors
/// What is wrong with the chart or the values, in Helm's words, without what was looked up of Secrets.
pub(super) async fn render(
    context: &Arc<Context>,
    (target, client): (&Target, &Client),
    namespace: &str,
    wanted: Wanted,
) -> Result<(Record, Mask), String> {
    let permit = target.renders.acquire(namespace).await;
    let within = target.remote.is_some().then_some(LONGEST_LOOKUPS);
    let (lookup, now) = (Noting::new(InCluster::new(client.clone(), within)), Timestamp::now());
    // What is random is so each time, and nobody can guess it who has not the seed.
    let mut seed = context.seed.to_vec();
    seed.extend(
        format!("{}/{} {} {now}", wanted.release.namespace, wanted.release.name, wanted.release.revision).into_bytes(),
    );
    let span = tracing::Span::current();
    context.counters.rendered();
    // Whoever stops waiting for it does not end it: it has the permit for as long as it runs.
    let step = move || {
        let record = span.in_scope(|| record(wanted, now, &seed, &lookup));
        drop(permit);
        record.map(|record| (record, lookup.mask())).map_err(|error| lookup.told(&error))
    };
    let rendered = tokio::task::spawn_blocking(step).await;
    rendered.unwrap_or_else(|error| {
        tracing::error!(error = cowherd_runtime::broken_off(error), "a render broke off");
        context.measures.of(super::KIND.kind).reconciler.panicked();
        Err("the render broke off; this is a bug in cowherd".to_owned())
    })
}

/// Renders the revision. Blocks the thread.
pub(super) fn record(wanted: Wanted, now: Timestamp, seed: &[u8], lookup: &impl Lookup) -> Result<Record, String> {
    let Wanted { chart, values, release, capabilities, skips_schema, post_render } = wanted;
    let request = Request {
        release: release.clone(),
        values: values.clone(),
        capabilities,
        skip_schema_validation: skips_schema,
        ..Request::default()
    };
    let mut engine = GoTemplates::new(now, seed).with_lookup(lookup);
    let mut output = cowherd_helm::render(chart, &request, &mut engine).map_err(|error| error.to_string())?;
    post_render.run(&mut output)?;
    Ok(Record::of(&output, &release, values))
}

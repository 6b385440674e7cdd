//! Makes the manifests of an owner, and has fetched what that finds missing.

use std::sync::{Arc, PoisonError};

use cowherd_render::Helm;

use super::Context;
use super::failure::Failure;
use super::fetching::fetch_all;
use super::job::Job;
use crate::budgets::Permit;
use crate::owner::{Owner, OwnerName, Settings};
use crate::producer::{Outcome, Prepared, Preparing, ProducerError, Product, Render, Step};
use crate::remotes::Brought;
use crate::source::Artifact;
use crate::target::Target;

/// The manifests, from an earlier render where that still holds and nobody asked for another one (`anew`), and the permit to
/// apply them. None is held while something is fetched.
pub(super) async fn produce(
    context: &Context,
    target: &Target,
    job: &Job,
    prepared: &Prepared,
    anew: bool,
    mut permit: Permit,
) -> Result<(Permit, Product), Failure> {
    let render = Arc::new(rendering(context, job, prepared));
    let mut brought = Brought::default();
    loop {
        let made = in_a_thread(context, render.clone(), anew, brought).await;
        let (step, now) = made.inspect_err(|_| context.measures.of(job.name.kind.kind).reconciler.panicked())?;
        brought = now;
        match step {
            Step::Done(product, inputs) => {
                *job.inputs.lock().unwrap_or_else(PoisonError::into_inner) = Some(inputs);
                return product.map(|product| (permit, product)).map_err(Failure::Produce);
            }
            Step::Needs(missing) => {
                drop(permit);
                let namespace = &job.name.namespace;
                if !fetch_all(context, namespace, &render.access, missing, &mut brought, job.cancelled()).await {
                    return Err(Failure::Superseded);
                }
                permit = target.applies.acquire(namespace).await;
                job.give_way()?;
            }
        }
    }
}

/// One step of a render. It fails for bugs alone.
async fn in_a_thread(
    context: &Context,
    render: Arc<Render>,
    anew: bool,
    mut brought: Brought,
) -> Result<(Step, Brought), Failure> {
    let permit = context.renders.acquire(&render.owner.namespace).await;
    let span = tracing::Span::current();
    // Whoever stops waiting for it does not end it: it has the permit for as long as it runs.
    let step = move || {
        let step = span.in_scope(|| render.step(anew, &mut brought));
        drop(permit);
        (step, brought)
    };
    let done = tokio::task::spawn_blocking(step).await;
    done.map_err(|error| Failure::Produce(Arc::new(ProducerError::broken(error))))
}

fn rendering(context: &Context, job: &Job, prepared: &Prepared) -> Render {
    Render {
        owner: job.name.clone(),
        revision: job.artifact.revision.clone(),
        tree: job.artifact.tree.clone(),
        production: prepared.production.clone(),
        access: context.policy.of_owner(&job.name, &job.artifact),
        helm: helm(&context.seed, &job.owner),
        counters: context.counters.clone(),
        kept: context.kept.clone(),
        failed: context.failed.clone(),
    }
}

/// What the charts of an owner are given, by the seed of the agents: the same for as long as it is there.
pub(super) fn helm(seed: &[u8], owner: &Owner) -> Helm {
    let mut seed = seed.to_vec();
    seed.extend_from_slice(owner.name.to_string().as_bytes());
    Helm { time: owner.created(), seed }
}

/// What another owner describes in the content of its source, if that can be told before the job has to give way.
pub(super) async fn produce_for_another(
    context: &Context,
    job: &Job,
    another: &OwnerName,
    settings: &Settings,
    content: &Artifact,
) -> Option<Product> {
    let prepared = settings.producer.prepare(Preparing::without_target(&context.client, &context.policy.decryption));
    let prepared = prepared.await.ok()?;
    let access = context.policy.of_owner(another, content);
    let mut brought = Brought::default();
    loop {
        let (tree, production) = (content.tree.clone(), prepared.production.clone());
        let permit = context.renders.acquire(&another.namespace).await;
        let step = move || {
            // The names of objects do not depend on what a chart makes up by chance.
            let outcome = production.produce(tree.as_ref(), &Helm::default(), &mut brought);
            drop(permit);
            (outcome, brought)
        };
        let (outcome, now) = tokio::task::spawn_blocking(step).await.ok()?;
        brought = now;
        match outcome {
            Outcome::Done(product, _) => {
                let mut product = product.ok()?;
                product.mask.join(&prepared.mask);
                return Some(product);
            }
            Outcome::Needs(missing) => {
                if !fetch_all(context, &another.namespace, &access, missing, &mut brought, job.cancelled()).await {
                    return None;
                }
            }
        }
    }
}

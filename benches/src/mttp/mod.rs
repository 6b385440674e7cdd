//! The benchmark by which Flux says its mean time to production, made again: packages lie in a registry, a hundred to a
//! thousand apps each have a source and an owner of their own; how long until all of them run the first version, how long
//! until all run the next, and the most memory that took.
//!
//! An app is what it is there: a Deployment scaled to zero, a ServiceAccount, a Service and an Ingress.

mod cluster;
mod keeper;
mod packages;

use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use crate::table::{Table, mebibytes, seconds};
use cluster::Cluster;
use keeper::Keeper;
use packages::{FIRST, Packages, SECOND};

/// How many apps there are.
const COUNTS: [usize; 3] = [100, 500, 1_000];

/// How an app comes from the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// An OCIRepository and a Kustomization.
    Kustomization,
    /// A HelmChart and a HelmRelease.
    HelmRelease,
}

/// Measures the program alone, and where a kubeconfig leads to a cluster its agent there, beside Flux's own controllers where a
/// directory has them.
pub async fn measure(program: &Path, peer: Option<&Path>, flux: Option<&Path>, table: &mut Table) -> Result<()> {
    let packages = Packages::push()?;
    for way in [Way::Kustomization, Way::HelmRelease] {
        for count in COUNTS {
            run(&mut Keeper::alone(program).await?, &packages, way, count, table).await?;
            let Some(peer) = peer else { continue };
            run(&mut Keeper::agent(program, peer).await?, &packages, way, count, table).await?;
            if let Some(flux) = flux
                && let Some(mut flux) = Keeper::flux(flux, peer, way)?
            {
                run(&mut flux, &packages, way, count, table).await?;
            }
        }
    }
    Ok(())
}

async fn run(keeper: &mut Keeper, packages: &Packages, way: Way, count: usize, table: &mut Table) -> Result<()> {
    let cluster = Cluster::new(keeper.client().await?, way);
    cluster.prepare(packages).await?;
    let what = |done: &str| format!("{count} {}, {}: {done}", way.kinds(), keeper.name());
    let target = |time: &'static str| if count == 1_000 { time } else { "measured" };

    let begin = Instant::now();
    cluster.create(packages, count).await?;
    cluster.all_run(count, FIRST).await?;
    table.add(what("installed"), seconds(begin.elapsed()), target("under 10 s"));

    let begin = Instant::now();
    cluster.upgrade(count).await?;
    cluster.all_run(count, SECOND).await?;
    table.add(what("upgraded"), seconds(begin.elapsed()), target("under 10 s"));
    let memory: Vec<String> =
        keeper.peaks()?.into_iter().map(|(name, peak)| format!("{name} {}", mebibytes(peak))).collect();
    table.add(what("memory at most"), memory.join(", "), target("under 150 MiB"));
    cluster.clear(count).await
}

impl Way {
    fn kinds(self) -> &'static str {
        match self {
            Self::Kustomization => "OCIRepositories with Kustomizations",
            Self::HelmRelease => "HelmCharts with HelmReleases",
        }
    }
}

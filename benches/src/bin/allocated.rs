//! Renders the kustomization `ROOT` `PATH` and prints the most memory, in KiB, that was allocated for it at a time.
//!
//! A program of its own, since counting takes time, which the others measure.

use anyhow::{Context, Result, anyhow};
use cowherd_render::{Overlay, render};
use cowherd_tree::{DiskTree, TreePath};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let mut word = || words.next().context("usage: allocated ROOT PATH");
    let (root, path) = (DiskTree::new(word()?), TreePath::parse(&word()?)?);
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let objects = render(&root, &path, &Overlay::default()).map_err(|error| anyhow!("{error}"))?;
    let text = cowherd_yaml::write_documents(&objects);
    anyhow::ensure!(!text.is_empty(), "nothing is rendered");
    println!("{}", MEMORY.peak_usage().saturating_sub(before) / 1024);
    Ok(())
}

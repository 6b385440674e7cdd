//! Prints how many writes a store takes per second, and how many events it gives to watchers.
//!
//! `cargo run --release -p cowherd-store --example throughput [DIRECTORY]`

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cowherd_store::{Error, Expected, ListOptions, Options, Revision, Store};
use futures::StreamExt;
use futures::future::join_all;

const WRITERS: usize = 64;
const WATCHERS: usize = 50;
const EVENTS: usize = 5_000;
const VALUE: usize = 2000;
const TIME: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let parent = std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into);
    let dir = tempfile::tempdir_in(parent)?;
    let path = dir.path().join("state.redb");
    let store = Store::open(&path, Options::default())?;
    println!("values of {VALUE} bytes, default options, {}", dir.path().display());
    for writers in [1, WRITERS] {
        let writes = write(&store, writers).await?;
        println!("{writes:>10.0} writes/s acknowledged, {writers} writers at once");
    }
    println!("{:>10.0} watch events/s given, {WATCHERS} watchers while {WRITERS} writers write", follow(&store).await?);
    println!("{:>10.0} watch events/s read from the file", read_back(&store).await?);
    println!("{:>10.0} reads/s of one key", read(&store).await?);
    println!("{:>10.0} entries/s listed", list(&store).await?);
    println!("{:>10.1} MiB in the file, {} revisions", size(&path)?, store.revision().await?);
    Ok(())
}

/// Writes per second that so many tasks get done, each over 100 keys of its own.
async fn write(store: &Store, writers: usize) -> Result<f64, Box<dyn std::error::Error>> {
    let start = Instant::now();
    let tasks = (0..writers).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut written = 0_usize;
            while start.elapsed() < TIME {
                let key = format!("registry/pods/default/{writer}-{}", written % 100);
                store.put(key, Bytes::from(vec![7; VALUE]), Expected::Any).await?;
                written += 1;
            }
            Ok::<usize, cowherd_store::WriteError>(written)
        })
    });
    let mut written = 0;
    for task in join_all(tasks).await {
        written += task??;
    }
    Ok(written as f64 / start.elapsed().as_secs_f64())
}

/// Events per second that watchers of everything get while others write.
async fn follow(store: &Store) -> Result<f64, Box<dyn std::error::Error>> {
    let mut watchers = Vec::new();
    let start = Instant::now();
    for _ in 0..WATCHERS {
        let mut watch = store.watch("registry/", store.revision().await?).await?;
        watchers.push(tokio::spawn(async move {
            for _ in 0..EVENTS {
                watch.next().await.transpose()?;
            }
            Ok::<(), Error>(())
        }));
    }
    let writing = write(store, WRITERS);
    let watching = async {
        for watcher in watchers {
            watcher.await??;
        }
        Ok::<_, Box<dyn std::error::Error>>(start.elapsed())
    };
    let (written, elapsed) = futures::future::join(writing, watching).await;
    written?;
    Ok((WATCHERS * EVENTS) as f64 / elapsed?.as_secs_f64())
}

/// Events per second that a watcher gets from the file.
async fn read_back(store: &Store) -> Result<f64, Box<dyn std::error::Error>> {
    let start = Instant::now();
    let mut watch = store.watch("registry/", oldest(store).await).await?;
    let mut events = 0_u64;
    while watch.progress() < store.revision().await? {
        watch.next().await.transpose()?;
        events += 1;
    }
    Ok(events as f64 / start.elapsed().as_secs_f64())
}

/// Reads of one key per second, by one task.
async fn read(store: &Store) -> Result<f64, Box<dyn std::error::Error>> {
    const READS: usize = 50_000;
    let start = Instant::now();
    for number in 0..READS {
        store.get(&format!("registry/pods/default/{}-{}", number % WRITERS, number % 100)).await?;
    }
    Ok(READS as f64 / start.elapsed().as_secs_f64())
}

/// Entries per second of lists of everything, by one task.
async fn list(store: &Store) -> Result<f64, Box<dyn std::error::Error>> {
    let start = Instant::now();
    let mut entries = 0;
    for _ in 0..5 {
        entries += store.list("registry/", ListOptions::default()).await?.entries.len();
    }
    Ok(entries as f64 / start.elapsed().as_secs_f64())
}

fn size(path: &Path) -> std::io::Result<f64> {
    Ok(std::fs::metadata(path)?.len() as f64 / 1024.0 / 1024.0)
}

/// The oldest revision from which can be watched.
async fn oldest(store: &Store) -> Revision {
    let options = ListOptions { at: Some(Revision(0)), limit: Some(0), ..ListOptions::default() };
    match store.list("", options).await {
        Err(Error::Compacted { oldest }) => oldest,
        _ => Revision::FIRST,
    }
}

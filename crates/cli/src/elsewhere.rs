//! Where commands find what manifests name elsewhere, and what charts make things up from.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use cowherd_gitops::{Elsewhere, KeptRenders, Unrendered};
use cowherd_render::{Helm, RenderError, Surroundings};
use cowherd_source::{Access, Charts, Mirrors};

/// Where downloads are kept between calls of commands that have no data directory.
pub fn cache() -> Result<PathBuf> {
    let home = || std::env::home_dir().map(|home| home.join(".cache"));
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    Ok(base.context("no place for downloads: set XDG_CACHE_HOME")?.join("cowherd"))
}

/// Renders for the person at the prompt, and fetches what that finds missing, as they would themselves. Most renders need nothing, and then nothing is opened.
pub fn at_the_prompt<T>(
    helm: &Helm,
    mut attempt: impl FnMut(&Surroundings<'_>) -> Result<T, RenderError>,
) -> Result<T> {
    match Elsewhere::nothing().render(&Access::own(), helm, &mut attempt) {
        Err(Unrendered::Elsewhere { .. }) => {}
        result => return Ok(result?),
    }
    let directory = own_directory()?;
    let result = opened(&directory).and_then(|elsewhere| Ok(elsewhere.render(&Access::own(), helm, attempt)?));
    let _ = fs::remove_dir_all(directory);
    result
}

/// What is elsewhere, with mirrors below `directory`.
pub fn opened(directory: &Path) -> Result<Elsewhere> {
    Ok(Elsewhere::new(Mirrors::open(directory)?, Charts::open(cache()?.join("charts"))?))
}

/// A directory of this call alone: mirrors belong to one process.
pub fn own_directory() -> Result<PathBuf> {
    let directory = cache()?.join(format!("mirrors-{}", std::process::id()));
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    Ok(directory)
}

/// What is elsewhere for agents.
pub fn for_agents(data_dir: &Path, mirrors: &Mirrors) -> Result<Arc<Elsewhere>> {
    let charts = Charts::open(data_dir.join("charts"))?;
    Ok(Arc::new(Elsewhere::new(mirrors.clone(), charts)))
}

/// The renders of earlier runs. Another build of the program may render otherwise, and makes its own.
pub fn renders(data_dir: &Path) -> Result<Arc<KeptRenders>> {
    let program = std::env::current_exe()?;
    let about = fs::metadata(&program)?;
    let build = format!("{} {:?}", about.len(), about.modified()?);
    let directory = data_dir.join("renders");
    let kept = KeptRenders::open(&directory, &build);
    Ok(Arc::new(kept.with_context(|| format!("cannot use the directory {}", directory.display()))?))
}

/// The seed of a data directory: made once, for its owner alone.
pub fn seed(data_dir: &Path) -> Result<Arc<[u8]>> {
    let path = data_dir.join("seed");
    match fs::read(&path) {
        Ok(seed) => return Ok(seed.into()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
    let seed = random()?;
    let cannot = || format!("cannot write {}", path.display());
    let staged = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&staged);
    let written = file.as_mut().map_err(|error| std::io::Error::from(error.kind())).and_then(|file| {
        file.write_all(&seed)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&staged, &path)).with_context(cannot)?;
    Ok(Arc::from(seed))
}

/// What nobody can guess.
pub fn random() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    let source = Path::new("/dev/urandom");
    fs::File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .with_context(|| format!("cannot read {}", source.display()))?;
    Ok(bytes)
}

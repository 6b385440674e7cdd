
/// Which change of the code is made, as `cargo xtask mutants` says.
#[doc(hidden)]
#[allow(missing_docs)]
pub mod chosen_change {
    use std::collections::HashSet;
    use std::fs::{File, OpenOptions};
    use std::io::Write;
    use std::sync::{LazyLock, Mutex};

    static CHOSEN: LazyLock<Option<usize>> =
        LazyLock::new(|| std::env::var("XTASK_CHANGE").ok().and_then(|chosen| chosen.parse().ok()));
    static REACHED: LazyLock<Option<Mutex<(HashSet<usize>, File)>>> = LazyLock::new(|| {
        let path = std::env::var_os("XTASK_REACHED")?;
        let file = OpenOptions::new().append(true).create(true).open(path).ok()?;
        Some(Mutex::new((HashSet::new(), file)))
    });

    /// Whether a change is the chosen one. What is asked for is written down where nobody chooses.
    pub fn is(change: usize) -> bool {
        if let Some(reached) = &*REACHED
            && let Ok(mut reached) = reached.lock()
            && reached.0.insert(change)
        {
            let _ = reached.1.write_all(format!("{change}\n").as_bytes());
        }
        *CHOSEN == Some(change)
    }
}

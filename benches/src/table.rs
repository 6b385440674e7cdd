//! The figures, as a Markdown table.

use std::fmt;
use std::time::Duration;

/// Figures with what they mean and what is aimed for.
pub struct Table(Vec<[String; 3]>);

impl Table {
    /// A table without figures.
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a figure.
    pub fn add(&mut self, what: impl Into<String>, measured: impl Into<String>, target: impl Into<String>) {
        let row = [what.into(), measured.into(), target.into()];
        eprintln!("{}: {} (target: {})", row[0], row[1], row[2]);
        self.0.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | measured | target |\n| --- | --- | --- |")?;
        self.0.iter().try_for_each(|[what, measured, target]| writeln!(f, "| {what} | {measured} | {target} |"))
    }
}

/// A time with the digits that matter.
pub fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1000.0) } else { format!("{seconds:.2} s") }
}

/// The value below which `percent` of the times lie.
pub fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort();
    let index = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(index).copied().unwrap_or_default()
}

/// Kibibytes as mebibytes.
pub fn mebibytes(kibibytes: u64) -> String {
    format!("{:.1} MiB", kibibytes as f64 / 1024.0)
}

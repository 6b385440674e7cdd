//! How large a chart may be.

/// The bounds on a chart, its subcharts included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes in one file.
    pub file_bytes: u64,
    /// The most bytes in all files.
    pub chart_bytes: u64,
    /// The most files and directories.
    pub files: usize,
    /// How deep charts may stand inside each other.
    pub depth: usize,
    /// What `Chart.yaml` and `values.yaml` may say.
    pub yaml: cowherd_yaml::Limits,
}

impl Default for Limits {
    /// Helm's limits on sizes, and what no chart needs for the others.
    fn default() -> Self {
        Self {
            file_bytes: 5 * 1024 * 1024,
            chart_bytes: 100 * 1024 * 1024,
            files: 20_000,
            depth: 20,
            yaml: cowherd_yaml::Limits::default(),
        }
    }
}

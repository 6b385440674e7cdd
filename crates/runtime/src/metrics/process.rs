//! What this process takes, as Prometheus' clients tell it of any program, read when somebody asks. Only Linux says it.

use std::fmt;
use std::fs::{read_dir, read_to_string};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};

/// How many ticks of `/proc` a second has, to every program on Linux.
const TICKS: f64 = 100.0;

/// Reads what this process takes.
#[derive(Debug)]
pub(super) struct Process;

/// What is known of the process now, in seconds and bytes.
struct Taken {
    cpu: f64,
    /// Since the epoch.
    started: f64,
    resident: f64,
    virtual_size: f64,
    open_files: f64,
    most_files: Option<f64>,
}

impl Taken {
    fn now() -> Option<Self> {
        let stat = read_to_string("/proc/self/stat").ok()?;
        // The name of the program, in parentheses, may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split_ascii_whitespace().collect();
        // Counted from the third, as proc(5) numbers them.
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        let status = read_to_string("/proc/self/status").ok()?;
        let size = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? * 1024.0)
        };
        let booted = read_to_string("/proc/stat").ok()?;
        let booted: f64 = booted.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
        Some(Self {
            cpu: (field(14)? + field(15)?) / TICKS,
            started: booted + field(22)? / TICKS,
            resident: size("VmRSS")?,
            virtual_size: size("VmSize")?,
            open_files: read_dir("/proc/self/fd").ok()?.count() as f64,
            most_files: most_files(),
        })
    }
}

/// How many files may be open; nothing where there is no limit.
fn most_files() -> Option<f64> {
    let limits = read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(taken) = Taken::now() else { return Ok(()) };
        let cpu = ConstCounter::new(taken.cpu);
        let about = "Processor time that the process took, in seconds";
        cpu.encode(encoder.encode_descriptor("process_cpu_seconds", about, None, cpu.metric_type())?)?;
        let gauges = [
            ("process_start_time_seconds", "When the process began, in seconds since the epoch", Some(taken.started)),
            ("process_resident_memory_bytes", "Memory of the process", Some(taken.resident)),
            ("process_virtual_memory_bytes", "Addresses of the process", Some(taken.virtual_size)),
            ("process_open_fds", "Files that are open", Some(taken.open_files)),
            ("process_max_fds", "Files that may be open", taken.most_files),
            // Flux's dashboard asks for memory by this name.
            ("go_memstats_alloc_bytes", "Memory of the process, which is not Go's", Some(taken.resident)),
        ];
        for (name, about, value) in gauges {
            if let Some(value) = value {
                let gauge = ConstGauge::new(value);
                gauge.encode(encoder.encode_descriptor(name, about, None, gauge.metric_type())?)?;
            }
        }
        // It counts controllers by this one.
        let program = Family::<[(&str, &str); 1], Gauge>::default();
        program.get_or_create(&[("version", concat!("none; cowherd ", env!("CARGO_PKG_VERSION")))]).set(1);
        program.encode(encoder.encode_descriptor(
            "go_info",
            "One for the program, which is not Go's",
            None,
            program.metric_type(),
        )?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Metrics;

    fn value(text: &str, name: &str) -> f64 {
        let line = text.lines().find(|line| line.split([' ', '{']).next() == Some(name));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("no {name}: {text}"))
    }

    #[test]
    fn what_the_process_takes_is_told_as_it_is_now() {
        let metrics = Metrics::default();
        let before = metrics.text();
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        let started = value(&before, "process_start_time_seconds");
        assert!(started > since_epoch - 7.0 * 24.0 * 3600.0 && started <= since_epoch + 1.0, "{started}");
        assert!(value(&before, "process_resident_memory_bytes") > 1024.0 * 1024.0);
        assert!(value(&before, "process_open_fds") <= value(&before, "process_max_fds"));
        assert_eq!(value(&before, "go_info"), 1.0);
        let cpu = value(&before, "process_cpu_seconds_total");
        let mut busy = 0_u64;
        while value(&metrics.text(), "process_cpu_seconds_total") < cpu + 0.05 {
            busy = std::hint::black_box(busy.wrapping_add(1));
        }
        let files: Vec<_> = (0..20).map(|_| std::fs::File::open("/proc/self/stat").unwrap()).collect();
        let opened = value(&metrics.text(), "process_open_fds") - value(&before, "process_open_fds");
        // Other tests open and close some meanwhile.
        assert!(opened > 5.0, "{opened}");
        drop(files);
    }
}

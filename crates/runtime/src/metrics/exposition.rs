//! Metrics as text, in the two forms that Prometheus reads.

/// The media type of OpenMetrics' text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The media type of Prometheus' older text, which everything reads.
const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The text in the form that an `Accept` header asks for, with its media type: OpenMetrics for those who name it.
pub(super) fn written(open_metrics: String, accept: &str) -> (String, &'static str) {
    let wants_open_metrics = accept.split(',').any(|form| form.trim().starts_with("application/openmetrics-text"));
    if wants_open_metrics { (open_metrics, OPEN_METRICS) } else { (plain(&open_metrics), PLAIN) }
}

/// In the older text counters are named with their suffix, and there are neither units nor an end.
fn plain(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    // What is said of a metric comes before its type.
    let mut help: Option<(&str, &str)> = None;
    for line in open_metrics.lines() {
        if let Some((name, about)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            help = Some((name, about));
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            let suffix = if kind == "counter" { "_total" } else { "" };
            let kind = if kind == "unknown" { "untyped" } else { kind };
            if let Some((_, about)) = help.take().filter(|(named, _)| *named == name) {
                text += &format!("# HELP {name}{suffix} {about}\n");
            }
            text += &format!("# TYPE {name}{suffix} {kind}\n");
        } else if !line.starts_with('#') {
            text += line;
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: &str = "# HELP a What a is.\n# TYPE a counter\na_total{b=\"# TYPE\"} 1\n# HELP c Seconds.\n# UNIT c seconds\n\
                        # TYPE c gauge\nc 2.5\n# TYPE d unknown\nd 1\n# EOF\n";

    #[test]
    fn the_older_form_names_counters_as_its_readers_know_them() {
        let (text, media_type) = written(OPEN.to_owned(), "text/plain");
        let plain = "# HELP a_total What a is.\n# TYPE a_total counter\na_total{b=\"# TYPE\"} 1\n# HELP c Seconds.\n\
                     # TYPE c gauge\nc 2.5\n# TYPE d untyped\nd 1\n";
        assert_eq!((text.as_str(), media_type), (plain, PLAIN));
    }

    #[test]
    fn who_names_open_metrics_gets_it() {
        let accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        assert_eq!(written(OPEN.to_owned(), accept), (OPEN.to_owned(), OPEN_METRICS));
        assert_eq!(written(OPEN.to_owned(), "").1, PLAIN);
        assert_eq!(written(OPEN.to_owned(), "*/*").1, PLAIN);
    }
}

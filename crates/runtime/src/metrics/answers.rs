//! How requests were answered that others sent, under the names that Flux's controllers give it.

use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

use super::Metrics;

/// The buckets of Prometheus' library for Go, in seconds.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    code: u16,
    handler: &'static str,
    method: &'static str,
    service: &'static str,
}

/// How the requests of one listener were answered. Clones are the same.
#[derive(Clone, Debug)]
pub struct Answers {
    took: Family<Labels, Histogram, fn() -> Histogram>,
    handler: &'static str,
}

impl Metrics {
    /// How webhooks were answered, all of them under one name: the path of one is as good as its password.
    pub fn webhooks(&self) -> Answers {
        let new = || Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let about = "How long answers to webhooks took";
        let took = self.register("gotk_receiver_http_request_duration_seconds", about, new());
        Answers { took, handler: "/hook/" }
    }
}

impl Answers {
    /// A request was answered so.
    pub fn answered(&self, method: &Method, status: StatusCode, took: Duration) {
        // Whoever sends them may think of any method.
        let method = match *method {
            Method::POST => "POST",
            Method::GET => "GET",
            Method::HEAD => "HEAD",
            Method::PUT => "PUT",
            _ => "other",
        };
        let labels = Labels { code: status.as_u16(), handler: self.handler, method, service: "" };
        self.took.get_or_create(&labels).observe(took.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_their_code_and_no_method_is_a_label_that_somebody_made_up() {
        let metrics = Metrics::default();
        for (method, status) in [("POST", 200), ("POST", 200), ("BREW", 405), ("STEEP", 405)] {
            let (method, status) = (method.parse().unwrap(), StatusCode::from_u16(status).unwrap());
            metrics.webhooks().answered(&method, status, Duration::from_millis(20));
        }
        let text = metrics.text();
        let count = |labels: &str| format!("gotk_receiver_http_request_duration_seconds_count{{{labels}}} 2");
        for labels in [
            r#"code="200",handler="/hook/",method="POST",service="""#,
            r#"code="405",handler="/hook/",method="other",service="""#,
        ] {
            assert!(text.contains(&count(labels)), "{text}");
        }
        assert!(
            text.contains("method=\"POST\",service=\"\",le=\"0.025\"} 2") || text.contains("le=\"0.025\""),
            "{text}"
        );
    }
}

//! The Secrets in which records lie.

use super::Record;

/// The type of such a Secret.
pub const SECRET_TYPE: &str = "helm.sh/release.v1";

/// The name of the Secret that holds a revision of a release.
pub fn secret_name(release: &str, version: i64) -> String {
    format!("sh.helm.release.v1.{release}.v{version}")
}

/// The labels by which Helm finds the record, beside `createdAt` and `modifiedAt`, which are in seconds.
pub fn labels(record: &Record) -> [(&'static str, String); 4] {
    [
        ("name", record.name.clone()),
        ("owner", "helm".to_owned()),
        ("status", record.info.status.clone()),
        ("version", record.version.to_string()),
    ]
}

//! What Kubernetes takes for names and labels.

/// The longest name of an object, the longest part of a label.
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// What is wrong with a name of an object.
pub fn object_name_problem(name: &str) -> Option<&'static str> {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_part =
        |part: &str| !part.is_empty() && !part.starts_with('-') && !part.ends_with('-') && part.bytes().all(is_inner);
    if name.len() > MAX_NAME {
        return Some("must be no more than 253 characters");
    }
    let problem = "must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric \
                   character";
    (!name.split('.').all(is_part)).then_some(problem)
}

/// What is wrong with the value of a label.
pub fn label_value_problem(value: &str) -> Option<&'static str> {
    if value.len() > MAX_LABEL {
        return Some("must be no more than 63 characters");
    }
    let problem = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
    (!value.is_empty() && !is_label(value)).then_some(problem)
}

/// What is wrong with the key of a label that names no domain.
pub(crate) fn label_key_problem(key: &str) -> Option<&'static str> {
    if key.len() > MAX_LABEL {
        return Some("must be no more than 63 characters");
    }
    let problem = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
    (!is_label(key)).then_some(problem)
}

fn is_label(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_end = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    is_end(text.bytes().next()) && is_end(text.bytes().last()) && text.bytes().all(is_inner)
}

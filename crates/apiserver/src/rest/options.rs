//! What a request that writes says about how.

use cowherd_schema::{FieldError, FieldPath};
use http::header;

use crate::{
    identity::User,
    service::Call,
    status::{ApiError, ApiResult, Named},
};

/// What becomes of fields that nobody knows or that were written twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldValidation {
    /// Nothing is said.
    Ignore,
    /// The answer carries warnings.
    Warn,
    /// The request is refused.
    Strict,
}

/// How to write.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// Everything happens but the write itself.
    pub dry_run: bool,
    /// Who owns what is written.
    pub manager: String,
    /// What becomes of unknown fields.
    pub validation: FieldValidation,
    /// Whether an apply takes fields over from others.
    pub force: bool,
    /// Who writes.
    pub user: User,
}

/// The longest name of a field manager.
const MAX_MANAGER: usize = 128;

impl WriteOptions {
    /// Options of the server's own writes.
    pub fn internal(manager: &str) -> Self {
        Self {
            dry_run: false,
            manager: manager.to_owned(),
            validation: FieldValidation::Ignore,
            force: false,
            user: User::admin(),
        }
    }

    /// Reads the options of a request; `kind` is what errors call them, as in `PatchOptions`.
    pub fn parse(call: &Call, kind: &'static str, apply: bool) -> ApiResult<Self> {
        let mut errors = Vec::new();
        let dry_run = dry_run(call.query.all("dryRun"), &mut errors);
        let validation = match call.query.get("fieldValidation") {
            None | Some("Warn") => FieldValidation::Warn,
            Some("Ignore") => FieldValidation::Ignore,
            Some("Strict") => FieldValidation::Strict,
            Some(other) => {
                let field = FieldPath::new("fieldValidation");
                errors.push(FieldError::not_supported(&field, other, &["Ignore", "Strict", "Warn"]));
                FieldValidation::Warn
            }
        };
        let named = call.query.get("fieldManager");
        let field = FieldPath::new("fieldManager");
        if let Some(name) = named {
            if name.len() > MAX_MANAGER {
                let detail = format!("may not be more than {MAX_MANAGER} bytes");
                errors.push(FieldError::new(cowherd_schema::ErrorKind::TooLong, &field, None, detail));
            }
            if name.chars().any(|c| c.is_control() || !c.is_ascii() && !c.is_alphanumeric()) {
                errors.push(FieldError::invalid(&field, name, "should only contain printable characters"));
            }
        } else if apply {
            errors.push(FieldError::required(&field, "is required for apply patch"));
        }
        let force = call.query.flag("force");
        if force && !apply {
            errors.push(FieldError::forbidden(&FieldPath::new("force"), "may not be specified for non-apply patch"));
        }
        if !errors.is_empty() {
            return Err(ApiError::invalid(Named { group: "meta.k8s.io", name: kind }, "", &errors));
        }
        let manager = named.map_or_else(|| from_agent(call.header(header::USER_AGENT)), str::to_owned);
        Ok(Self { dry_run, manager, validation, force, user: call.user.clone() })
    }
}

/// Whether `dryRun` asks for a dry run; anything but `All` is a mistake.
pub fn dry_run<'a>(values: impl Iterator<Item = &'a str>, errors: &mut Vec<FieldError>) -> bool {
    let mut dry = false;
    for value in values.filter(|value| !value.is_empty()) {
        if value == "All" {
            dry = true;
        } else {
            errors.push(FieldError::not_supported(&FieldPath::new("dryRun"), value, &["All"]));
        }
    }
    dry
}

/// The manager of those who name none: their program, as its user agent has it.
fn from_agent(agent: &str) -> String {
    let program = agent.split('/').next().unwrap_or_default();
    let printable: String = program.chars().filter(|c| !c.is_control()).take(MAX_MANAGER).collect();
    if printable.is_empty() { "unknown".to_owned() } else { printable }
}

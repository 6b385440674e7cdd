//! ServiceAccounts.

use serde_json::{Value, json};

use crate::json::Read;
use crate::kind::Kind;
use crate::strategy::Rules;
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["sa"],
    rules: Rules {
        create: name_secrets,
        update: |account, _| name_secrets(account),
        columns: &[NAME, Column::number("Secrets", "How many Secrets it may use."), AGE],
        cells: |account, now| {
            let secrets = account.items("secrets").len();
            vec![table::name(account), secrets.into(), table::age(account, now)]
        },
        ..Rules::PLAIN
    },
    ..Kind::namespaced(
        super::V1,
        "ServiceAccount",
        "serviceaccounts",
        "serviceaccount",
        "io.k8s.api.core.v1.ServiceAccount",
    )
};

/// Leaves of references to Secrets their names: they are in the namespace of the account.
fn name_secrets(account: &mut Value) {
    let Some(secrets) = account.get_mut("secrets").and_then(Value::as_array_mut) else { return };
    for secret in secrets {
        *secret = match secret.get("name") {
            Some(name) => json!({ "name": name }),
            None => json!({}),
        };
    }
}

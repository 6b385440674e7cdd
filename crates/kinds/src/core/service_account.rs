//! ServiceAccounts.

use crate::json::Read;
use crate::kind::Kind;
use crate::strategy::Rules;
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["sa"],
    rules: Rules {
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

//! The functions that templates of messages may call: those of sprig that give the same each time, as with Flux.

use cowherd_helm::functions::{self, Context};
use cowherd_template::Functions;

/// What Flux leaves out: it gives something else each time.
const OF_THE_MOMENT: &[&str] = &[
    "date",
    "dateInZone",
    "dateModify",
    "date_in_zone",
    "date_modify",
    "htmlDate",
    "htmlDateInZone",
    "now",
    "randAlpha",
    "randAlphaNum",
    "randAscii",
    "randBytes",
    "randNumeric",
    "uuidv4",
];

/// What is left out beyond that: keys and passwords, which nobody is to read in a message.
const OF_SECRETS: &[&str] = &[
    "bcrypt",
    "buildCustomCert",
    "decryptAES",
    "derivePassword",
    "encryptAES",
    "genCA",
    "genCAWithKey",
    "genPrivateKey",
    "genSelfSignedCert",
    "genSelfSignedCertWithKey",
    "genSignedCert",
    "genSignedCertWithKey",
    "htpasswd",
    "randInt",
];

/// What Helm has beside sprig.
const OF_HELM: &[&str] = &[
    "fromJsonArray",
    "fromToml",
    "fromYaml",
    "fromYamlArray",
    "mustToToml",
    "mustToYaml",
    "toToml",
    "toYaml",
    "toYamlPretty",
];

/// The functions.
pub(super) fn functions<'c>() -> Functions<Context<'c>> {
    let is_left_out = |name: &str| [OF_THE_MOMENT, OF_SECRETS, OF_HELM].into_iter().flatten().any(|left| *left == name);
    Functions::new(functions::functions().filter(|function| !is_left_out(function.name)))
}

//! The attacks, a file each.

mod connections;
mod machine;
mod notifications;
mod people;
mod repositories;
mod requests;
mod tenants;

use crate::Attack;

/// All attacks.
pub static ALL: &[&Attack] = &[
    &requests::circles_of_owners::ATTACK,
    &requests::costly_alternatives::ATTACK,
    &requests::dense_documents::ATTACK,
    &requests::endless_patterns::ATTACK,
    &requests::growing_metrics::ATTACK,
    &requests::growing_patches::ATTACK,
    &requests::large_defaults::ATTACK,
    &requests::long_lists::ATTACK,
    &requests::many_mistakes::ATTACK,
    &requests::odd_names::ATTACK,
    &requests::words_to_large_objects::ATTACK,
    &requests::yaml_bombs::ATTACK,
    &connections::headers_without_end::ATTACK,
    &connections::long_selectors::ATTACK,
    &connections::pings_unanswered::ATTACK,
    &connections::rapid_resets::ATTACK,
    &connections::silent_handshakes::ATTACK,
    &connections::slow_bodies::ATTACK,
    &connections::slow_headers::ATTACK,
    &connections::unread_watches::ATTACK,
    &connections::withheld_window::ATTACK,
    &tenants::climbing_by_flux::ATTACK,
    &tenants::climbing_by_roles::ATTACK,
    &tenants::many_expressions::ATTACK,
    &tenants::odd_addresses::ATTACK,
    &tenants::others_leases::ATTACK,
    &tenants::swelling_objects::ATTACK,
    &tenants::tangled_dependencies::ATTACK,
    &notifications::costly_filters::ATTACK,
    &notifications::heavy_patterns::ATTACK,
    &notifications::slow_webhooks::ATTACK,
    &repositories::bombs::ATTACK,
    &repositories::deltas::ATTACK,
    &repositories::endless_charts::ATTACK,
    &repositories::links_outside::ATTACK,
    &repositories::lying_servers::ATTACK,
    &repositories::many_deltas::ATTACK,
    &repositories::silent_servers::ATTACK,
    &people::escape_sequences::ATTACK,
    &people::hostile_reviews::ATTACK,
    &machine::full_disk::ATTACK,
    &machine::kills::ATTACK,
];

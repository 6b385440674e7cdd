//! What a build has gathered so far.

use super::objects::set::ResourceSet;
use super::transformers::config::Config;
use super::transformers::vars::Vars;

/// Objects, and what is known about how to change them.
#[derive(Debug, Default)]
pub(crate) struct Accumulator {
    pub(crate) resources: ResourceSet,
    pub(crate) config: Config,
    pub(crate) vars: Vars,
}

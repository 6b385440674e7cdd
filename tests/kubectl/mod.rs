//! What people do with kubectl (and helm) does what they know from Kubernetes, with every version that is in use.

mod access;
mod applying;
mod changing;
mod creating;
mod custom_resources;
mod deleting;
mod describing;
mod discovering;
mod getting;
mod helm;
mod nodeless;
mod people;
mod rollouts;
mod validating;
mod watching;

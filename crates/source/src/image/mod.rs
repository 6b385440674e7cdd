//! Images of registries: which tags there are, and which digest a tag has.

mod name;

use std::time::Duration;

use crate::connect::{Authorities, Line, ProxyServer};
use crate::deadline::Deadline;
use crate::registry::Registry;
use crate::web::{Web, WebProblem};
use crate::{Access, Auth, Cancel, DEFAULT_TIMEOUT};
pub use name::{ImageName, ImageNameError};

/// An image and the terms on which its registry is asked.
#[derive(Clone, Debug)]
pub struct ImageSource {
    /// The image.
    pub image: ImageName,
    /// Who we are to the registry.
    pub auth: Auth,
    /// The server through which the registry is asked.
    pub proxy: Option<ProxyServer>,
    /// Whether the registry is asked without TLS. One on this machine is in any case.
    pub insecure: bool,
    /// How long the registry may take, from the first connection to the last byte.
    pub timeout: Duration,
    /// What may be used and reached.
    pub access: Access,
    /// Breaks it off.
    pub cancel: Cancel,
}

impl ImageSource {
    /// The image, on the word of a manifest, without credentials, with the default timeout.
    pub fn new(image: ImageName) -> Self {
        Self {
            image,
            auth: Auth::default(),
            proxy: None,
            insecure: false,
            timeout: DEFAULT_TIMEOUT,
            access: Access::default(),
            cancel: Cancel::default(),
        }
    }

    fn is_plain(&self) -> bool {
        // One with its own certificate authority has TLS.
        self.insecure || (self.image.name.is_local() && self.auth.ca.is_none())
    }
}

/// Asks registries about images. Clones share what they know of the system's certificate authorities.
#[derive(Clone, Default)]
pub struct Images(Authorities);

impl Images {
    /// The tags of the image that `counts`, in the order of the registry. Blocks the thread.
    ///
    /// # Errors
    /// When the registry does not give them, has more than are read, or it takes longer than `source` allows, to look at them too.
    pub fn tags(&self, source: &ImageSource, counts: impl Fn(&str) -> bool) -> Result<Vec<String>, WebProblem> {
        self.registry(source)?.tags(|tag| counts(&tag).then_some(tag))
    }

    /// The digest of the image with a tag: `sha256:…`. Blocks the thread.
    ///
    /// # Errors
    /// When the registry does not give it.
    pub fn digest(&self, source: &ImageSource, tag: &str) -> Result<String, WebProblem> {
        let registry = self.registry(source)?;
        let digest = match registry.digest(tag)? {
            Some(digest) => digest,
            None => registry.manifest(tag, None)?.1,
        };
        Ok(digest.to_string())
    }

    fn registry<'s>(&'s self, source: &'s ImageSource) -> Result<Registry<'s>, WebProblem> {
        let line = Line::new(&source.access, &source.cancel).through(source.proxy.as_ref());
        let web = Web::new(&source.auth, &self.0, Deadline::after(source.timeout), line)?;
        Ok(Registry::new(web, &source.image.name, source.is_plain()))
    }
}

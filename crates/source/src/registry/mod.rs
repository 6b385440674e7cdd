//! OCI registries: the part of the distribution specification that it takes to pull.

mod challenge;
mod logins;
mod manifest;
mod name;

use std::cell::RefCell;
use std::io::Write;

use serde::Deserialize;
use ureq::http::StatusCode;
use ureq::http::header::{ACCEPT, HeaderName, HeaderValue, LINK, WWW_AUTHENTICATE};

use crate::web::location::{encoded, next_page, resolve, shown};
use crate::web::{Answer, Method, Show, Web, WebProblem, origin};
use crate::{Digest, Secret};
use challenge::Challenge;
pub use logins::{Logins, LoginsError};
pub(crate) use manifest::{Descriptor, Manifest};
pub(crate) use name::{DOCKER_HUB, Name, is_tag};

/// The most bytes that a manifest may have; registries accept no more themselves.
const MAX_MANIFEST: u64 = 4 << 20;

/// The most bytes of a page of tags, and of a token.
const MAX_PAGE: u64 = 4 << 20;

/// The most pages of tags that are read.
const MAX_PAGES: usize = 200;

/// The most tags that are looked at.
const MAX_TAGS: usize = 100_000;

/// The header in which a registry says which manifest it answers with.
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// A repository of a registry.
pub(crate) struct Registry<'a> {
    web: Web<'a>,
    /// The URL below which everything of the repository is.
    base: String,
    /// What the registry asked to see.
    authorization: RefCell<Option<HeaderValue>>,
}

impl<'a> Registry<'a> {
    /// The repository that has this name, asked without TLS if `plain`. It gets to see the credentials of `web`.
    pub(crate) fn new(mut web: Web<'a>, name: &Name, plain: bool) -> Self {
        let base = name.base(plain);
        web.trust(&base);
        Self { web, base, authorization: RefCell::default() }
    }

    /// The URL below which everything of the repository is.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The tags that there are, of those that `wanted` makes something of.
    pub(crate) fn tags<T>(&self, wanted: impl Fn(String) -> Option<T>) -> Result<Vec<T>, WebProblem> {
        #[derive(Deserialize)]
        struct Page {
            tags: Option<Vec<String>>,
        }
        let mut found = Vec::new();
        let mut url = format!("{}/tags/list?n=1000", self.base);
        for _ in 0..MAX_PAGES {
            let answer = self.get(&url, None)?.success(self.web.auth())?;
            let next = answer.header(LINK).and_then(next_page).map(|next| self.page(&next)).transpose()?;
            let content = self.web.read(answer, MAX_PAGE)?;
            let page: Page = serde_json::from_slice(&content).map_err(|error| self.protocol(&error.to_string()))?;
            for tag in page.tags.unwrap_or_default().into_iter().filter(|tag| is_tag(tag)) {
                // A filter that somebody wrote may take its time.
                self.web.go_on()?;
                found.extend(wanted(tag));
            }
            match next {
                Some(next) if next != url && found.len() <= MAX_TAGS => url = next,
                Some(next) if next != url => break,
                _ => return Ok(found),
            }
        }
        Err(self.protocol("it has more tags than are read"))
    }

    /// The URL of the page that a `Link` names. It is of the registry itself, which is shown who we are.
    fn page(&self, link: &str) -> Result<String, WebProblem> {
        let (path, query) = link.split_once('?').unwrap_or((link, ""));
        let page = format!("{}?{query}", resolve(&format!("{}/tags", self.base), path));
        match origin(&self.base).zip(origin(&page)) {
            Some((own, of_page)) if own.extends_to(&of_page) => Ok(page),
            _ => Err(self.protocol(&format!("its next page of tags is at {}, which is another server", shown(&page)))),
        }
    }

    /// The digest of the manifest that `reference` names, as the registry says it; `None` where it says none, or does not
    /// answer that question alone.
    pub(crate) fn digest(&self, reference: &str) -> Result<Option<Digest>, WebProblem> {
        let url = format!("{}/manifests/{reference}", self.base);
        let answer = self.ask(Method::Head, &url, Some(manifest::ACCEPTED))?;
        match answer.status.as_u16() {
            // Some registries do not know the method, and those that do say nothing of what is wrong.
            status if status >= 400 && !matches!(status, 401 | 403 | 429) => Ok(None),
            _ => {
                let answer = answer.success(self.web.auth())?;
                Ok(answer.header(CONTENT_DIGEST).and_then(|digest| digest.parse().ok()))
            }
        }
    }

    /// The manifest that `reference`, a tag or a digest, names, and its digest, which has to be `expected` if that is known.
    pub(crate) fn manifest(&self, reference: &str, expected: Option<Digest>) -> Result<(Vec<u8>, Digest), WebProblem> {
        let answer = self.get(&self.manifest_url(reference), Some(manifest::ACCEPTED))?.success(self.web.auth())?;
        let content = self.web.read(answer, MAX_MANIFEST)?;
        let digest = Digest::of(&content);
        check(expected, digest)?;
        Ok((content, digest))
    }

    /// The list of the manifests that refer to the one with this digest; `None` where the registry does not list such.
    pub(crate) fn referrers(&self, digest: Digest) -> Result<Option<Vec<u8>>, WebProblem> {
        let answer = self.get(&format!("{}/referrers/{digest}", self.base), Some(manifest::ACCEPTED))?;
        match answer.status.as_u16() {
            status if (400..500).contains(&status) && !matches!(status, 401 | 403 | 429) => Ok(None),
            _ => self.web.read(answer.success(self.web.auth())?, MAX_MANIFEST).map(Some),
        }
    }

    /// Where the manifest is that `reference` names.
    pub(crate) fn manifest_url(&self, reference: &str) -> String {
        format!("{}/manifests/{reference}", self.base)
    }

    /// Writes the content of a descriptor, which may have `limit` bytes, to `to`. What was written is good only if this
    /// succeeds.
    pub(crate) fn blob(&self, descriptor: &Descriptor, limit: u64, to: &mut impl Write) -> Result<(), WebProblem> {
        let digest = descriptor.digest(&self.base)?;
        let url = format!("{}/blobs/{digest}", self.base);
        if descriptor.size() > limit {
            return Err(WebProblem::TooLarge { url, limit });
        }
        let answer = self.get(&url, None)?.success(self.web.auth())?;
        check(Some(digest), self.web.copy(answer, descriptor.size(), to)?)
    }

    fn get(&self, url: &str, accept: Option<&'static str>) -> Result<Answer, WebProblem> {
        self.ask(Method::Get, url, accept)
    }

    /// Asks, and shows who we are if the registry wants that: a server that it sent us to has no say in where that goes.
    fn ask(&self, method: Method, url: &str, accept: Option<&'static str>) -> Result<Answer, WebProblem> {
        let accept: Option<(HeaderName, HeaderValue)> = accept.map(|accept| (ACCEPT, HeaderValue::from_static(accept)));
        let ask = || {
            let shown = self.authorization.borrow().clone();
            self.web.ask(method, url, accept.as_slice(), shown.as_ref().map_or(Show::Nothing, Show::Token))
        };
        let answer = ask()?;
        let is_own = origin(url).zip(origin(&answer.url)).is_some_and(|(asked, answered)| asked.extends_to(&answered));
        if answer.status != StatusCode::UNAUTHORIZED || !is_own {
            return Ok(answer);
        }
        let challenges = answer.headers.get_all(WWW_AUTHENTICATE).iter();
        let challenge = challenges.filter_map(|header| Challenge::parse(header.to_str().ok()?)).next();
        let Some(authorization) = challenge.map(|challenge| self.meet(&challenge)).transpose()?.flatten() else {
            return Ok(answer);
        };
        *self.authorization.borrow_mut() = Some(authorization);
        ask()
    }

    /// What a challenge asks to see; `None` where we have nothing.
    fn meet(&self, challenge: &Challenge) -> Result<Option<HeaderValue>, WebProblem> {
        match challenge {
            Challenge::Basic => Ok(self.web.authorization().cloned()),
            Challenge::Bearer { .. } if self.web.auth().bearer_token.is_some() => Ok(self.web.authorization().cloned()),
            Challenge::Bearer { realm, service, scope } => {
                self.token(realm, service.as_deref(), scope.as_deref()).map(Some)
            }
        }
    }

    /// A token from the server that the registry names. Without credentials it is one for anybody.
    fn token(&self, realm: &str, service: Option<&str>, scope: Option<&str>) -> Result<HeaderValue, WebProblem> {
        #[derive(Deserialize)]
        struct Token {
            token: Option<String>,
            access_token: Option<String>,
        }
        // Whoever reads along on the way to the registry is not to choose where our password goes.
        if self.base.starts_with("https:") && !realm.starts_with("https:") {
            return Err(self.protocol("it wants a token from a server without TLS"));
        }
        let repository = self.base.split_once("/v2/").map_or("", |(_, repository)| repository);
        let pull = format!("repository:{repository}:pull");
        let mut url =
            format!("{realm}{}scope={}", if realm.contains('?') { '&' } else { '?' }, encoded(scope.unwrap_or(&pull)));
        if let Some(service) = service {
            url.push_str(&format!("&service={}", encoded(service)));
        }
        let show = self.web.authorization().map_or(Show::Nothing, Show::Token);
        let answer = self.web.get(&url, &[], show)?.success(self.web.auth())?;
        let content = self.web.read(answer, MAX_PAGE)?;
        // What is wrong with it may quote it.
        let unreadable = || WebProblem::Protocol { url: shown(&url).to_owned(), cause: "it gives no token".to_owned() };
        let token: Token = serde_json::from_slice(&content).map_err(|_| unreadable())?;
        let token = Secret::from(token.token.or(token.access_token).ok_or_else(unreadable)?);
        let header = format!("Bearer {}", token.text().unwrap_or_default());
        let mut header = HeaderValue::from_str(&header).map_err(|_| unreadable())?;
        header.set_sensitive(true);
        Ok(header)
    }

    /// The registry answered something that does not belong there.
    pub(crate) fn protocol(&self, cause: &str) -> WebProblem {
        WebProblem::Protocol { url: self.base.clone(), cause: self.web.auth().scrub(cause) }
    }
}

fn check(expected: Option<Digest>, actual: Digest) -> Result<(), WebProblem> {
    match expected {
        Some(expected) if expected != actual => Err(WebProblem::Digest { expected, actual }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use cowherd_gitserver::files::{Behaviour, Server};

    use super::*;
    use crate::connect::{Authorities, Line};
    use crate::deadline::Deadline;
    use crate::{Access, Auth, Cancel};

    #[test]
    fn tags_are_looked_at_as_long_as_somebody_waits() {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::start(directory.path());
        server.behave(Behaviour { content: Some(b"{\"tags\": [\"a\", \"b\"]}".to_vec()), ..Behaviour::default() });
        let name = Name::parse(&server.address.to_string(), "team/apps").unwrap();
        let (auth, authorities, cancel) = (Auth::default(), Authorities::default(), Cancel::default());
        let line = Line::new(&Access::own(), &cancel);
        let web = Web::new(&auth, &authorities, Deadline::after(crate::DEFAULT_TIMEOUT), line).unwrap();
        let registry = Registry::new(web, &name, true);
        assert_eq!(registry.tags(Some).unwrap(), ["a", "b"]);
        let stopped = registry.tags(|tag| {
            cancel.cancel();
            Some(tag)
        });
        assert!(matches!(stopped, Err(WebProblem::Cancelled)), "{stopped:?}");
    }
}

//! OCI registries: the part of the distribution specification that it takes to pull a chart.

mod challenge;
mod manifest;
mod name;

use std::cell::RefCell;

use cowherd_version::Version;
use serde::Deserialize;
use ureq::http::StatusCode;
use ureq::http::header::{ACCEPT, HeaderName, HeaderValue, LINK, WWW_AUTHENTICATE};

use super::cache::Cache;
use super::location::{encoded, resolve, shown};
use super::web::{Answer, Show, Web};
use super::{ChartProblem, Digest, http, index};
use crate::{Range, Secret};
use challenge::Challenge;
use manifest::Manifest;
use name::Name;

/// The most bytes that a manifest may have; registries accept no more themselves.
const MAX_MANIFEST: u64 = 4 << 20;

/// The most bytes of a page of tags, and of a token.
const MAX_PAGE: u64 = 4 << 20;

/// The most pages of tags that are read.
const MAX_PAGES: usize = 200;

/// The most tags that are looked at.
const MAX_TAGS: usize = 100_000;

/// An archive that was pulled.
pub(super) struct Pulled {
    pub(super) archive: Vec<u8>,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) digest: Digest,
    pub(super) cached: bool,
}

/// Pulls the chart at `path` of the registry at `host`: the version, tag or digest `wanted`, or the highest in that range.
pub(super) fn pull(
    mut web: Web<'_>,
    cache: &Cache,
    (host, path): (&str, &str),
    wanted: &str,
    plain_http: Option<bool>,
    limit: u64,
) -> Result<Pulled, ChartProblem> {
    let name = Name::parse(host, path)?;
    let base = name.base(plain_http.unwrap_or_else(|| name.is_local()));
    web.trust(&base);
    let registry = Registry { web, base, authorization: RefCell::default() };
    let wanted = Wanted::of(&name, wanted)?;
    let (version, reference) = match &wanted {
        Wanted::Digest(digest) => (name.tag.as_deref().map(version_of), digest.to_string()),
        Wanted::Tag(tag) => (Some(version_of(tag)), tag.clone()),
        Wanted::Range(range) => {
            let tag = registry.highest(range)?;
            (Some(version_of(&tag)), tag)
        }
    };
    let manifest = registry.chart_manifest(&reference, wanted.digest())?;
    let layer = manifest.layer(shown(&registry.base))?;
    let digest = layer.digest(&registry.base)?;
    let file = super::archive_file(&digest);
    let held = cache.get(&file).filter(|held| Digest::of(&held.content) == digest);
    let cached = held.is_some();
    let archive = match held {
        Some(held) => held.content,
        None => {
            let archive = registry.blob(&digest, layer.size(), limit)?;
            http::put(cache, &file, "", &archive);
            archive
        }
    };
    let version = version.or_else(|| manifest.version().map(str::to_owned)).unwrap_or_else(|| digest.to_string());
    Ok(Pulled { archive, name: name.chart().to_owned(), version, digest, cached })
}

/// What of a chart is wanted.
enum Wanted {
    Digest(Digest),
    Tag(String),
    Range(Range),
}

impl Wanted {
    /// As Helm has it: a digest goes before a tag, and what can be a version is a tag, also where part of it is missing.
    fn of(name: &Name, wanted: &str) -> Result<Self, ChartProblem> {
        let wanted = wanted.trim_start_matches('@');
        if let Some(digest) = wanted.starts_with("sha256:").then_some(wanted) {
            return digest.parse().map(Self::Digest).map_err(|cause| location(name, cause));
        }
        let tag = wanted.replace('+', "_");
        if let Some(given) = name.tag.as_ref().filter(|given| !tag.is_empty() && **given != tag) {
            return Err(location(name, format!("its tag is {given}, and the version that is asked for is {wanted}")));
        }
        if let Some(digest) = name.digest {
            return Ok(Self::Digest(digest));
        }
        let tag = if tag.is_empty() { name.tag.clone().unwrap_or_default() } else { tag };
        match (name.tag.is_some() || Version::parse(wanted).is_ok()) && name::is_tag(&tag) {
            true => Ok(Self::Tag(tag)),
            false => Ok(Self::Range(Range::parse(if wanted.is_empty() { "*" } else { wanted })?)),
        }
    }

    fn digest(&self) -> Option<Digest> {
        match self {
            Self::Digest(digest) => Some(*digest),
            _ => None,
        }
    }
}

fn location(name: &Name, cause: String) -> ChartProblem {
    ChartProblem::Location { url: format!("oci://{}/{}", name.host, name.repository), cause }
}

/// The version that a tag stands for: a tag cannot have a plus sign.
fn version_of(tag: &str) -> String {
    tag.replace('_', "+")
}

/// A repository of a registry.
struct Registry<'a> {
    web: Web<'a>,
    /// The URL below which everything of the repository is.
    base: String,
    /// What the registry asked to see.
    authorization: RefCell<Option<HeaderValue>>,
}

impl Registry<'_> {
    /// The tag with the highest version in a range.
    fn highest(&self, range: &Range) -> Result<String, ChartProblem> {
        let mut versions: Vec<(Version, String)> = self.tags()?;
        versions.sort_by(|(a, _), (b, _)| b.compare(a));
        match versions.iter().find(|(version, _)| range.contains(version)) {
            Some((_, tag)) => Ok(tag.clone()),
            None => {
                let versions: Vec<String> = versions.iter().map(|(_, tag)| version_of(tag)).collect();
                Err(index::no_version(versions.iter().map(String::as_str)))
            }
        }
    }

    /// The tags that are versions. Others stand beside them in any registry.
    fn tags(&self) -> Result<Vec<(Version, String)>, ChartProblem> {
        #[derive(Deserialize)]
        struct Page {
            tags: Option<Vec<String>>,
        }
        let mut versions = Vec::new();
        let mut url = format!("{}/tags/list?n=1000", self.base);
        for _ in 0..MAX_PAGES {
            let answer = self.get(&url, None)?.success(self.web.auth())?;
            let next = answer.header(LINK).and_then(next_page).map(|next| self.page(&next));
            let content = self.web.read(answer, MAX_PAGE)?;
            let page: Page = serde_json::from_slice(&content).map_err(|error| self.protocol(&error.to_string()))?;
            let tags = page.tags.unwrap_or_default().into_iter().filter(|tag| name::is_tag(tag));
            versions.extend(tags.filter_map(|tag| Some((Version::parse_strict(&version_of(&tag)).ok()?, tag))));
            match next {
                Some(next) if next != url && versions.len() <= MAX_TAGS => url = next,
                Some(next) if next != url => break,
                _ => return Ok(versions),
            }
        }
        Err(self.protocol("it has more tags than are read"))
    }

    /// The URL of the page that a `Link` names.
    fn page(&self, link: &str) -> String {
        let (path, query) = link.split_once('?').unwrap_or((link, ""));
        format!("{}?{query}", resolve(&format!("{}/tags", self.base), path))
    }

    /// The manifest of the chart that `reference`, a tag or a digest, names.
    fn chart_manifest(&self, reference: &str, digest: Option<Digest>) -> Result<Manifest, ChartProblem> {
        let manifest = self.manifest(reference, digest)?;
        if !manifest.is_index() {
            return Ok(manifest);
        }
        for descriptor in manifest.manifests() {
            let digest = descriptor.digest(&self.base)?;
            let found = self.manifest(&digest.to_string(), Some(digest))?;
            if found.is_chart() {
                return Ok(found);
            }
        }
        Err(self.protocol("what is there is an index without a chart"))
    }

    fn manifest(&self, reference: &str, digest: Option<Digest>) -> Result<Manifest, ChartProblem> {
        let url = format!("{}/manifests/{reference}", self.base);
        let answer = self.get(&url, Some(manifest::ACCEPTED))?.success(self.web.auth())?;
        let content = self.web.read(answer, MAX_MANIFEST)?;
        check(digest, &content)?;
        Manifest::parse(&content, &url)
    }

    fn blob(&self, digest: &Digest, size: u64, limit: u64) -> Result<Vec<u8>, ChartProblem> {
        let url = format!("{}/blobs/{digest}", self.base);
        if size > limit {
            return Err(ChartProblem::TooLarge { url, limit });
        }
        let answer = self.get(&url, None)?.success(self.web.auth())?;
        let content = self.web.read(answer, size)?;
        check(Some(*digest), &content)?;
        Ok(content)
    }

    /// Asks, and shows who we are if that is wanted.
    fn get(&self, url: &str, accept: Option<&'static str>) -> Result<Answer, ChartProblem> {
        let accept: Option<(HeaderName, HeaderValue)> = accept.map(|accept| (ACCEPT, HeaderValue::from_static(accept)));
        let ask = || {
            let shown = self.authorization.borrow().clone();
            self.web.get(url, accept.as_slice(), shown.as_ref().map_or(Show::Nothing, Show::Token))
        };
        let answer = ask()?;
        if answer.status != StatusCode::UNAUTHORIZED {
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
    fn meet(&self, challenge: &Challenge) -> Result<Option<HeaderValue>, ChartProblem> {
        match challenge {
            Challenge::Basic => Ok(self.web.authorization().cloned()),
            Challenge::Bearer { .. } if self.web.auth().bearer_token.is_some() => Ok(self.web.authorization().cloned()),
            Challenge::Bearer { realm, service, scope } => {
                self.token(realm, service.as_deref(), scope.as_deref()).map(Some)
            }
        }
    }

    /// A token from the server that the registry names. Without credentials it is one for anybody.
    fn token(&self, realm: &str, service: Option<&str>, scope: Option<&str>) -> Result<HeaderValue, ChartProblem> {
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
        let unreadable =
            || ChartProblem::Protocol { url: shown(&url).to_owned(), cause: "it gives no token".to_owned() };
        let token: Token = serde_json::from_slice(&content).map_err(|_| unreadable())?;
        let token = Secret::from(token.token.or(token.access_token).ok_or_else(unreadable)?);
        let header = format!("Bearer {}", token.text().unwrap_or_default());
        let mut header = HeaderValue::from_str(&header).map_err(|_| unreadable())?;
        header.set_sensitive(true);
        Ok(header)
    }

    fn protocol(&self, cause: &str) -> ChartProblem {
        ChartProblem::Protocol { url: self.base.clone(), cause: self.web.auth().scrub(cause) }
    }
}

fn check(expected: Option<Digest>, content: &[u8]) -> Result<(), ChartProblem> {
    let actual = Digest::of(content);
    match expected {
        Some(expected) if expected != actual => Err(ChartProblem::Digest { expected, actual }),
        _ => Ok(()),
    }
}

/// Where a `Link` header says that the next page is.
fn next_page(link: &str) -> Option<String> {
    link.split(',').find_map(|link| {
        let (target, parameters) = link.split_once(';')?;
        let next = parameters.split(';').any(|parameter| matches!(parameter.trim(), "rel=\"next\"" | "rel=next"));
        let target = target.trim().strip_prefix('<')?.strip_suffix('>')?;
        next.then(|| target.to_owned())
    })
}

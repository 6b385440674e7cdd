//! Repositories on servers: `index.yaml` and archives.

use ureq::http::StatusCode;
use ureq::http::header::{
    ACCEPT_ENCODING, ETAG, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};

use super::ChartProblem;
use super::spool::{Download, Spool};
use crate::Digest;
use crate::cache::Cached;
use crate::content::Content;
use crate::web::location::resolve;
use crate::web::{Answer, Show, Web};

/// The index of the repository at `base`. One that did not change since it was cached is not sent again.
pub(super) fn index(web: &Web<'_>, spool: &Spool<'_>, base: &str) -> Result<Download, ChartProblem> {
    let url = resolve(base, "index.yaml");
    // A server may show each user another index.
    let user = web.auth().username.as_deref().unwrap_or_default();
    let name = format!("{}.index", Digest::of(format!("{url}\n{user}").as_bytes()).hex());
    let cached = spool.cache.get(&name);
    let answer = web.get(&url, &conditions(cached.as_ref()), Show::Credentials)?;
    if let (StatusCode::NOT_MODIFIED, Some(cached)) = (answer.status, cached) {
        return Ok(Download { content: cached.content, keep: None });
    }
    let answer = answer.success(web.auth())?;
    let note = validators(&answer);
    let content = spool.take(|to| web.copy(answer, spool.limit, to))?;
    Ok(Download { content, keep: note.map(|note| (name, note)) })
}

/// The archive, or the file, at `url`.
pub(super) fn archive(web: &Web<'_>, spool: &Spool<'_>, url: &str) -> Result<Content, ChartProblem> {
    let answer = web.get(url, &[], Show::Credentials)?.success(web.auth())?;
    spool.take(|to| web.copy(answer, spool.limit, to))
}

/// What tells the server which index we have: `ETag` and `Last-Modified` as it sent them, apart by a tab.
fn validators(answer: &Answer) -> Option<String> {
    let etag = answer.header(ETAG).unwrap_or_default();
    let modified = answer.header(LAST_MODIFIED).unwrap_or_default();
    let known = !(etag.is_empty() && modified.is_empty());
    known.then(|| format!("{}\t{}", etag.replace('\t', " "), modified.replace('\t', " ")))
}

fn conditions(cached: Option<&Cached>) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = vec![(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))];
    if let Some((etag, modified)) = cached.and_then(|cached| cached.note.split_once('\t')) {
        for (name, value) in [(IF_NONE_MATCH, etag), (IF_MODIFIED_SINCE, modified)] {
            headers
                .extend(HeaderValue::from_str(value).ok().filter(|value| !value.is_empty()).map(|value| (name, value)));
        }
    }
    headers
}

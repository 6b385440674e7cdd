//! The objects of a bucket, page by page.

use std::collections::HashSet;

use super::client::Client;
use super::document;
use super::error::BucketProblem;
use crate::Digest;

/// The most bytes of a page: a thousand keys of the longest, each byte of them escaped.
const MAX_PAGE: u64 = 8 << 20;

/// The most pages that are read.
const MAX_PAGES: usize = 2000;

/// An object as the list has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) etag: String,
    /// In bytes.
    pub(crate) size: u64,
}

/// A page of the list.
#[derive(Debug, Default, PartialEq, Eq)]
struct Page {
    entries: Vec<Entry>,
    /// Where the next page begins.
    next: Option<String>,
}

/// Tells of all objects whose keys begin with `prefix`.
///
/// # Errors
/// When the server does not give them all, or `take` has had enough.
pub(crate) fn pages(
    client: &Client<'_>,
    prefix: &str,
    mut take: impl FnMut(Entry) -> Result<(), BucketProblem>,
) -> Result<(), BucketProblem> {
    let mut next: Option<String> = None;
    let mut begun = HashSet::new();
    for _ in 0..MAX_PAGES {
        let mut query = vec![("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix), ("delimiter", "")];
        query.extend(next.as_deref().map(|token| ("continuation-token", token)));
        let answer = client.get("", &query)?;
        let content = client.web().read(answer, MAX_PAGE)?;
        let page = read(&content).map_err(BucketProblem::Listing)?;
        for entry in page.entries {
            take(entry)?;
        }
        let Some(token) = page.next else { return Ok(()) };
        if !begun.insert(Digest::of(token.as_bytes())) {
            return Err(BucketProblem::Listing("its next page is one that was read already".to_owned()));
        }
        next = Some(token);
    }
    Err(BucketProblem::TooMany(format!("its list has more than {MAX_PAGES} pages")))
}

/// A page as the server wrote it.
fn read(document: &[u8]) -> Result<Page, String> {
    let (mut page, mut entry) = (Page::default(), Entry::default());
    let (mut is_truncated, mut is_escaped, mut is_list) = (false, false, false);
    document::read(document, |way, text| {
        let way: Vec<&str> = way.iter().map(String::as_str).collect();
        match way.as_slice() {
            ["ListBucketResult"] => is_list = true,
            ["ListBucketResult", "IsTruncated"] => is_truncated = text.trim() == "true",
            ["ListBucketResult", "NextContinuationToken"] => page.next = Some(text.to_owned()),
            ["ListBucketResult", "EncodingType"] => is_escaped = text == "url",
            ["ListBucketResult", "Contents", "Key"] => text.clone_into(&mut entry.key),
            ["ListBucketResult", "Contents", "ETag"] => entry.etag = unquoted(text).to_owned(),
            ["ListBucketResult", "Contents", "Size"] => {
                entry.size = text.trim().parse().map_err(|_| "the size of an object is no number".to_owned())?;
            }
            ["ListBucketResult", "Contents"] => page.entries.push(std::mem::take(&mut entry)),
            _ => {}
        }
        Ok(())
    })?;
    if !is_list {
        return Err("it is no list of objects".to_owned());
    }
    if is_escaped {
        for entry in &mut page.entries {
            entry.key = unescaped(&entry.key)?;
        }
    }
    page.next = page.next.filter(|token| is_truncated && !token.is_empty());
    if is_truncated && page.next.is_none() {
        return Err("it is not whole, and does not say where it goes on".to_owned());
    }
    Ok(page)
}

/// An ETag without the quotes that it stands in.
pub(crate) fn unquoted(etag: &str) -> &str {
    let etag = etag.strip_prefix('"').unwrap_or(etag);
    etag.strip_suffix('"').unwrap_or(etag)
}

/// A key with its escapes read, as in a query.
fn unescaped(key: &str) -> Result<String, String> {
    let wrong = || "the key of an object is not escaped as it says".to_owned();
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (digit(rest.next()), digit(rest.next()));
                let value = high.zip(low).map(|(high, low)| high * 16 + low);
                value.and_then(|value| u8::try_from(value).ok()).ok_or_else(wrong)?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| "the key of an object is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(inner: &str) -> Result<Page, String> {
        read(
            format!("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inner}</ListBucketResult>")
                .as_bytes(),
        )
    }

    #[test]
    fn a_page_is_read_with_the_escapes_of_its_keys() {
        let contents = "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>a+b</NextContinuationToken>\
                        <Contents><Key>a+b%2Fc%C3%A4</Key><ETag>&quot;1-2&quot;</ETag><Size>7</Size><Owner><ID>x</ID></Owner></Contents>";
        let entry = Entry { key: "a b/cä".into(), etag: "1-2".into(), size: 7 };
        assert_eq!(page(contents).unwrap(), Page { entries: vec![entry], next: Some("a+b".into()) });
        let plain = "<IsTruncated>false</IsTruncated><Contents><Key>a+b%2F</Key><ETag>x</ETag></Contents>";
        let entry = Entry { key: "a+b%2F".into(), etag: "x".into(), size: 0 };
        assert_eq!(page(plain).unwrap(), Page { entries: vec![entry], next: None });
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for (inner, cause) in [
            ("<IsTruncated>true</IsTruncated>", "does not say where it goes on"),
            ("<IsTruncated>true</IsTruncated><NextContinuationToken/>", "does not say where it goes on"),
            ("<Contents><Key>a</Key><Size>-1</Size></Contents>", "is no number"),
            ("<EncodingType>url</EncodingType><Contents><Key>a%2</Key></Contents>", "not escaped"),
            ("<EncodingType>url</EncodingType><Contents><Key>a%zz</Key></Contents>", "not escaped"),
            ("<EncodingType>url</EncodingType><Contents><Key>%FF</Key></Contents>", "not UTF-8"),
        ] {
            let error = page(inner).unwrap_err();
            assert!(error.contains(cause), "{error}");
        }
        assert_eq!(read(b"<html><body/></html>").unwrap_err(), "it is no list of objects");
    }
}

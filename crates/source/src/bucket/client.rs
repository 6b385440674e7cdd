//! Requests to a server of S3: signed, tried again where it asks for patience, and understood where it refuses.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use jiff::Timestamp;
use ureq::http::StatusCode;
use ureq::http::header::{AUTHORIZATION, HeaderName, HeaderValue, RETRY_AFTER};

use super::document;
use super::error::BucketProblem;
use super::place::{Address, is_region};
use super::sign::{self, Unsigned};
use super::source::BucketSource;
use crate::WebProblem;
use crate::web::{Answer, Web};

/// The region that requests are signed for where nobody says one.
const DEFAULT_REGION: &str = "us-east-1";

/// How often a request is made at most that the server is too busy for.
const TRIES: u32 = 5;

/// The first pause before one is made again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The longest pause that a server may ask for, to be waited for in a fetch; for longer ones the next look is there.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How often it is looked whether a fetch is still wanted.
const GLANCE: Duration = Duration::from_millis(50);

/// The most that is read of what a server says of a failure, in bytes.
const MAX_SAID: u64 = 64 << 10;

/// The most characters of it that are repeated.
const MAX_QUOTED: usize = 300;

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const BUCKET_REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");

/// Asks for the objects of a bucket.
pub(crate) struct Client<'a> {
    web: Web<'a>,
    source: &'a BucketSource,
    region: RefCell<String>,
    /// Whether the server answered before.
    is_there: Cell<bool>,
}

impl<'a> Client<'a> {
    /// Asks by `web`, for what is in `region` where that is known by now.
    pub(crate) fn new(mut web: Web<'a>, source: &'a BucketSource, region: Option<&str>) -> Self {
        let region = region.or(source.region.as_deref()).filter(|region| !region.is_empty()).unwrap_or(DEFAULT_REGION);
        let Address { scheme, host, .. } = source.place.address(region);
        web.trust(&format!("{scheme}://{host}/"));
        Self { web, source, region: RefCell::new(region.to_owned()), is_there: Cell::new(false) }
    }

    pub(crate) fn web(&self) -> &Web<'a> {
        &self.web
    }

    /// The region that the bucket is in, as far as is known.
    pub(crate) fn region(&self) -> String {
        self.region.borrow().clone()
    }

    /// Asks for an object, or with an empty key for the bucket.
    ///
    /// # Errors
    /// When the server does not give it.
    pub(crate) fn get(&self, key: &str, query: &[(&str, &str)]) -> Result<Answer, BucketProblem> {
        let (mut tries, mut pause, mut is_moved) = (1, FIRST_PAUSE, false);
        loop {
            let wait = match self.once(key, query) {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(said)) => match said.region.clone().filter(|region| !is_moved && self.can_move_to(region)) {
                    Some(region) => {
                        is_moved = true;
                        *self.region.borrow_mut() = region;
                        continue;
                    }
                    None if !said.is_busy() => return Err(self.problem(key, said)),
                    None => match said.retry_after.unwrap_or(pause) {
                        wait if tries >= TRIES || wait > LONGEST_PAUSE => return Err(self.problem(key, said)),
                        wait => wait,
                    },
                },
                // A connection that was used before may be closed by the time that it is used again.
                Err(WebProblem::Unreachable { .. }) if self.is_there.get() && tries < TRIES => pause,
                Err(problem) => return Err(problem.into()),
            };
            self.rest(wait)?;
            tries += 1;
            pause *= 2;
        }
    }

    fn once(&self, key: &str, query: &[(&str, &str)]) -> Result<Result<Answer, Said>, WebProblem> {
        let region = self.region();
        let Address { scheme, host, path } = self.source.place.address(&region);
        let (path, query) = (format!("{path}{}", sign::path(key)), sign::query(query));
        let mut headers = Vec::new();
        if let Some(keys) = &self.source.keys {
            let request = Unsigned { host: &host, path: &path, query: &query };
            let (authorization, time) = sign::sign(&request, keys, &region, Timestamp::now());
            let value = |text: &str| {
                HeaderValue::from_str(text)
                    .map_err(|_| WebProblem::Credentials("spec.region cannot be part of a header".to_owned()))
            };
            let mut authorization = value(&authorization)?;
            authorization.set_sensitive(true);
            headers = vec![
                (AUTHORIZATION, authorization),
                (CONTENT_DIGEST, HeaderValue::from_static(sign::NO_CONTENT)),
                (DATE, value(&time)?),
            ];
        }
        let mark = if query.is_empty() { "" } else { "?" };
        let answer = self.web.once(&format!("{scheme}://{host}{path}{mark}{query}"), &headers)?;
        self.is_there.set(true);
        if answer.status == StatusCode::OK {
            return Ok(Ok(answer));
        }
        self.said(answer).map(Err)
    }

    /// What a server says that does not give what it is asked for.
    fn said(&self, answer: Answer) -> Result<Said, WebProblem> {
        let status = answer.status;
        let region = answer.header(BUCKET_REGION).map(str::to_owned);
        let seconds = answer.header(RETRY_AFTER).and_then(|text| text.trim().parse().ok());
        let mut said = Said { status, region, retry_after: seconds.map(Duration::from_secs), ..Said::default() };
        let content = match self.web.read(answer, MAX_SAID) {
            // The status says what counts.
            Err(WebProblem::TooLarge { .. } | WebProblem::Protocol { .. } | WebProblem::Unreachable { .. }) => {
                return Ok(said);
            }
            content => content?,
        };
        let _ = document::read(&content, |way, text| {
            let quoted = || text.chars().take(MAX_QUOTED).collect::<String>();
            match way.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                ["Error", "Code"] => said.code = quoted(),
                ["Error", "Message"] => said.message = quoted(),
                ["Error", "Region"] => said.region = Some(quoted()),
                _ => {}
            }
            Ok(())
        });
        Ok(said)
    }

    /// Whether the bucket is asked for in another region, which the server says: not where the spec says one.
    fn can_move_to(&self, region: &str) -> bool {
        let is_given = self.source.region.as_ref().is_some_and(|region| !region.is_empty());
        !is_given && self.source.keys.is_some() && *self.region.borrow() != region && is_region(region)
    }

    /// What follows from what the server says, and what to do.
    fn problem(&self, key: &str, said: Said) -> BucketProblem {
        let Said { status, code, region, .. } = &said;
        let text = self.web.auth().scrub(&said.text());
        match (status.as_u16(), code.as_str()) {
            (_, "NoSuchBucket") => BucketProblem::NoBucket(self.source.place.name().to_owned()),
            (404, "NoSuchKey") => BucketProblem::NoObject,
            // Who says no more than that means what was asked for.
            (404, "") if !key.is_empty() => BucketProblem::NoObject,
            (404, "") => BucketProblem::NoBucket(self.source.place.name().to_owned()),
            (_, "RequestTimeTooSkewed") => {
                BucketProblem::Refused { said: text, remedy: "set the clock of this machine" }
            }
            (
                _,
                "AuthorizationHeaderMalformed"
                | "InvalidRegion"
                | "PermanentRedirect"
                | "IllegalLocationConstraintException",
            )
            | (301 | 307, _) => {
                let hint = region.as_ref().map(|region| format!(": {region:?}")).unwrap_or_default();
                BucketProblem::Region { said: text, hint }
            }
            (401 | 403, _) => {
                let remedy = match &self.source.keys {
                    Some(_) => {
                        "check accesskey and secretkey in the Secret of spec.secretRef, and that they may list the bucket and get its objects"
                    }
                    None => {
                        "no credentials were given: name a Secret with accesskey and secretkey in spec.secretRef, or have everybody read the bucket"
                    }
                };
                BucketProblem::Refused { said: text, remedy }
            }
            _ if said.is_busy() => BucketProblem::Busy(format!("the server answered {text}")),
            _ => BucketProblem::Answered(text),
        }
    }

    /// Waits, as long as somebody waits for what comes after.
    fn rest(&self, wait: Duration) -> Result<(), WebProblem> {
        let mut left = wait;
        while !left.is_zero() {
            self.web.go_on()?;
            let glance = left.min(GLANCE);
            std::thread::sleep(glance);
            left -= glance;
        }
        self.web.go_on()
    }
}

/// What a server says that does not give what it is asked for.
#[derive(Debug, Default)]
struct Said {
    status: StatusCode,
    code: String,
    message: String,
    region: Option<String>,
    retry_after: Option<Duration>,
}

impl Said {
    /// Whether the server may answer otherwise if it is asked again.
    fn is_busy(&self) -> bool {
        matches!(self.status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
            || matches!(self.code.as_str(), "SlowDown" | "RequestTimeout" | "Throttling" | "InternalError")
    }

    fn text(&self) -> String {
        let Self { status, code, message, .. } = self;
        match (code.as_str(), message.trim()) {
            ("", _) => status.to_string(),
            (code, "") => format!("{status}, {code}"),
            (code, message) => format!("{status}, {code}: {}", message.trim_end_matches('.')),
        }
    }
}

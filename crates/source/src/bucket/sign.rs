//! Signatures of requests, version 4: of a request without content to S3.

use jiff::Timestamp;
use ring::hmac;

use super::BucketKeys;
use crate::Digest;
use crate::web::location::encoded;

/// How requests are signed.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The digest of no content.
pub(super) const NO_CONTENT: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The headers that are signed.
const SIGNED: &str = "host;x-amz-content-sha256;x-amz-date";

/// A request to look at something.
pub(super) struct Unsigned<'a> {
    pub(super) host: &'a str,
    /// The path, with its escapes.
    pub(super) path: &'a str,
    /// The query, as [`query`] writes it.
    pub(super) query: &'a str,
}

/// The signature as the header `Authorization` has it, and the time that the header `x-amz-date` has to have.
pub(super) fn sign(request: &Unsigned<'_>, keys: &BucketKeys, region: &str, now: Timestamp) -> (String, String) {
    let Unsigned { host, path, query } = request;
    let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = time.get(..8).unwrap_or_default();
    let canonical = format!(
        "GET\n{path}\n{query}\nhost:{host}\nx-amz-content-sha256:{NO_CONTENT}\nx-amz-date:{time}\n\n{SIGNED}\n{NO_CONTENT}"
    );
    let scope = format!("{day}/{region}/s3/aws4_request");
    let signed = format!("{ALGORITHM}\n{time}\n{scope}\n{}", Digest::of(canonical.as_bytes()).hex());
    let first = [b"AWS4", keys.secret_key.expose()].concat();
    let parts = [day, region, "s3", "aws4_request", &signed];
    let signature = parts.iter().fold(first, |key, part| authenticated(&key, part));
    let signature: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    let who = format!("{}/{scope}", keys.access_key);
    (format!("{ALGORITHM} Credential={who}, SignedHeaders={SIGNED}, Signature={signature}"), time)
}

fn authenticated(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

/// The key of an object as a path, of which the slashes stay.
pub(super) fn path(key: &str) -> String {
    key.split('/').map(encoded).collect::<Vec<_>>().join("/")
}

/// A query, in the order in which it is signed.
pub(super) fn query(parameters: &[(&str, &str)]) -> String {
    let mut parameters: Vec<_> = parameters.iter().map(|(name, value)| (encoded(name), encoded(value))).collect();
    parameters.sort();
    parameters.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of "Signature Calculations for the Authorization Header" in Amazon's documentation of S3.
    #[test]
    fn the_examples_of_amazon_are_signed_as_amazon_signs_them() {
        let secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into();
        let keys = BucketKeys { access_key: "AKIAIOSFODNN7EXAMPLE".into(), secret_key };
        let now = "2013-05-24T00:00:00Z".parse().unwrap();
        for (parameters, signature) in [
            (&[("lifecycle", "")][..], "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
            (&[("prefix", "J"), ("max-keys", "2")], "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
        ] {
            let query = query(parameters);
            let request = Unsigned { host: "examplebucket.s3.amazonaws.com", path: "/", query: &query };
            let (authorization, time) = sign(&request, &keys, "us-east-1", now);
            assert_eq!(time, "20130524T000000Z");
            assert_eq!(
                authorization,
                "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
                 SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="
                    .to_owned()
                    + signature
            );
        }
    }

    #[test]
    fn keys_and_parameters_are_escaped_as_they_are_signed() {
        assert_eq!(path("a b/ä+c/~x.yaml"), "a%20b/%C3%A4%2Bc/~x.yaml");
        assert_eq!(query(&[("prefix", "a/b c"), ("list-type", "2")]), "list-type=2&prefix=a%2Fb%20c");
    }
}

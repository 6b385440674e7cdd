//! Which form a client wants its answer in.

use http::{HeaderMap, header};

use crate::status::{ApiError, ApiResult};

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/json`
    Json,
    /// `application/yaml`
    Yaml,
}

impl Format {
    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Yaml => "application/yaml",
        }
    }
}

/// What is made of the objects before they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The objects as they are.
    Whole,
    /// Only their metadata.
    Metadata,
    /// A table as `kubectl get` prints it.
    Table,
    /// The aggregated discovery document.
    Discovery,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// How it is written.
    pub format: Format,
    /// What is made of the objects.
    pub shape: Shape,
}

impl Accepted {
    /// Plain JSON: what errors and those who ask for nothing get.
    pub const JSON: Self = Self { format: Format::Json, shape: Shape::Whole };

    /// The first form of the `Accept` header that can be written.
    pub fn from_headers(headers: &HeaderMap) -> ApiResult<Self> {
        let mut wanted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
        if wanted.peek().is_none() {
            return Ok(Self::JSON);
        }
        wanted
            .flat_map(|value| value.split(','))
            .find_map(Self::parse)
            .ok_or_else(|| ApiError::not_acceptable(&["application/json", "application/yaml"]))
    }

    fn parse(range: &str) -> Option<Self> {
        let mut parts = range.split(';').map(str::trim);
        let format = match parts.next()? {
            "application/json" | "*/*" | "application/*" | "" => Format::Json,
            "application/yaml" => Format::Yaml,
            _ => return None,
        };
        let (mut kind, mut group, mut version) = ("", "", "");
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match name {
                "as" => kind = value,
                "g" => group = value,
                "v" => version = value,
                _ => {}
            }
        }
        let shape = match (kind, group, version) {
            ("", ..) => Shape::Whole,
            ("PartialObjectMetadata" | "PartialObjectMetadataList", "meta.k8s.io", "v1" | "v1beta1") => Shape::Metadata,
            ("Table", "meta.k8s.io", "v1" | "v1beta1") => Shape::Table,
            ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2") => Shape::Discovery,
            _ => return None,
        };
        Some(Self { format, shape })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(value: &str) -> ApiResult<Accepted> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, value.parse().unwrap());
        Accepted::from_headers(&headers)
    }

    #[test]
    fn the_first_form_that_can_be_written_wins() {
        let table = accept("application/json;as=Table;v=v1;g=meta.k8s.io,application/json").unwrap();
        assert_eq!(table.shape, Shape::Table);
        let plain = accept("application/vnd.kubernetes.protobuf, application/json").unwrap();
        assert_eq!(plain, Accepted::JSON);
        let unknown = accept("application/json;as=Unknown;v=v1;g=meta.k8s.io,application/yaml").unwrap();
        assert_eq!(unknown, Accepted { format: Format::Yaml, shape: Shape::Whole });
        assert_eq!(accept("application/vnd.kubernetes.protobuf").unwrap_err().code(), 406);
    }
}

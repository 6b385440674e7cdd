//! What is served, said in the documents that clients look at first.

mod aggregated;
pub mod groups;
pub mod health;
pub mod metrics;
pub mod openapi;

use serde_json::json;

use crate::{
    answer::Answer,
    negotiation::{Accepted, Shape},
    route::Route,
    server::ApiServer,
    service::Call,
    status::{ApiError, ApiResult},
};

/// The version of Kubernetes whose API this is.
pub const KUBERNETES_VERSION: (&str, &str, &str) = ("1", "35", "0");

/// The media type of the aggregated document.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Answers a request for anything but objects.
pub async fn serve(server: &ApiServer, call: &Call, route: &Route) -> ApiResult<Answer> {
    let catalog = server.catalog();
    let aggregated = || Accepted::from_headers(&call.headers).is_ok_and(|accepted| accepted.shape == Shape::Discovery);
    match route {
        Route::Health => health::serve(server, call).await,
        Route::Metrics => Ok(metrics::serve(server, call)),
        Route::Version => Ok(Answer::document(version())),
        Route::Root => Ok(Answer::document(groups::paths(catalog))),
        Route::Core if aggregated() => Ok(Answer::bytes(aggregated::core(catalog), AGGREGATED)),
        Route::Core => Ok(Answer::document(groups::core())),
        Route::Groups if aggregated() => Ok(Answer::bytes(aggregated::groups(catalog), AGGREGATED)),
        Route::Groups => Ok(Answer::document(groups::groups(catalog))),
        Route::Group(group) => groups::group(catalog, group).map(Answer::document).ok_or_else(ApiError::no_such_path),
        Route::Resources(group_version) => {
            groups::resources(catalog, group_version).map(Answer::document).ok_or_else(ApiError::no_such_path)
        }
        Route::OpenApiV2 => openapi::v2(server, call).await,
        Route::OpenApiV3Index => openapi::v3_index(catalog),
        Route::OpenApiV3(group_version) => openapi::v3(server, group_version, call).await,
        Route::Object(_) | Route::Below(_) | Route::Unknown => Err(ApiError::no_such_path()),
    }
}

fn version() -> serde_json::Value {
    let (major, minor, patch) = KUBERNETES_VERSION;
    let platform = format!(
        "{}/{}",
        std::env::consts::OS,
        match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        }
    );
    json!({
        "major": major, "minor": minor, "gitVersion": format!("v{major}.{minor}.{patch}+cowherd"),
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "", "compiler": "rustc", "platform": platform,
    })
}

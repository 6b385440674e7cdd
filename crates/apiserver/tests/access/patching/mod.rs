//! Strategic merge patches with all their directives, as a real kube-apiserver does them.

mod random;
mod shapes;

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::histories::{Judged, Step, compare, forgets_owners, told};

/// Whether we answer what Kubernetes answers.
fn same(ours: &Value, real: &Value) -> bool {
    let message = |answer: &Value| answer["document"]["message"].as_str().unwrap_or_default().to_owned();
    let (our_words, real_words) = (message(ours), message(real));
    // A patch that does not fit is no failure of the server.
    if real["code"] == 500 {
        let words = our_words.strip_prefix("the server rejected our request due to an error in our request: ");
        // Of the map with an unknown directive we show no values.
        let told = |words: &str| words.split(" in map: ").next().unwrap_or_default().to_owned();
        return ours["code"] == 422 && words.is_some_and(|words| told(words) == told(&real_words));
    }
    // Of a value of a wrong type we say what Go's decoder of JSON says, which is another one here.
    if real_words.starts_with(" \"\" is invalid: patch: ") {
        let field = |answer: &Value| json!([answer["code"], answer["document"]["details"]["causes"][0]["field"]]);
        return field(ours) == field(real);
    }
    // How an object is judged that a patch makes well is no matter of patches, nor is what it is warned of besides.
    let reason = |answer: &Value| json!([answer["code"], answer["document"]["reason"]]);
    if real["document"]["reason"] == "Invalid" {
        return reason(ours) == reason(real);
    }
    if real["code"] != 200 && real["code"] != 201 {
        // Beside a refusal Kubernetes tells as well which fields it did not know.
        return ours["document"] == real["document"];
    }
    let unknown = |answer: &Value| {
        let warnings = answer["warnings"].as_array().into_iter().flatten();
        warnings.filter(|text| text.to_string().contains("unknown field")).cloned().collect::<Vec<_>>()
    };
    ours["code"] == real["code"] && without_put_back(ours) == without_put_back(real) && unknown(ours) == unknown(real)
}

/// The document, but for who has the address of a Service and its family, and the tolerations of a Pod: those that a patch takes away
/// are put back, here to whom they belonged.
fn without_put_back(answer: &Value) -> Value {
    let mut document = answer["document"].clone();
    for owner in document["metadata"]["managedFields"].as_array_mut().into_iter().flatten() {
        if let Some(spec) = owner["fieldsV1"]["f:spec"].as_object_mut() {
            spec.retain(|field, _| !matches!(&**field, "f:clusterIP" | "f:ipFamilyPolicy" | "f:tolerations"));
        }
    }
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strategic_merge_patch_does_what_it_does_in_kubernetes() {
    let kinds = shapes::kinds();
    let histories = told("patching", |chance, number| random::history(chance, number, &kinds), 140).await;
    let judge = |_: &Step, ours: &Value, real: &Value| {
        if forgets_owners(ours, real) { Judged::Parted } else { same(ours, real).into() }
    };
    compare(&histories, &Cluster::ours().await, judge).await;
}

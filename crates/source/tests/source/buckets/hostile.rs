//! Lists that somebody wrote to harm whoever reads them.

use cowherd_gitserver::storage::Storage;
use cowherd_source::{BucketError, BucketProblem};

use super::{BUCKET, artifacts, refused, small, source};

fn list(inner: &str) -> String {
    format!("<ListBucketResult>{inner}</ListBucketResult>")
}

/// What is said of a bucket whose list is this.
fn said(pages: Vec<String>) -> BucketError {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::start(BUCKET);
    storage.behave(|behaviour| behaviour.pages = pages);
    artifacts(directory.path()).bucket(&source(&storage)).unwrap_err()
}

#[test]
fn lists_that_are_none_are_refused_whatever_is_in_them() {
    let bomb =
        "<!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><ListBucketResult>&b;</ListBucketResult>";
    let next =
        |token: &str| format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>");
    for (page, cause) in [
        (bomb.to_owned(), "it has a document type"),
        (list("<Contents><Key>&b;</Key></Contents>"), "an entity that is not known"),
        ("<a>".repeat(1 << 20), "too deep"),
        (list("<Contents>"), "cannot be read"),
        ("<ListBucketResult><Contents><Key>a</Key></Contents>".to_owned(), "it ends inside of an element"),
        (list(&"x".repeat(9 << 20)), "more than 8388608 bytes"),
        (list(&next("again")), "its next page is one that was read already"),
        (list("<IsTruncated>true</IsTruncated>"), "does not say where it goes on"),
        (String::new(), "it is empty"),
        ("\u{0}\u{1}".to_owned(), "cannot be read"),
    ] {
        let error = said(vec![page]).to_string();
        assert!(
            error.starts_with("indexation of objects from bucket 'apps' failed: ") && error.contains(cause),
            "{error}"
        );
    }
}

#[test]
fn a_list_without_end_is_not_read_to_its_end() {
    let page = |number: usize| {
        list(&format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{number}</NextContinuationToken>"))
    };
    let error = said((0..2100).map(page).collect()).to_string();
    assert!(error.contains("its list has more than 2000 pages; take fewer by spec.prefix"), "{error}");
    let entries = |number: usize| {
        let one = |at: usize| format!("<Contents><Key>{number}/{at}</Key><ETag>e</ETag></Contents>");
        let next = format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{number}</NextContinuationToken>");
        list(&(next + &(0..10_000).map(one).collect::<String>()))
    };
    let error = said((0..6).map(entries).collect());
    assert!(matches!(error.problem, BucketProblem::TooMany(_)), "{error}");
}

#[test]
fn keys_that_no_file_can_have_are_named_and_nothing_is_fetched() {
    for (keys, cause) in [
        (&["../../etc/passwd"][..], "it leads out"),
        (&["a/%2E%2E/%2e%2e/b"], "it leads out"),
        (&["a%00b"], "NUL"),
        (&["a", "a/b"], "cannot both be files"),
        (&["a/b", "a//b"], "cannot both be files"),
    ] {
        let contents = keys.iter().map(|key| format!("<Contents><Key>{key}</Key><ETag>e</ETag></Contents>"));
        let page = list(&format!("<EncodingType>url</EncodingType>{}", contents.collect::<String>()));
        let error = said(vec![page]).to_string();
        assert!(error.starts_with("fetch from bucket 'apps' failed: the object") && error.contains(cause), "{error}");
        assert!(error.contains("spec.ignore"), "{error}");
    }
}

#[test]
fn objects_are_no_larger_together_than_is_fetched_whatever_the_list_says() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::start(BUCKET);
    for name in 0..4 {
        storage.put(&format!("{name}.bin"), vec![name; 1 << 20]);
    }
    let kept = small(directory.path(), 3 << 20);
    let error = refused(&kept, &source(&storage));
    assert!(error.contains("more than 3 MiB together") && error.contains("spec.prefix"), "{error}");
    assert_eq!(storage.asked(), [".sourceignore"], "that is seen from the list");
    let contents = (0..4).map(|name| format!("<Contents><Key>{name}.bin</Key><ETag>e</ETag><Size>1</Size></Contents>"));
    let lie = list(&contents.collect::<String>());
    storage.behave(|behaviour| behaviour.pages = vec![lie]);
    let error = refused(&kept, &source(&storage));
    assert!(error.contains("more than 3 MiB together"), "{error}");
    storage.behave(|behaviour| {
        behaviour.pages = vec![list("<Contents><Key>large.bin</Key><ETag>e</ETag><Size>1</Size></Contents>")];
    });
    storage.put("large.bin", vec![1; 17 << 20]);
    let error = refused(&artifacts(directory.path()), &source(&storage));
    assert!(
        error.contains("failed to get 'large.bin' object") && error.contains("more than 16777216 bytes"),
        "{error}"
    );
}

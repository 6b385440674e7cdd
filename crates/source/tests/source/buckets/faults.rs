//! Servers that are busy, silent, gone, or send us elsewhere.

use std::time::{Duration, Instant};

use cowherd_gitserver::files;
use cowherd_gitserver::storage::{Fault, Storage};
use cowherd_source::{BucketPlace, BucketProblem, BucketSource, WebProblem};

use super::{BUCKET, artifacts, fetch, files as files_of, refused, source, text};

fn storage() -> Storage {
    let storage = Storage::start(BUCKET);
    storage.put("a.yaml", "1");
    storage.put("b.yaml", "2");
    storage
}

fn slow_down() -> Fault {
    Fault::error(503, "SlowDown", "Please reduce your request rate.")
}

#[test]
fn a_server_that_is_busy_for_a_moment_is_asked_again() {
    let directory = tempfile::tempdir().unwrap();
    let storage = storage();
    for of_lists in [false, true] {
        let patient = Fault { status: 429, headers: vec![("Retry-After".into(), "1".into())], error: None };
        storage.behave(|behaviour| {
            behaviour.of_lists = of_lists;
            behaviour.faults = [slow_down(), patient, Fault::error(500, "InternalError", "")].into();
        });
        let begun = Instant::now();
        let wanted = BucketSource { scope: of_lists.to_string(), ..source(&storage) };
        let fetched = fetch(&artifacts(directory.path()), &wanted);
        assert_eq!(files_of(fetched.tree.as_ref()), ["a.yaml", "b.yaml"]);
        assert!(begun.elapsed() > Duration::from_secs(1), "it is left alone for as long as it asks for");
    }
}

#[test]
fn a_server_that_stays_busy_is_left_alone_until_the_next_look() {
    let directory = tempfile::tempdir().unwrap();
    let storage = storage();
    let kept = artifacts(directory.path());
    let busy = |faults: Vec<Fault>| {
        storage.behave(|behaviour| behaviour.faults = faults.into());
        storage.seen();
        let error = kept.bucket(&source(&storage)).unwrap_err();
        assert!(error.may_pass() && matches!(error.problem, BucketProblem::Busy(_)), "{error}");
        (error.to_string(), storage.seen().len())
    };
    let (said, asked) = busy(vec![slow_down(); 50]);
    let expected = "failed to confirm existence of 'apps' bucket: the server answered 503 Service Unavailable, SlowDown: Please reduce \
                    your request rate";
    assert_eq!((said.as_str(), asked), (expected, 5));
    let long = Fault { headers: vec![("Retry-After".into(), "3600".into())], ..slow_down() };
    assert_eq!(busy(vec![long]).1, 1, "nobody waits in line for that long");
    storage.behave(|behaviour| behaviour.faults.clear());
    assert_eq!(fetch(&kept, &source(&storage)).objects, 2);
}

#[test]
fn a_server_that_hangs_or_breaks_off_says_which_object_it_was_and_what_was_there_stays() {
    let directory = tempfile::tempdir().unwrap();
    let storage = storage();
    let kept = artifacts(directory.path());
    let before = fetch(&kept, &source(&storage));
    storage.put("b.yaml", "0123456789");
    storage.behave(|behaviour| behaviour.hang_after = Some(3));
    let begun = Instant::now();
    let hanging = BucketSource { timeout: Duration::from_secs(2), ..source(&storage) };
    let error = kept.bucket(&hanging).unwrap_err();
    assert!(error.may_pass() && matches!(error.problem, BucketProblem::Web(WebProblem::Timeout(_))), "{error}");
    assert!(
        error.to_string().starts_with("fetch from bucket 'apps' failed: failed to get 'b.yaml' object: "),
        "{error}"
    );
    assert!(begun.elapsed() < Duration::from_secs(10));
    storage.behave(|behaviour| (behaviour.hang_after, behaviour.cut_after) = (None, Some(3)));
    let error = kept.bucket(&source(&storage)).unwrap_err();
    assert!(error.may_pass() && error.to_string().contains("the connection broke off"), "{error}");
    storage.behave(|behaviour| behaviour.cut_after = None);
    storage.asked();
    assert_eq!(text(&before, "b.yaml"), "2");
    assert_eq!(text(&fetch(&kept, &source(&storage)), "b.yaml"), "0123456789");
    assert_eq!(storage.asked(), [".sourceignore", "b.yaml"]);
}

#[test]
fn what_changes_or_goes_while_it_is_fetched_is_taken_as_it_is_then() {
    let directory = tempfile::tempdir().unwrap();
    let storage = storage();
    let listed = |etag: &str| {
        format!(
            "<ListBucketResult><Contents><Key>a.yaml</Key><ETag>{etag}</ETag><Size>1</Size></Contents><Contents><Key>gone.yaml</Key>\
             <ETag>x</ETag></Contents></ListBucketResult>"
        )
    };
    storage.behave(|behaviour| behaviour.pages = vec![listed("old")]);
    let fetched = fetch(&artifacts(directory.path()), &source(&storage));
    assert_eq!(files_of(fetched.tree.as_ref()), ["a.yaml"]);
    storage.remove("b.yaml");
    storage.behave(|behaviour| behaviour.pages.clear());
    let calm = fetch(&artifacts(directory.path()), &source(&storage));
    assert_eq!((calm.revision, calm.unchanged), (fetched.revision, true), "the revision is of what was fetched");
}

#[test]
fn who_sends_us_elsewhere_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let (storage, other) = (storage(), Storage::start(BUCKET));
    let location = ("Location".to_owned(), format!("http://{}/apps/", other.endpoint()));
    storage.behave(|behaviour| {
        let fault =
            Fault::error(301, "PermanentRedirect", "The bucket must be addressed using the specified endpoint.");
        let named =
            Fault { headers: vec![location.clone(), ("x-amz-bucket-region".into(), "eu-west-1".into())], ..fault };
        behaviour.faults = [named, Fault { status: 302, headers: vec![location], error: None }].into();
    });
    let error = refused(&artifacts(directory.path()), &source(&storage));
    assert!(
        error.contains("PermanentRedirect") && error.contains("set spec.region") && error.contains("eu-west-1"),
        "{error}"
    );
    let error = refused(&artifacts(directory.path()), &source(&storage));
    assert!(error.contains("302 Found"), "{error}");
    assert!(other.seen().is_empty());
}

#[test]
fn what_is_no_server_of_s3_or_has_no_such_bucket_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let kept = artifacts(directory.path());
    let storage = storage();
    let place = BucketPlace::parse(&storage.endpoint(), "others", true).unwrap();
    let error = refused(&kept, &BucketSource { place, ..source(&storage) });
    assert_eq!(error, "bucket 'others' not found; check spec.bucketName, spec.endpoint and spec.region");
    let web = files::Server::start(directory.path());
    let of_web =
        |host: &str| BucketSource { place: BucketPlace::parse(host, BUCKET, true).unwrap(), ..source(&storage) };
    let error = refused(&kept, &of_web(&web.address.to_string()));
    assert_eq!(error, "bucket 'apps' not found; check spec.bucketName, spec.endpoint and spec.region");
    web.behave(files::Behaviour { content: Some(b"<html><body>hello</body></html>".to_vec()), ..Default::default() });
    let error = refused(&kept, &of_web(&web.address.to_string()));
    assert!(error.contains("it is no list of objects; check that spec.endpoint speaks S3"), "{error}");
    let error = kept.bucket(&of_web("127.0.0.1:1")).unwrap_err();
    assert!(
        error.may_pass() && error.to_string().contains("cannot reach http://127.0.0.1:1/apps/.sourceignore"),
        "{error}"
    );
}

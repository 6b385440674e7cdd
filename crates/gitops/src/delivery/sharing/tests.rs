//! Who waits for whom, and who gives up what.

use super::quiet::QUIET;
use super::*;
use crate::owner::Owning;
use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_apply::inventory as entries;

fn name(text: &str) -> OwnerName {
    OwnerName::new(&crate::kustomization::KIND, "n", text)
}

fn source() -> SourceName {
    SourceName::new(crate::source::git::KIND, "n", "source")
}

fn owner(name: &str, created: &str) -> Arc<Owner> {
    let metadata = serde_json::json!({ "name": name, "namespace": "n", "uid": created, "creationTimestamp": created });
    let spec = serde_json::json!({ "interval": "1m", "prune": true,
        "sourceRef": { "kind": "GitRepository", "name": "s" } });
    let object: Kustomization =
        serde_json::from_value(serde_json::json!({ "metadata": metadata, "spec": spec })).unwrap();
    Arc::new(object.read(None).0)
}

fn rank(name: &str) -> Rank {
    Rank::of(&owner(name, "2026-01-01T00:00:00Z"))
}

#[tokio::test]
async fn a_deletion_waits_for_those_who_have_not_applied() {
    let sharing = Arc::new(Sharing::default());
    sharing.enter(&source(), &name("b"));
    let object = ObjectId { name: "moved".into(), ..ObjectId::default() };
    let waiter = {
        let (sharing, object) = (sharing.clone(), object.clone());
        tokio::spawn(async move {
            sharing.wait_for_others(&name("a"), Some(&source()), std::future::pending()).await;
            sharing.state().claims.here().is_claimed_by_another(&name("a"), &object)
        })
    };
    tokio::time::sleep(QUIET * 2).await;
    assert!(!waiter.is_finished());
    let _ = sharing.claim(&rank("b"), [object], BTreeSet::new());
    sharing.leave(&source(), &name("b"));
    assert!(waiter.await.unwrap());
}

#[test]
fn what_an_owner_has_still_is_given_up_when_it_is_left_to_another_or_gone() {
    let sharing = Sharing::default();
    let object = entries::parse("n_shared__ConfigMap", "v1").unwrap();
    let is_abandoned = || sharing.is_abandoned(&name("b"), &name("a"), &object.id);
    assert!(!is_abandoned(), "it may yet say that it describes it");
    let describe = |rank: &Rank, ids: &[&ObjectId]| {
        drop(sharing.claim(rank, ids.iter().copied().cloned(), BTreeSet::new()));
    };
    let (a, b) = (rank("a"), rank("b"));
    describe(&a, &[&object.id]);
    describe(&b, &[]);
    assert!(!is_abandoned());
    describe(&a, &[]);
    assert!(!is_abandoned(), "it is there to delete it");
    assert_eq!(sharing.heirs(&a.name, &object.id), Heirs::Some(Vec::new()));
    assert!(!is_abandoned(), "nobody has got it");

    describe(&b, &[&object.id]);
    drop(sharing.applied(&b, &[object.id.clone()].into_iter().collect(), true));
    assert_eq!(sharing.heirs(&a.name, &object.id), Heirs::OneHasIt(b.name.clone()));
    describe(&b, &[]);
    assert!(is_abandoned(), "it was left to who drops it now");
    sharing.keep(&a.name, std::slice::from_ref(&object), false);
    assert!(!is_abandoned());
    sharing.keep(&a.name, &[], false);
    assert!(is_abandoned(), "it is not to be pruned there");
}

#[test]
fn what_a_former_one_says_counts_no_more_once_there_is_another() {
    let sharing = Sharing::default();
    let object = entries::parse("n_shared__ConfigMap", "v1").unwrap().id;
    let (former, owner) = (owner("a", "2026-01-01T00:00:00Z"), owner("a", "2026-01-02T00:00:00Z"));
    let describes = |rank: &Rank| drop(sharing.claim(rank, [object.clone()], BTreeSet::new()));
    let _ = sharing.meet(&former, true, false);
    describes(&Rank::of(&former));
    let _ = (sharing.meet(&owner, true, false), sharing.expect(&Rank::of(&owner), None, false, []));
    describes(&Rank::of(&former));
    assert!(sharing.others_describing(&name("b"), &object).is_empty());
    describes(&Rank::of(&owner));
    let _ = sharing.go(&Rank::of(&former));
    assert_eq!(sharing.others_describing(&name("b"), &object), [name("a")]);
}

#[tokio::test(start_paused = true)]
async fn what_is_about_to_be_given_is_waited_for_by_who_gets_it() {
    let sharing = Arc::new(Sharing::default());
    let (object, heir) = (entries::parse("n_shared__ConfigMap", "v1").unwrap(), name("b"));
    assert!(sharing.promise(&heir, &object).is_none(), "it does not describe it");
    drop(sharing.claim(&rank("b"), [object.id.clone()], BTreeSet::new()));
    let promise = sharing.promise(&heir, &object).unwrap();
    // It drops the object before that is marked as its own.
    drop(sharing.claim(&rank("b"), [], BTreeSet::new()));
    assert!(sharing.promise(&heir, &object).is_none());
    let taker = {
        let (sharing, heir) = (sharing.clone(), heir.clone());
        tokio::spawn(async move { sharing.take_given(&heir).await })
    };
    tokio::time::sleep(PATIENCE / 2).await;
    assert!(!taker.is_finished());
    drop(promise);
    assert_eq!(taker.await.unwrap(), std::slice::from_ref(&object));

    drop(sharing.claim(&rank("b"), [object.id.clone()], BTreeSet::new()));
    sharing.promise(&heir, &object).unwrap().take_back();
    assert_eq!(sharing.take_given(&heir).await, [], "it cannot have it");
}

#[tokio::test]
async fn a_deletion_does_not_wait_for_ever() {
    let sharing = Sharing { patience: Duration::from_millis(10), ..Sharing::default() };
    sharing.enter(&source(), &name("stuck"));
    let source = source();
    let waited = tokio::time::timeout(
        Duration::from_secs(5),
        sharing.wait_for_others(&name("a"), Some(&source), std::future::pending()),
    )
    .await;
    assert!(waited.is_ok());
}

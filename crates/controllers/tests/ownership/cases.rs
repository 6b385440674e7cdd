//! The rules of ownership, a case for each.

use crate::case::Policy::{Background, Foreground, Orphan};
use crate::case::{Case, autoscaler, case, cluster_role, config_map, secret, to, to_nothing};

pub fn all() -> Vec<Case> {
    let mut cases = policies();
    cases.extend(several_owners());
    cases.extend(absent_owners());
    cases.extend(other_kinds_and_versions());
    cases.extend(scopes());
    cases.extend(circles());
    cases.extend(finalizers());
    cases
}

fn policies() -> Vec<Case> {
    let family = |name| {
        case(name)
            .with(config_map("parent"))
            .with(config_map("child").owned_by(to("parent").blocking()))
            .with(config_map("grandchild").owned_by(to("child").blocking()).held())
    };
    vec![
        family("in the background dependents follow").delete("parent", Background).look().release("grandchild"),
        family("in the foreground the owner waits for all below it")
            .delete("parent", Foreground)
            .look()
            .release("grandchild"),
        family("orphans stay and name their owner no more").delete("parent", Orphan),
        case("in the foreground the owner does not wait for who does not block it")
            .with(config_map("parent"))
            .with(config_map("child").owned_by(to("parent")).held())
            .delete("parent", Foreground)
            .look()
            .release("child"),
        case("in the foreground one of two dependents blocks")
            .with(config_map("parent"))
            .with(config_map("blocking").owned_by(to("parent").blocking()).held())
            .with(config_map("free").owned_by(to("parent")))
            .delete("parent", Foreground)
            .look()
            .release("blocking"),
    ]
}

fn several_owners() -> Vec<Case> {
    let two = |name| {
        case(name)
            .with(config_map("one"))
            .with(secret("two"))
            .with(config_map("child").owned_by(to("one").blocking()).owned_by(to("two").blocking()))
    };
    vec![
        two("with one owner left an object stays").delete("one", Background),
        two("without its last owner an object goes").delete("one", Background).look().delete("two", Background),
        two("an owner in the foreground does not wait for who has another").delete("one", Foreground),
        two("both owners in the foreground").delete("one", Foreground).look().delete("two", Foreground),
        two("orphaned by one owner it stays with the other").delete("one", Orphan),
        two("one orphans and the other does not").delete("one", Orphan).look().delete("two", Background),
    ]
}

fn absent_owners() -> Vec<Case> {
    vec![
        case("an owner that never was").with(config_map("child").owned_by(to_nothing("v1", "ConfigMap"))),
        case("an owner that never was beside one that is")
            .with(config_map("parent"))
            .with(config_map("child").owned_by(to("parent")).owned_by(to_nothing("v1", "ConfigMap"))),
        case("an owner that went before its dependent came")
            .with(config_map("parent"))
            .delete("parent", Background)
            .look()
            .with(config_map("child").owned_by(to("parent").in_version("v1").of_kind("ConfigMap").named("parent"))),
        case("another object has the owner's name")
            .with(config_map("parent"))
            .with(config_map("child").owned_by(to_nothing("v1", "ConfigMap").named("parent"))),
        case("a reference to an absent owner that comes later")
            .with(config_map("child"))
            .owns("child", [to_nothing("v1", "Secret")]),
        case("dependents of what is collected are collected")
            .with(config_map("child").owned_by(to_nothing("v1", "ConfigMap")).held())
            .with(config_map("grandchild").owned_by(to("child")))
            .look()
            .release("child"),
    ]
}

fn other_kinds_and_versions() -> Vec<Case> {
    vec![
        case("the owner's uid under another name")
            .with(config_map("parent"))
            .with(config_map("child").owned_by(to("parent").named("somebody"))),
        case("the owner's uid under another kind")
            .with(config_map("parent"))
            .with(config_map("child").owned_by(to("parent").of_kind("Secret"))),
        case("a version that is not served, of an owner that never was")
            .with(config_map("child").owned_by(to_nothing("apps/v9", "Deployment"))),
        case("a version that is not served, of an owner that is")
            .with(autoscaler("parent"))
            .with(config_map("child").owned_by(to("parent").in_version("autoscaling/v9"))),
        case("a kind that is not served").with(config_map("child").owned_by(to_nothing("test.example/v1", "Test"))),
        case("a kind that is not served, beside an owner that never was").with(
            config_map("child").owned_by(to_nothing("test.example/v1", "Test")).owned_by(to_nothing("v1", "Secret")),
        ),
        case("another version that is served")
            .with(autoscaler("parent"))
            .with(config_map("child").owned_by(to("parent").in_version("autoscaling/v1")))
            .look()
            .delete("parent", Background),
        case("another version that is served, in the foreground")
            .with(autoscaler("parent"))
            .with(config_map("child").owned_by(to("parent").in_version("autoscaling/v1").blocking()).held())
            .delete("parent", Foreground)
            .look()
            .release("child"),
    ]
}

fn scopes() -> Vec<Case> {
    vec![
        case("an owner of the cluster owns in any namespace")
            .with(cluster_role("parent"))
            .with(config_map("child").owned_by(to("parent")))
            .with(config_map("distant").away().owned_by(to("parent")))
            .look()
            .delete("parent", Background),
        case("an owner of the cluster owns another of the cluster")
            .with(cluster_role("parent"))
            .with(cluster_role("child").owned_by(to("parent")))
            .look()
            .delete("parent", Background),
        case("an owner in another namespace")
            .with(config_map("parent"))
            .with(config_map("child").away().owned_by(to("parent"))),
        case("an owner in another namespace, and one of its name beside the dependent")
            .with(config_map("parent"))
            .with(config_map("namesake").away())
            .with(config_map("child").away().owned_by(to("parent").named("namesake"))),
        case("an owner in another namespace beside one in this")
            .with(config_map("parent"))
            .with(config_map("near").away())
            .with(config_map("child").away().owned_by(to("parent")).owned_by(to("near"))),
        case("an object of the cluster with an owner in a namespace")
            .with(secret("parent"))
            .with(cluster_role("child").owned_by(to("parent")))
            .look()
            .delete("parent", Background),
        case("an object of the cluster with an owner in a namespace that never was")
            .with(cluster_role("child").owned_by(to_nothing("v1", "Secret"))),
        case("an object of the cluster with an impossible owner and an absent one").with(
            cluster_role("child")
                .owned_by(to_nothing("rbac.authorization.k8s.io/v1", "ClusterRole"))
                .owned_by(to_nothing("v1", "Secret")),
        ),
    ]
}

fn circles() -> Vec<Case> {
    let own = |name| case(name).with(config_map("self")).owns("self", [to("self").blocking()]);
    let pair = |name| {
        case(name)
            .with(config_map("one"))
            .with(config_map("two").owned_by(to("one").blocking()))
            .owns("one", [to("two").blocking()])
    };
    let three = |name| {
        case(name)
            .with(config_map("one"))
            .with(config_map("two").owned_by(to("one").blocking()))
            .with(config_map("three").owned_by(to("two").blocking()))
            .owns("one", [to("three").blocking()])
    };
    vec![
        own("what owns itself stays"),
        own("what owns itself goes in the background").delete("self", Background),
        // With the real collector it waits for itself for ever; nothing is gained by that.
        own("what owns itself goes in the foreground").delete("self", Foreground).instead(&[&[]]),
        own("what owns itself is orphaned").delete("self", Orphan),
        pair("a pair that owns each other stays"),
        pair("a pair that owns each other, in the background").delete("one", Background),
        pair("a pair that owns each other, in the foreground").delete("one", Foreground),
        pair("a pair that owns each other, one orphaned").delete("one", Orphan),
        pair("a pair that owns each other, both in the foreground").delete("one", Foreground).delete("two", Foreground),
        three("three in a circle, in the background").delete("one", Background),
        three("three in a circle, in the foreground").delete("two", Foreground),
        three("three in a circle, all in the foreground")
            .delete("one", Foreground)
            .delete("two", Foreground)
            .delete("three", Foreground),
    ]
}

fn finalizers() -> Vec<Case> {
    vec![
        case("a dependent that asks to orphan its own")
            .with(config_map("parent"))
            .with(config_map("child").owned_by(to("parent")).with_finalizer("orphan"))
            .with(config_map("grandchild").owned_by(to("child")))
            .delete("parent", Background),
        case("a dependent that asks to wait for its own")
            .with(config_map("parent"))
            .with(config_map("child").owned_by(to("parent")).with_finalizer("foregroundDeletion"))
            .with(config_map("grandchild").owned_by(to("child").blocking()).held())
            .delete("parent", Background)
            .look()
            .release("grandchild"),
    ]
}

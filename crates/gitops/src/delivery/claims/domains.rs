//! Claims by cluster: who describes an object describes it in the cluster that it is brought to, and nowhere else.

use std::collections::HashMap;

use cowherd_apply::ObjectId;

use super::{Claims, Concerned, Rank};
use crate::owner::{KubeConfig, Owner, OwnerName, Status};
use crate::target::ClusterId;

/// The other cluster that an owner is brought to, as far as that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    said: KubeConfig,
    /// The cluster, once it is known how it is reached.
    cluster: Option<ClusterId>,
}

/// Where claims belong together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Domain {
    /// The cluster that the owners are in.
    Here,
    There(ClusterId),
    /// Nobody knows where that is, so it is nobody else's.
    Of(OwnerName),
}

/// Claims by cluster.
#[derive(Default)]
pub(in crate::delivery) struct Domains {
    claims: HashMap<Domain, Claims>,
    /// Of those that are brought to other clusters.
    places: HashMap<OwnerName, Place>,
    nothing: Claims,
}

impl Place {
    /// Where an owner is that is met, by its status.
    pub(crate) fn of(owner: &Owner, status: &Status) -> Option<Self> {
        let said = owner.kube_config.clone()?;
        Some(Self { said, cluster: status.cluster.as_deref().map(ClusterId::read) })
    }
}

impl Domains {
    fn domain(&self, name: &OwnerName) -> Domain {
        match self.places.get(name) {
            None => Domain::Here,
            Some(Place { cluster: Some(cluster), .. }) => Domain::There(cluster.clone()),
            Some(Place { cluster: None, .. }) => Domain::Of(name.clone()),
        }
    }

    fn at(&self, domain: &Domain) -> &Claims {
        self.claims.get(domain).unwrap_or(&self.nothing)
    }

    /// Those of the cluster that the owner is brought to.
    pub(in crate::delivery) fn of(&self, name: &OwnerName) -> &Claims {
        self.at(&self.domain(name))
    }

    /// The same, to note something.
    pub(in crate::delivery) fn of_mut(&mut self, name: &OwnerName) -> &mut Claims {
        self.claims.entry(self.domain(name)).or_default()
    }

    /// Those of the cluster that the owners themselves are in.
    pub(in crate::delivery) fn here(&self) -> &Claims {
        self.at(&Domain::Here)
    }

    /// The owner, of which nothing is known yet, is there.
    pub(in crate::delivery) fn place(&mut self, name: &OwnerName, place: Option<Place>) {
        match place {
            Some(place) => drop(self.places.insert(name.clone(), place)),
            None => drop(self.places.remove(name)),
        }
    }

    /// It was found out to which cluster the owner is brought, if that is another one: what it described elsewhere it describes no
    /// more. Where it is not known any more, though it is said as before, it is still where it was. Whether anything changed by that.
    pub(in crate::delivery) fn settle(
        &mut self,
        rank: &Rank,
        said: Option<&KubeConfig>,
        cluster: Option<&ClusterId>,
    ) -> (bool, Concerned) {
        let name = &rank.name;
        let known = self.places.get(name);
        let place = said.map(|said| {
            let before = known.filter(|known| known.said == *said).and_then(|known| known.cluster.clone());
            Place { said: said.clone(), cluster: cluster.cloned().or(before) }
        });
        if known == place.as_ref() {
            return (false, Concerned::default());
        }
        let (before, was_unknown) = (self.domain(name), known.is_some_and(|known| known.cluster.is_none()));
        let is_as_said = known.map(|known| &known.said) == said;
        let expected = self.of(name).objects_of(name);
        self.place(name, place);
        if self.domain(name) == before {
            return (false, Concerned::default());
        }
        let mut concerned = self.claims.get_mut(&before).map(|claims| claims.disclaim(name)).unwrap_or_default();
        self.tidy(&before);
        // What it had where nobody knew the cluster, it had there.
        if was_unknown && is_as_said && !expected.is_empty() {
            concerned.extend(self.of_mut(name).expect(rank, false, expected));
        }
        (true, concerned)
    }

    /// The owner describes nothing any more.
    pub(in crate::delivery) fn disclaim(&mut self, name: &OwnerName) -> Concerned {
        let domain = self.domain(name);
        let concerned = self.claims.get_mut(&domain).map(|claims| claims.disclaim(name)).unwrap_or_default();
        self.places.remove(name);
        self.tidy(&domain);
        concerned
    }

    /// Whether the two may be brought to one cluster, as far as that is known. `is_at_work`: the other one is about to find out.
    pub(in crate::delivery) fn may_meet(&self, one: &OwnerName, other: &OwnerName, is_at_work: bool) -> bool {
        match (self.places.get(one), self.places.get(other)) {
            (None, None) => true,
            (Some(one), Some(other)) => match (&one.cluster, &other.cluster) {
                (Some(one), Some(other)) => one == other,
                _ => is_at_work || one.said == other.said,
            },
            _ => false,
        }
    }

    fn tidy(&mut self, domain: &Domain) {
        if self.claims.get(domain).is_some_and(Claims::is_empty) {
            self.claims.remove(domain);
        }
    }
}

impl Claims {
    /// What the owner describes.
    fn objects_of(&self, name: &OwnerName) -> Vec<ObjectId> {
        let described = self.of.get(name).into_iter().flat_map(|described| described.objects.iter());
        described.map(|object| object.as_ref().clone()).collect()
    }

    fn is_empty(&self) -> bool {
        self.of.is_empty() && self.kept.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::owner::{KubeConfigSource, Precedence};

    fn rank(name: &str) -> Rank {
        let name = OwnerName::new(&crate::kustomization::KIND, "n", name);
        Rank { precedence: Precedence::default(), created: Timestamp::UNIX_EPOCH, name }
    }

    fn said(secret: &str) -> KubeConfig {
        KubeConfig { namespace: "n".into(), from: KubeConfigSource::Secret { name: secret.into(), key: None } }
    }

    fn object(name: &str) -> ObjectId {
        ObjectId { kind: "ConfigMap".into(), namespace: "n".into(), name: name.into(), ..ObjectId::default() }
    }

    fn describe(domains: &mut Domains, rank: &Rank) {
        let objects = std::collections::BTreeSet::from([object("x")]);
        let _ = domains.of_mut(&rank.name).claim(rank, objects.clone(), Default::default());
        let _ = domains.of_mut(&rank.name).applied(rank, &objects, true);
    }

    #[test]
    fn an_object_of_one_name_in_two_clusters_is_shared_by_nobody() {
        let (mut domains, a, b, c) = (Domains::default(), rank("a"), rank("b"), rank("c"));
        let (one, two) = (ClusterId::read("sha256:1"), ClusterId::read("sha256:2"));
        describe(&mut domains, &a);
        let _ = domains.settle(&b, Some(&said("s")), Some(&one));
        describe(&mut domains, &b);
        assert!(domains.of(&a.name).shared(&a.name).is_empty() && domains.of(&b.name).shared(&b.name).is_empty());
        assert!(!domains.may_meet(&a.name, &b.name, true));
        // Another Secret leads to the same cluster.
        let _ = domains.settle(&c, Some(&said("t")), Some(&one));
        describe(&mut domains, &c);
        assert_eq!(domains.of(&b.name).shared(&b.name).len(), 1);
        assert!(domains.may_meet(&b.name, &c.name, false));
        let (has_changed, _) = domains.settle(&c, Some(&said("t")), Some(&two));
        assert!(has_changed && domains.of(&b.name).shared(&b.name).is_empty());
        assert_eq!(domains.of(&c.name).objects_of(&c.name), [], "what it had is in the former cluster");
    }

    #[test]
    fn who_is_not_reached_any_more_is_where_it_was_as_long_as_it_says_so() {
        let (mut domains, a) = (Domains::default(), rank("a"));
        let one = ClusterId::read("sha256:1");
        domains.place(&a.name, Some(Place { said: said("s"), cluster: None }));
        let _ = domains.of_mut(&a.name).expect(&a, false, [object("x")]);
        let _ = domains.settle(&a, Some(&said("s")), Some(&one));
        assert_eq!(domains.of(&a.name).objects_of(&a.name), [object("x")], "what it had is there");
        assert!(!domains.settle(&a, Some(&said("s")), None).0);
        assert_eq!(domains.of(&a.name).objects_of(&a.name), [object("x")]);
        assert!(domains.settle(&a, Some(&said("other")), None).0);
        assert_eq!(domains.of(&a.name).objects_of(&a.name), []);
        let _ = domains.disclaim(&a.name);
        assert!(domains.claims.is_empty() && domains.places.is_empty(), "nothing is left of who is gone");
    }

    #[test]
    fn who_is_about_to_find_its_cluster_out_may_be_brought_to_any_other() {
        let (mut domains, a, b) = (Domains::default(), rank("a"), rank("b"));
        let _ = domains.settle(&a, Some(&said("s")), Some(&ClusterId::read("sha256:1")));
        domains.place(&b.name, Some(Place { said: said("t"), cluster: None }));
        assert!(domains.may_meet(&a.name, &b.name, true) && !domains.may_meet(&a.name, &b.name, false));
        domains.place(&b.name, Some(Place { said: said("s"), cluster: None }));
        assert!(domains.may_meet(&a.name, &b.name, false), "it is said by the same object");
    }
}

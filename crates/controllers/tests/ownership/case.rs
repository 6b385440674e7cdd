//! The words in which cases are told.

use crate::play::Seen;

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    ConfigMap,
    Secret,
    Autoscaler,
    /// The one that is in no namespace.
    ClusterRole,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::ConfigMap, Self::Secret, Self::Autoscaler, Self::ClusterRole];

    /// Version, kind, and name of the resource.
    pub fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::ConfigMap => ("v1", "ConfigMap", "configmaps"),
            Self::Secret => ("v1", "Secret", "secrets"),
            Self::Autoscaler => ("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
            Self::ClusterRole => ("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles"),
        }
    }
}

/// A reference to an owner. What is not said is as it should be.
#[derive(Clone, Debug, Default)]
pub struct Ref {
    /// The object whose uid it has; none for an owner that never was.
    pub to: Option<&'static str>,
    pub blocking: bool,
    pub api_version: Option<&'static str>,
    pub kind: Option<&'static str>,
    pub name: Option<&'static str>,
}

/// A reference to an object of the case.
pub fn to(name: &'static str) -> Ref {
    Ref { to: Some(name), ..Ref::default() }
}

/// A reference to an object that never was.
pub fn to_nothing(api_version: &'static str, kind: &'static str) -> Ref {
    Ref { api_version: Some(api_version), kind: Some(kind), name: Some("nothing"), ..Ref::default() }
}

impl Ref {
    pub fn blocking(self) -> Self {
        Self { blocking: true, ..self }
    }

    pub fn in_version(self, api_version: &'static str) -> Self {
        Self { api_version: Some(api_version), ..self }
    }

    pub fn of_kind(self, kind: &'static str) -> Self {
        Self { kind: Some(kind), ..self }
    }

    pub fn named(self, name: &'static str) -> Self {
        Self { name: Some(name), ..self }
    }
}

/// An object of a case.
#[derive(Clone, Debug)]
pub struct Thing {
    pub kind: Kind,
    pub name: &'static str,
    /// Whether it is in the other namespace.
    pub away: bool,
    pub owners: Vec<Ref>,
    pub finalizers: Vec<&'static str>,
}

impl Thing {
    pub fn owned_by(mut self, owner: Ref) -> Self {
        self.owners.push(owner);
        self
    }

    pub fn away(self) -> Self {
        Self { away: true, ..self }
    }

    pub fn with_finalizer(mut self, finalizer: &'static str) -> Self {
        self.finalizers.push(finalizer);
        self
    }

    /// It does not go before it is released.
    pub fn held(self) -> Self {
        self.with_finalizer("test.example/hold")
    }
}

pub fn config_map(name: &'static str) -> Thing {
    thing(Kind::ConfigMap, name)
}

pub fn secret(name: &'static str) -> Thing {
    thing(Kind::Secret, name)
}

pub fn autoscaler(name: &'static str) -> Thing {
    thing(Kind::Autoscaler, name)
}

pub fn cluster_role(name: &'static str) -> Thing {
    thing(Kind::ClusterRole, name)
}

fn thing(kind: Kind, name: &'static str) -> Thing {
    Thing { kind, name, away: false, owners: Vec::new(), finalizers: Vec::new() }
}

/// How something is deleted.
#[derive(Clone, Copy, Debug)]
pub enum Policy {
    Background,
    Foreground,
    Orphan,
}

#[derive(Clone, Debug)]
pub enum Step {
    Create(Thing),
    SetOwners(&'static str, Vec<Ref>),
    Delete(&'static str, Policy),
    Release(&'static str),
    /// What is there now is compared, as it is at the end.
    Look,
}

/// What happens, one step after the other.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: &'static str,
    pub steps: Vec<Step>,
    /// What is to be there instead of what the real collector makes of it.
    pub instead: Option<Vec<Seen>>,
}

pub fn case(name: &'static str) -> Case {
    Case { name, steps: Vec::new(), instead: None }
}

impl Case {
    pub fn with(self, thing: Thing) -> Self {
        self.step(Step::Create(thing))
    }

    pub fn owns(self, dependent: &'static str, owners: impl IntoIterator<Item = Ref>) -> Self {
        self.step(Step::SetOwners(dependent, owners.into_iter().collect()))
    }

    pub fn delete(self, name: &'static str, policy: Policy) -> Self {
        self.step(Step::Delete(name, policy))
    }

    pub fn release(self, name: &'static str) -> Self {
        self.step(Step::Release(name))
    }

    pub fn look(self) -> Self {
        self.step(Step::Look)
    }

    /// The real collector is not to be followed here; each of these is what is to be seen instead.
    pub fn instead(mut self, looks: &[&[&str]]) -> Self {
        let look = |look: &&[&str]| look.iter().map(|line| (*line).to_owned()).collect();
        self.instead = Some(looks.iter().map(look).collect());
        self
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

//! Objects of kinds that a cluster does not serve.

use std::collections::HashMap;
use std::fmt;

use cowherd_api::supported;

use crate::object::ObjectId;

/// How many objects of a kind are named besides the first.
const NAMED: usize = 10;

/// An object whose kind the cluster does not serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unserved {
    /// The object.
    pub subject: ObjectId,
    /// The API version that was asked for.
    pub api_version: String,
    /// The API version in which the cluster serves the kind, if it does in another one.
    pub served_as: Option<String>,
    /// Where it is written, if that is known.
    pub place: Option<String>,
}

impl Unserved {
    /// Whether cowherd knows the kind, and does not do it yet.
    pub fn is_not_done_yet(&self) -> bool {
        supported::find(&self.subject.group, &self.subject.kind).is_some_and(|kind| !kind.is_done)
    }

    /// Those of many that are told one by one: the first of each kind. The others are counted only.
    pub fn told(all: &mut [Self]) -> Vec<&mut Self> {
        let mut of_kind: HashMap<(String, String), usize> = HashMap::new();
        let is_told = |one: &&mut Self| {
            let count = of_kind.entry((one.api_version.clone(), one.subject.kind.clone())).or_default();
            *count += 1;
            *count <= NAMED + 1
        };
        all.iter_mut().filter(is_told).collect()
    }

    /// What is wrong with all that is of this kind, and what to do.
    fn problem(&self) -> String {
        let Self { subject: ObjectId { kind, group, .. }, api_version, served_as, .. } = self;
        if let Some(served) = served_as {
            return served_otherwise(kind, api_version, served);
        }
        if self.is_not_done_yet() {
            return format!(
                "cowherd does not do the kind {kind:?} of {api_version} yet; leave it out, or add its \
                 CustomResourceDefinition: it is kept then, and nothing acts on it"
            );
        }
        if supported::is_of_kubernetes(group) {
            return format!(
                "the cluster does not serve the kind {kind:?} of {api_version}; correct its name, or leave it out"
            );
        }
        format!("the cluster has no kind {kind:?} in {api_version}; is its CustomResourceDefinition missing?")
    }
}

/// That a kind is served in another version, and what to write.
pub(crate) fn served_otherwise(kind: &str, api_version: &str, served: &str) -> String {
    let instead = supported::write_instead(kind, served);
    format!("the cluster serves the kind {kind:?} as {served}, not as {api_version}; {instead}")
}

/// What is wrong with them in one text, a line for each kind: what people are told, once through a mask.
pub(crate) struct Lines<'a>(pub(crate) &'a [Unserved]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kinds: Vec<Vec<&Unserved>> = Vec::new();
        for one in self.0 {
            let is_alike =
                |other: &Unserved| (&other.api_version, &other.subject.kind) == (&one.api_version, &one.subject.kind);
            match kinds.iter_mut().find(|kind| is_alike(kind[0])) {
                Some(kind) => kind.push(one),
                None => kinds.push(vec![one]),
            }
        }
        for (index, kind) in kinds.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            tell(f, kind)?;
        }
        Ok(())
    }
}

/// Tells what is wrong with objects of one kind: each of them with its place, and how many more than those there are.
fn tell(f: &mut fmt::Formatter<'_>, alike: &[&Unserved]) -> fmt::Result {
    let Some((first, others)) = alike.split_first() else { return Ok(()) };
    if let Some(place) = &first.place {
        write!(f, "{place}: ")?;
    }
    write!(f, "{}", first.subject)?;
    let named = others.iter().map(|other| match &other.place {
        Some(place) => format!("{} ({place})", other.subject),
        None => other.subject.to_string(),
    });
    if !others.is_empty() {
        write!(f, ", {}", cowherd_text::listed(named, NAMED))?;
    }
    write!(f, ": {}", first.problem())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unserved(group: &str, kind: &str, name: &str) -> Unserved {
        Unserved {
            subject: ObjectId { namespace: "a".into(), name: name.into(), group: group.into(), kind: kind.into() },
            api_version: format!("{group}/v1"),
            served_as: None,
            place: None,
        }
    }

    fn told(all: &[Unserved]) -> String {
        Lines(all).to_string()
    }

    #[test]
    fn a_kind_that_is_not_done_yet_is_refused_as_that() {
        let project = told(&[unserved("argoproj.io", "AppProject", "x")]);
        assert!(
            project.contains("does not do") && project.contains("it is kept then, and nothing acts on it"),
            "{project}"
        );
        let gadget = told(&[unserved("example.com", "Gadget", "x")]);
        assert!(gadget.contains("CustomResourceDefinition missing"), "{gadget}");
    }

    #[test]
    fn what_only_another_kubernetes_serves_is_told_without_a_definition() {
        let claim = told(&[unserved("resource.k8s.io", "ResourceClaimTemplate", "x")]);
        assert!(claim.contains("does not serve the kind \"ResourceClaimTemplate\""), "{claim}");
        let route = told(&[unserved("gateway.networking.k8s.io", "HTTPRoute", "x")]);
        assert!(route.contains("CustomResourceDefinition missing"), "{route}");
    }

    #[test]
    fn what_is_served_in_another_version_is_told_with_that_one() {
        let job = Unserved { served_as: Some("batch/v1".into()), ..unserved("batch", "CronJob", "x") };
        let job = told(&[Unserved { api_version: "batch/v1beta1".into(), ..job }]);
        let said = "CronJob/a/x: the cluster serves the kind \"CronJob\" as batch/v1, not as batch/v1beta1; write apiVersion: batch/v1";
        assert_eq!(job, said);
        let former = Unserved {
            api_version: "kustomize.toolkit.fluxcd.io/v1beta1".into(),
            served_as: Some("kustomize.toolkit.fluxcd.io/v1".into()),
            ..unserved("kustomize.toolkit.fluxcd.io", "Kustomization", "x")
        };
        let former = told(&[former]);
        assert!(former.contains("write apiVersion: kustomize.toolkit.fluxcd.io/v1 (for patches"), "{former}");
        assert!(!former.contains("CustomResourceDefinition"), "{former}");
    }

    #[test]
    fn each_kind_has_a_line_however_many_its_objects_are() {
        let project = |name| unserved("argoproj.io", "AppProject", name);
        let gadget = unserved("example.com", "Gadget", "g");
        let lines = told(&[project("x"), gadget, project("y"), project("z")]);
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(
            lines[0].starts_with("AppProject/a/x, AppProject/a/y, AppProject/a/z: cowherd does not do the kind"),
            "{lines:?}"
        );
        assert!(lines[1].starts_with("Gadget/a/g: the cluster has no kind"), "{lines:?}");
    }

    #[test]
    fn each_object_is_told_with_its_place() {
        let mut gadgets = [unserved("example.com", "Gadget", "a"), unserved("example.com", "Gadget", "b")];
        gadgets[0].place = Some("apps/gadget.yaml:3".to_owned());
        let problem = "the cluster has no kind \"Gadget\" in example.com/v1; is its CustomResourceDefinition missing?";
        assert_eq!(told(&gadgets[..1]), format!("apps/gadget.yaml:3: Gadget/a/a: {problem}"));
        assert_eq!(told(&gadgets[1..]), format!("Gadget/a/b: {problem}"));
        let lines = told(&gadgets);
        assert_eq!(lines, format!("apps/gadget.yaml:3: Gadget/a/a, Gadget/a/b: {problem}"));
        gadgets[1].place = Some("apps/more.yaml:7".to_owned());
        let lines = told(&gadgets);
        assert_eq!(lines, format!("apps/gadget.yaml:3: Gadget/a/a, Gadget/a/b (apps/more.yaml:7): {problem}"));
        // A kind of the same name in another version is another one.
        gadgets[1].api_version = "example.com/v2".to_owned();
        assert_eq!(told(&gadgets).lines().count(), 2);
        assert_eq!(told(&[]), "");
    }

    #[test]
    fn more_than_anybody_reads_are_counted() {
        let many: Vec<Unserved> =
            (0..500).map(|number| unserved("example.com", "Gadget", &number.to_string())).collect();
        let line = told(&many);
        assert!(
            line.starts_with("Gadget/a/0, Gadget/a/1, ") && line.contains(", Gadget/a/10, and 489 more: "),
            "{line}"
        );
    }

    #[test]
    fn only_what_is_known_and_not_done_is_not_done_yet() {
        assert!(unserved("argoproj.io", "AppProject", "x").is_not_done_yet());
        assert!(!unserved("kustomize.toolkit.fluxcd.io", "Kustomization", "x").is_not_done_yet());
        assert!(!unserved("example.com", "AppProject", "x").is_not_done_yet());
    }
}

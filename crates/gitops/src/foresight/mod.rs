//! Foresight: what a revision would change in a cluster, told for one owner after the other. Nothing is written.
//!
//! What is found out of one owner counts for the next: the cluster is seen as it would be by then ([`overlay`]), with the sources,
//! values and definitions that come before. Content is that of the repository that a person looks at, or is fetched as the agents
//! fetch it ([`contents`]).

mod behalf;
mod contents;
mod overlay;
mod subject;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use cowherd_api::flux::source::v1::GitRepository;
use cowherd_apply::{Action, Diff, Manifest, ObjectId};
use cowherd_source::{Access, Artifacts};
use cowherd_tree::Tree;
use kube::api::DynamicObject;
use kube::{Api, Client};

use crate::delivery::{Deed, Previewed, Prospect, preview, preview_deletion};
use crate::owner::Owner;
use crate::source::{Artifact, Shared, SourceName, git};
use crate::{DecryptionKeys, Elsewhere, NamespacedName, PreviewError};
pub use behalf::DefaultAccount;
use overlay::Overlay;
pub use subject::Subject;

/// What it takes to tell what would change.
#[derive(Clone)]
pub struct Means {
    /// Where that comes from which content names elsewhere, and where sources are fetched from.
    pub elsewhere: Arc<Elsewhere>,
    /// Where artifacts of registries and what is in buckets are kept meanwhile; without it none is fetched.
    pub artifacts: Option<Artifacts>,
    /// What may be fetched.
    pub access: Access,
    /// Keys for what is encrypted, beside those that owners name in the cluster.
    pub keys: DecryptionKeys,
    /// The seed of the agents, from which follows what charts make up; `None` where nobody here knows it.
    pub seed: Option<Arc<[u8]>>,
    /// On whose behalf owners act that name no account.
    pub default_account: DefaultAccount,
    /// Whether those who will act have fetched nothing yet: of a source that is suspended they have what its status says alone if
    /// its spec still names that.
    pub is_new: bool,
}

/// Tells what a revision would change in a cluster.
pub struct Foresight {
    client: Client,
    means: Means,
    overlay: Overlay,
    shared: Option<Shared>,
    contents: Mutex<HashMap<SourceName, Arc<Artifact>>>,
    /// The sources whose content a person gave.
    given: Mutex<HashSet<SourceName>>,
}

/// What a revision would change of one owner's objects.
pub struct Preview {
    /// What would be done to each object, and to the objects that go with owners that are deleted; values of Secrets are masked.
    pub diffs: Vec<Diff>,
    /// What is to be said of some of them: that a deletion waits until it is approved, what would go with an object.
    pub notes: Vec<(ObjectId, String)>,
    /// What would be done for owners as a whole, where that is more than their objects tell.
    pub deeds: Vec<(ObjectId, Deed)>,
    /// What else is to be said of the owner.
    pub remarks: Vec<String>,
    /// Whether charts make something up that the agents make up otherwise, since their seed is not known.
    pub is_by_chance: bool,
    /// All objects of the owner, as it would have them.
    pub described: Vec<ObjectId>,
    /// The owners among them.
    pub children: Vec<Subject>,
}

impl Foresight {
    /// Sees the cluster of the client.
    pub fn new(client: Client, means: Means) -> Self {
        let overlay = Overlay::default();
        let shared = contents::shared(&overlay.client(client.clone()), &means);
        let (contents, given) = Default::default();
        Self { client, means, overlay, shared, contents, given }
    }

    /// The repositories that the content of an owner comes from, as the revision has them.
    ///
    /// # Errors
    /// When the cluster gives no answer, or the owner asks for what is not supported.
    pub async fn repositories(&self, subject: &Subject) -> Result<Vec<GitRepository>, PreviewError> {
        if let Err(error) = &subject.owner.settings {
            return Err(PreviewError::Settings(contents::told(&subject.owner), error.to_string()));
        }
        let mut repositories = Vec::new();
        for source in self.sources(&subject.owner).await?.into_iter().filter(|source| source.kind == git::KIND) {
            repositories.extend(self.object::<GitRepository>(&subject.owner, &source).await?);
        }
        Ok(repositories)
    }

    /// Has a repository have this content, at this revision.
    pub fn give(&self, repository: &NamespacedName, tree: Arc<dyn Tree>, revision: &str) {
        let source = SourceName::new(git::KIND, &repository.namespace, &repository.name);
        let (revision, all) = (revision.to_owned(), tree.clone());
        contents::lock(&self.given).insert(source.clone());
        self.keep(&source, Arc::new(Artifact { digest: revision.clone(), revision, tree, all, ..Artifact::nothing() }));
    }

    /// Whether the revision may change anything for the owner: itself, what it is made of, or the repository that this is in.
    ///
    /// # Errors
    /// When the cluster gives no answer.
    pub async fn concerns(&self, subject: &Subject) -> Result<bool, PreviewError> {
        let owner = &subject.owner;
        let story = owner.name.kind.story;
        let made_of = story.map(|story| story.made_of(owner)).unwrap_or_default();
        if std::iter::once(subject.id()).chain(made_of).any(|id| self.overlay.changes(&id)) {
            return Ok(true);
        }
        let sources = self.sources(owner).await?;
        let given = contents::lock(&self.given);
        Ok(sources.iter().any(|source| given.contains(source) || self.overlay.changes(&contents::id(source))))
    }

    /// Tells what would change for an owner, which later ones see as done.
    ///
    /// # Errors
    /// When it could not be brought there either: see [`PreviewError`].
    pub async fn preview(&self, subject: &Subject) -> Result<Preview, PreviewError> {
        let Subject { status, .. } = subject;
        let owner = &self.means.default_account.complete(&subject.owner);
        let content = match &owner.settings {
            Ok(settings) => self.content(owner, &settings.source).await?,
            // The error of the settings is told below.
            Err(_) => Arc::new(Artifact::nothing()),
        };
        let Previewed { foreseen, mut diffs, notes, deed, remarks, is_by_chance, manifests } =
            preview(&self.prospect(), (owner, status), &content).await?;
        self.overlay.take(&foreseen);
        let mut deeds: Vec<(ObjectId, Deed)> = deed.into_iter().map(|deed| (subject.id(), deed)).collect();
        let (mut met, mut at) = (HashSet::new(), 0);
        // What is added has owners of its own.
        while let Some(diff) = diffs.get(at) {
            at += 1;
            let id = diff.object.id.clone();
            if subject::kind_of_id(&id).is_some() && diff.action == Action::Deleted && met.insert(id.clone()) {
                let (deed, more) = self.going_with(&id).await?;
                deeds.extend(deed.map(|deed| (id, deed)));
                diffs.extend(more);
            }
        }
        let described = manifests.iter().map(|manifest: &Manifest| manifest.id().clone()).collect();
        let children = foreseen.into_iter().filter_map(|one| Subject::read(one.after)).collect();
        Ok(Preview { diffs, notes, deeds, remarks, is_by_chance, described, children })
    }

    /// What goes with an owner of the cluster that is deleted.
    async fn going_with(&self, id: &ObjectId) -> Result<(Option<Deed>, Vec<Diff>), PreviewError> {
        let Some(kind) = subject::kind_of_id(id) else { return Ok((None, Vec::new())) };
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &id.namespace, &kind.resource());
        let found = api.get_opt(&id.name).await;
        let found = found.map_err(|error| PreviewError::Apply(id.to_string(), error.to_string()))?;
        let subject = found.and_then(|found| Subject::read(serde_json::to_value(found).ok()?));
        let Some(Subject { owner, status, .. }) = subject else { return Ok((None, Vec::new())) };
        let owner = self.means.default_account.complete(&owner);
        preview_deletion(&self.prospect(), (&owner, &status)).await
    }

    fn prospect(&self) -> Prospect {
        let Means { elsewhere, access, keys, seed, default_account, .. } = self.means.clone();
        Prospect {
            client: self.client.clone(),
            foreseen: self.overlay.client(self.client.clone()),
            coming: self.overlay.coming(),
            mask: self.overlay.mask(),
            elsewhere,
            access,
            keys,
            seed,
            default_account,
        }
    }

    /// The sources of an owner: the one that it names, and those which that is made of.
    async fn sources(&self, owner: &Owner) -> Result<Vec<SourceName>, PreviewError> {
        let Ok(settings) = &owner.settings else { return Ok(Vec::new()) };
        self.meet(owner).await?;
        let mut sources = vec![settings.source.clone()];
        sources.extend(self.made_of(owner, &settings.source).await?);
        Ok(sources)
    }
}

//! Helm's records of a release, in the Secrets where Helm itself keeps them.

use std::collections::BTreeMap;

use cowherd_helm::release::record::{Record, RecordError, SECRET_TYPE, Status, labels, secret_name};
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client, ResourceExt};

use super::KIND;

/// Under which name a Secret holds the record.
const RELEASE: &str = "release";
/// Under which label it says what the revision is.
const STATUS: &str = "status";

/// How many records are listed with one request.
const PAGE: u32 = 500;
/// How many records a release may have: who keeps all of them has a Secret for each.
const MOST: usize = 20_000;

/// A record as its Secret tells it without being read: a record may be large, and there may be many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) version: i64,
    pub(super) status: Option<Status>,
}

/// As whom records are written.
fn params() -> PostParams {
    PostParams { field_manager: Some(KIND.ownership.field_manager.to_owned()), ..PostParams::default() }
}

impl Entry {
    /// Whether the revision is what is there.
    pub(super) fn is_deployed(self) -> bool {
        self.status == Some(Status::Deployed)
    }
}

/// The records of one release.
pub(super) struct Storage {
    secrets: Api<Secret>,
    client: Client,
    release: String,
}

/// Why a record is not to be had, or could not be kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum StorageError {
    /// The API said so, or gave no answer.
    #[error("{0}")]
    Api(String),
    /// There are more than are ever read.
    #[error(
        "there are more than {MOST} records of the release; set spec.maxHistory, and delete the Secrets of the oldest"
    )]
    TooMany,
    /// A Secret holds what is no record.
    #[error("the Secret {name}: {cause}")]
    Unreadable { name: String, cause: RecordError },
}

impl From<kube::Error> for StorageError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Api(status.message.clone()),
            other => Self::Api(other.to_string()),
        }
    }
}

impl Storage {
    /// The records of the release in the namespace, as the client may see them.
    pub(super) fn new(client: Client, namespace: &str, release: &str) -> Self {
        let secrets = Api::namespaced(client.clone(), namespace);
        Self { secrets, client, release: release.to_owned() }
    }

    /// The same in another namespace, or of another release.
    pub(super) fn of(&self, namespace: &str, release: &str) -> Self {
        Self::new(self.client.clone(), namespace, release)
    }

    /// Which records there are, the oldest first.
    pub(super) async fn entries(&self) -> Result<Vec<Entry>, StorageError> {
        let mut params = ListParams::default().labels(&format!("owner=helm,name={}", self.release)).limit(PAGE);
        let prefix = secret_name(&self.release, 0);
        let prefix = prefix.trim_end_matches('0');
        let mut entries = Vec::new();
        loop {
            let page = self.secrets.list_metadata(&params).await?;
            entries.extend(page.items.iter().filter_map(|secret| {
                let version = secret.metadata.name.as_deref()?.strip_prefix(prefix)?.parse().ok()?;
                Some(Entry { version, status: secret.labels().get(STATUS).and_then(|name| Status::named(name)) })
            }));
            if entries.len() > MOST {
                return Err(StorageError::TooMany);
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params.continue_token = Some(token),
                None => break,
            }
        }
        entries.sort_by_key(|entry| entry.version);
        Ok(entries)
    }

    /// The record of a revision, if there is one.
    pub(super) async fn get(&self, version: i64) -> Result<Option<Record>, StorageError> {
        let name = secret_name(&self.release, version);
        let Some(data) = self.secrets.get_opt(&name).await?.and_then(|secret| secret.data?.remove(RELEASE)) else {
            return Ok(None);
        };
        Record::decode(&data.0).map(Some).map_err(|cause| StorageError::Unreadable { name, cause })
    }

    /// The record of the last revision, if there is any.
    pub(super) async fn last(&self) -> Result<Option<Record>, StorageError> {
        match self.entries().await?.last() {
            Some(last) => self.get(last.version).await,
            None => Ok(None),
        }
    }

    /// Keeps a new record. Of more than `most`, where that is not 0, the oldest go, but for the one that is deployed.
    pub(super) async fn create(&self, record: &Record, most: usize) -> Result<(), StorageError> {
        if most > 0 {
            self.make_room(most - 1).await?;
        }
        let secret = self.secret(record, "createdAt", None)?;
        self.secrets.create(&params(), &secret).await?;
        Ok(())
    }

    /// Keeps what became of a record.
    pub(super) async fn update(&self, record: &Record) -> Result<(), StorageError> {
        let name = secret_name(&self.release, record.version);
        let found = self.secrets.get(&name).await?;
        let secret = self.secret(record, "modifiedAt", Some(&found))?;
        self.secrets.replace(&name, &params(), &secret).await?;
        Ok(())
    }

    /// Forgets a record.
    pub(super) async fn delete(&self, version: i64) -> Result<(), StorageError> {
        let name = secret_name(&self.release, version);
        match self.secrets.delete(&name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            other => Ok(other.map(drop)?),
        }
    }

    async fn make_room(&self, most: usize) -> Result<(), StorageError> {
        let entries = self.entries().await?;
        let deployed = entries.iter().rev().find(|entry| entry.is_deployed()).map(|entry| entry.version);
        let spare = entries.len().saturating_sub(most);
        let oldest = entries.iter().map(|entry| entry.version).filter(|version| Some(*version) != deployed);
        for version in oldest.take(spare) {
            self.delete(version).await?;
        }
        Ok(())
    }

    /// The Secret that holds the record, over the one that is there.
    fn secret(&self, record: &Record, moment: &str, found: Option<&Secret>) -> Result<Secret, StorageError> {
        let name = secret_name(&self.release, record.version);
        let data = record.encode().map_err(|cause| StorageError::Unreadable { name: name.clone(), cause })?;
        let mut all: BTreeMap<String, String> = found.map(|found| found.labels().clone()).unwrap_or_default();
        all.extend(labels(record).map(|(key, value)| (key.to_owned(), value)));
        all.insert(moment.to_owned(), Timestamp::now().as_second().to_string());
        let metadata = ObjectMeta {
            name: Some(name),
            labels: Some(all),
            resource_version: found.and_then(|found| found.metadata.resource_version.clone()),
            ..ObjectMeta::default()
        };
        Ok(Secret {
            metadata,
            type_: Some(SECRET_TYPE.to_owned()),
            data: Some([(RELEASE.to_owned(), ByteString(data))].into()),
            ..Secret::default()
        })
    }
}

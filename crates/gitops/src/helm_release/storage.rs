//! Helm's records of a release, in the Secrets where Helm itself keeps them.

use std::collections::BTreeMap;

use cowherd_helm::release::record::{Record, RecordError, SECRET_TYPE, Status, labels, secret_name};
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client, ResourceExt};

/// Under which name a Secret holds the record.
const RELEASE: &str = "release";

/// How many records of a release are read at most: who keeps all of them has a Secret for each.
const MOST: u32 = 500;

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

    /// All records, the oldest first.
    pub(super) async fn history(&self) -> Result<Vec<Record>, StorageError> {
        let selector = format!("owner=helm,name={}", self.release);
        let found = self.secrets.list(&ListParams::default().labels(&selector).limit(MOST)).await?;
        let read = |secret: Secret| -> Option<Result<Record, StorageError>> {
            let name = secret.name_any();
            let data = secret.data?.remove(RELEASE)?.0;
            Some(Record::decode(&data).map_err(|cause| StorageError::Unreadable { name, cause }))
        };
        let mut records: Vec<Record> = found.items.into_iter().filter_map(read).collect::<Result<_, _>>()?;
        records.sort_by_key(|record| record.version);
        Ok(records)
    }

    /// Keeps a new record. Of more than `most`, where that is not 0, the oldest go, but for the one that is deployed.
    pub(super) async fn create(&self, record: &Record, most: usize) -> Result<(), StorageError> {
        if most > 0 {
            self.make_room(most - 1).await?;
        }
        let secret = self.secret(record, "createdAt", None)?;
        self.secrets.create(&PostParams::default(), &secret).await?;
        Ok(())
    }

    /// Keeps what became of a record.
    pub(super) async fn update(&self, record: &Record) -> Result<(), StorageError> {
        let name = secret_name(&self.release, record.version);
        let found = self.secrets.get(&name).await?;
        let secret = self.secret(record, "modifiedAt", Some(&found))?;
        self.secrets.replace(&name, &PostParams::default(), &secret).await?;
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
        let records = self.history().await?;
        let deployed = records.iter().rev().find(|record| record.status() == Some(Status::Deployed));
        let deployed = deployed.map(|record| record.version);
        let spare = records.len().saturating_sub(most);
        let oldest = records.iter().map(|record| record.version).filter(|version| Some(*version) != deployed);
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

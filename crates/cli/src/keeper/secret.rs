//! Keeps the credentials of the repository: a Secret that is deleted is put back as it was. Whoever changes it means
//! that, as when a token is renewed.

use futures::StreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DynamicObject, PostParams, TypeMeta};
use kube::core::ObjectMeta;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::mpsc::UnboundedSender;

use super::{PAUSE, event};
use crate::bootstrap::ROOT;
use crate::terminal::{Mark, Said};

const KIND: &str = "Secret";

/// Watches the Secret for as long as it is polled, and tells `say` when it was put back.
pub async fn keep(client: Client, say: UnboundedSender<Said>) {
    let api: Api<Secret> = Api::namespaced(client.clone(), ROOT);
    let config = watcher::Config::default().fields(&format!("metadata.name={ROOT}"));
    let mut events = watcher(api.clone(), config).default_backoff().boxed();
    while let Some(event) = events.next().await {
        let Ok(watcher::Event::Delete(gone)) = event else { continue };
        let metadata = ObjectMeta {
            name: Some(gone.name_any()),
            namespace: gone.namespace(),
            labels: gone.metadata.labels,
            annotations: gone.metadata.annotations,
            ..ObjectMeta::default()
        };
        let lost = format!("{KIND} {ROOT} was deleted; the API does not say by whom");
        match api.create(&PostParams::default(), &Secret { metadata, ..gone }).await {
            Ok(back) => {
                let types = Some(TypeMeta { api_version: "v1".to_owned(), kind: KIND.to_owned() });
                let about = DynamicObject { types, metadata: back.metadata, data: serde_json::Value::Null };
                event::tell(&client, &about, KIND, &format!("{lost}; it was put back")).await;
                let _ = say.send(Said::new(Mark::Action, format!("{lost}; it was put back")));
            }
            Err(error) => {
                let text = format!("{lost}: it could not be put back: {error}");
                let _ = say.send(Said::new(Mark::Failure, text));
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

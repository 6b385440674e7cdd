//! Who asks: clients of the admin, the tenant, the bystander and of nobody.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;

use super::ask::post;

/// How long accounts may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client of each, for one start of the program: another one listens elsewhere.
#[derive(Clone)]
pub struct People {
    /// May do everything.
    pub admin: Client,
    /// The admin of the namespace `tenant`, who may write Flux's resources there.
    pub tenant: Client,
    /// The tenant's token.
    pub token: String,
    /// The admin of the namespace `bystander`.
    pub bystander: Bystander,
    /// Shows no credentials.
    pub nobody: Client,
    /// `host:port` of the API.
    pub address: String,
}

/// What clients of the bystander are made of, who connects anew now and then.
#[derive(Clone)]
pub struct Bystander(Config);

impl Bystander {
    /// A client that has no connection yet.
    pub fn client(&self) -> Result<Client> {
        Ok(Client::try_from(self.0.clone())?)
    }
}

impl People {
    /// Reads the admin's kubeconfig, and asks for tokens as soon as the accounts are there.
    pub async fn of(kubeconfig: &Path) -> Result<Self> {
        let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        let admin = Client::try_from(config.clone())?;
        let mut bare = config.clone();
        bare.auth_info = AuthInfo::default();
        let (token, bystander) = (token(&admin, "tenant").await?, token(&admin, "bystander").await?);
        Ok(Self {
            tenant: Client::try_from(with_token(&bare, &token))?,
            bystander: Bystander(with_token(&bare, &bystander)),
            nobody: Client::try_from(bare)?,
            address: config.cluster_url.authority().context("no address")?.to_string(),
            admin,
            token,
        })
    }
}

fn with_token(config: &Config, token: &str) -> Config {
    let mut config = config.clone();
    config.auth_info.token = Some(token.to_owned().into());
    config
}

/// A token of the account that is called as its namespace.
async fn token(admin: &Client, account: &str) -> Result<String> {
    let path = format!("/api/v1/namespaces/{account}/serviceaccounts/{account}/token");
    let request = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {} });
    let began = Instant::now();
    loop {
        if let Ok(answer) = post(admin, &path, &request).await
            && let Some(token) = answer.document["status"]["token"].as_str()
        {
            return Ok(token.to_owned());
        }
        ensure!(began.elapsed() < PATIENCE, "there is no account {account}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

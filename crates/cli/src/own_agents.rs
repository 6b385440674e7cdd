//! A control plane that has agents of its own, as that of `cowherd up`: others would each undo what these do.

use cowherd_controlplane::AGENTS_CHECK;
use kube::Client;

use crate::cluster::explain;

/// Refuses such a control plane, before anything in it is changed: what `cowherd install` brings would take the rights of the
/// agents that run there away.
///
/// # Errors
/// When it has agents, or gives no answer.
pub async fn refuse(client: &Client) -> anyhow::Result<()> {
    let request = http::Request::get("/readyz?verbose").body(Vec::new())?;
    let checks = match client.request_text(request).await {
        Ok(checks) => checks,
        // One that is not ready says why where others have an object.
        Err(kube::Error::Api(status)) => status.message,
        Err(error) => return Err(explain(error)),
    };
    if !has_agents(&checks) {
        return Ok(());
    }
    anyhow::bail!(
        "this is the control plane of `cowherd up`, which has agents of its own: they do already what others would do here. \
         Name another cluster with --kubeconfig or --context; `cowherd server` starts a control plane without agents"
    )
}

/// Whether one of the checks of a server, each on a line, is that of its own agents.
fn has_agents(checks: &str) -> bool {
    checks
        .lines()
        .filter_map(|line| line.split_once(']'))
        .any(|(_, check)| check.split(' ').next() == Some(AGENTS_CHECK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_seen_whether_they_are_well_or_not_and_others_are_none() {
        assert!(has_agents("[+]ping ok\n[+]agents ok\nreadyz check passed\n"));
        assert!(has_agents("[+]ping ok\n[-]agents failed: reason withheld\nreadyz check failed\n"));
        assert!(!has_agents("[+]ping ok\n[+]poststarthook/agents-of-others ok\nreadyz check passed\n"));
        assert!(!has_agents("404 page not found"));
    }
}

//! What Flux's controllers are told by their flags, as flags of the agents.

use std::collections::{BTreeMap, BTreeSet};

use super::controllers::Controllers;
use crate::commands::install::documents::Rights;

/// The account for who names none.
const ACCOUNT: &str = "default-service-account";
/// The shard.
const SHARD: &str = "watch-label-selector";
/// What denies something to all, which the agents have under the same names.
const DENYING: [&str; 2] = ["no-cross-namespace-refs", "no-remote-bases"];
/// What agents have under the same name.
const SAME: [&str; 3] = [SHARD, "sops-age-secret", "rate-limit-interval"];
/// What is about how the controllers themselves run, which agents do otherwise.
const THEIR_OWN: [&str; 16] = [
    "artifact-",
    "concurrent",
    "enable-leader-election",
    "events-addr",
    "graceful-shutdown",
    "health-addr",
    "helm-",
    "interval-jitter",
    "kube-api-",
    "leader-",
    "log-",
    "metrics-addr",
    "oom-watch",
    "requeue-dependency",
    "storage-",
    "token-cache",
];
/// Gates that are about how the controllers themselves run.
const OF_THEIRS: [&str; 4] = ["CacheSecretsAndConfigMaps", "DisableStatusPollerCache", "GroupChangeLog", "OOMWatch"];
/// What is on or off, besides what denies: no value follows such a flag but behind a `=`.
const SWITCHES: [&str; 3] = ["insecure-kubeconfig-exec", "insecure-kubeconfig-tls", "watch-all-namespaces"];
/// What has an effect that agents do not have.
const UNKNOWN: [&str; 3] =
    ["default-decryption-service-account", "default-kubeconfig-service-account", "override-manager"];

/// What the controllers are told.
#[derive(Debug, Default)]
pub struct Flags {
    lock_down: BTreeMap<&'static str, String>,
    others: BTreeMap<&'static str, String>,
    without_meaning: BTreeSet<String>,
    problems: Vec<String>,
}

impl Flags {
    /// What these controllers are told, together.
    pub fn of(controllers: &Controllers) -> Self {
        let mut flags = Self::default();
        for (controller, arguments) in controllers.told() {
            flags.take_all(controller, arguments);
        }
        flags
    }

    fn take_all<'a>(&mut self, controller: &str, arguments: impl Iterator<Item = &'a str>) {
        let mut arguments = arguments.peekable();
        while let Some(argument) = arguments.next() {
            let Some(flag) = argument.strip_prefix("--") else { continue };
            let is_switch = DENYING.into_iter().chain(SWITCHES).any(|switch| switch == flag);
            let (name, value) = match flag.split_once('=') {
                Some(said) => said,
                None if is_switch => (flag, "true"),
                // A value may stand behind its flag as the next word.
                None => (flag, arguments.next_if(|next| !next.starts_with("--")).unwrap_or("true")),
            };
            self.take(controller, name, value);
        }
    }

    fn take(&mut self, controller: &str, name: &str, value: &str) {
        let argument = format!("--{name}={value}");
        if let Some(name) = DENYING.into_iter().find(|one| *one == name) {
            // What one of them denies is denied: nothing becomes open by the change, nor by a word that is neither on nor off.
            if switch(value) != Some(false) {
                self.lock_down.insert(name, String::new());
            }
        } else if name == ACCOUNT {
            self.agree(controller, ACCOUNT, value);
        } else if let Some(name) = SAME.into_iter().find(|one| *one == name) {
            self.agree(controller, name, value);
        } else if name == "watch-all-namespaces" && switch(value) == Some(false) {
            self.problems.push(format!(
                "{controller} looks at its own namespace alone ({argument}); agents look at all of them"
            ));
        } else if name == "insecure-kubeconfig-exec" && switch(value) == Some(true) {
            self.problems.push(format!(
                "{controller} lets kubeconfigs run programs ({argument}), which agents refuse: give these another way to log in"
            ));
        } else if name == "feature-gates" {
            self.problems
                .extend(gates(value).map(|gate| format!("{controller} has the gate {gate}, which agents do not have")));
        } else if UNKNOWN.contains(&name) && !value.is_empty() {
            self.problems.push(format!("{controller} is told {argument}, which agents cannot be told"));
        } else if name == "insecure-kubeconfig-tls" && switch(value) == Some(true) {
            self.others.insert("insecure-kubeconfig-tls", String::new());
        } else if !THEIR_OWN.iter().any(|own| name.starts_with(own)) && name != "watch-all-namespaces" {
            self.without_meaning.insert(argument);
        }
    }

    /// Takes what is one thing for all agents. Where the controllers are told different things, nobody knows what is meant.
    fn agree(&mut self, controller: &str, name: &'static str, value: &str) {
        let all = if name == ACCOUNT { &mut self.lock_down } else { &mut self.others };
        match all.get(name) {
            Some(before) if before != value => self.problems.push(format!(
                "{controller} is told --{name}={value}, and another one --{name}={before}; agents are told one thing"
            )),
            _ if value.is_empty() => {}
            _ => _ = all.insert(name, value.to_owned()),
        }
    }

    /// The account for who names none; empty for the agents' own.
    pub fn default_service_account(&self) -> &str {
        self.lock_down.get(ACCOUNT).map_or("", String::as_str)
    }

    /// What the agents themselves may do in the cluster: where everybody acts for an account, they need not do everything.
    pub fn rights(&self) -> Rights {
        if self.default_service_account().is_empty() { Rights::Open } else { Rights::Locked }
    }

    /// Those that lock down, in the order of `cowherd install` where they are the same.
    pub fn lock_down(&self) -> Vec<String> {
        let said = |name| Some(written(name, self.lock_down.get(name)?));
        DENYING.into_iter().chain([ACCOUNT]).filter_map(said).collect()
    }

    /// All others.
    pub fn others(&self) -> Vec<String> {
        self.others.iter().map(|(name, value)| written(name, value)).collect()
    }

    /// All of them.
    pub fn all(&self) -> Vec<String> {
        [self.lock_down(), self.others()].concat()
    }

    /// What the controllers are told that means nothing to agents.
    pub fn without_meaning(&self) -> &BTreeSet<String> {
        &self.without_meaning
    }

    /// What stands in the way.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

/// The gates of a list that change what is done.
fn gates(list: &str) -> impl Iterator<Item = &str> {
    let on = list.split(',').filter_map(|gate| {
        let (name, value) = gate.trim().split_once('=')?;
        (switch(value) == Some(true)).then_some(name)
    });
    on.filter(|gate| !OF_THEIRS.contains(gate))
}

/// Whether a flag is on, in the words that Go's `strconv.ParseBool` knows, which Flux's controllers read them by.
fn switch(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn written(name: &str, value: &str) -> String {
    if value.is_empty() { format!("--{name}") } else { format!("--{name}={value}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::install::documents::LOCK_DOWN;

    fn flags(told: &[(&str, &str)]) -> Flags {
        let mut flags = Flags::default();
        told.iter().for_each(|(controller, argument)| flags.take_all(controller, std::iter::once(*argument)));
        flags
    }

    #[test]
    fn flux_locked_down_is_cowherd_locked_down() {
        let told: Vec<(&str, &str)> = LOCK_DOWN.into_iter().map(|flag| ("kustomize-controller", flag)).collect();
        let flags = flags(&[told, vec![("helm-controller", "--default-service-account=default")]].concat());
        assert_eq!(flags.lock_down(), LOCK_DOWN);
        assert_eq!((flags.rights(), flags.default_service_account()), (Rights::Locked, "default"));
        assert!(flags.problems().is_empty() && flags.without_meaning().is_empty());
    }

    #[test]
    fn what_one_of_them_denies_is_denied_and_what_none_does_stays_open() {
        let flags = flags(&[
            ("source-controller", "--log-level=info"),
            ("source-controller", "--storage-path=/data"),
            ("kustomize-controller", "--no-remote-bases=true"),
            ("helm-controller", "--no-cross-namespace-refs=false"),
            ("kustomize-controller", "--watch-all-namespaces=true"),
            ("kustomize-controller", "--concurrent=20"),
            ("kustomize-controller", "--feature-gates=DisableStatusPollerCache=true,Other=false"),
            ("kustomize-controller", "--something=else"),
        ]);
        assert_eq!(flags.all(), ["--no-remote-bases"]);
        assert_eq!(flags.rights(), Rights::Open);
        assert_eq!(flags.without_meaning().iter().collect::<Vec<_>>(), ["--something=else"]);
        assert!(flags.problems().is_empty(), "{:?}", flags.problems());
    }

    #[test]
    fn controllers_that_are_told_different_things_and_what_agents_refuse_stand_in_the_way() {
        let differ = flags(&[
            ("kustomize-controller", "--watch-label-selector=shard=1"),
            ("source-controller", "--watch-label-selector=shard=2"),
        ]);
        assert!(differ.problems()[0].contains("--watch-label-selector=shard=2"), "{:?}", differ.problems());
        let alone = flags(&[("helm-controller", "--watch-all-namespaces=false")]);
        assert!(alone.problems()[0].contains("its own namespace"), "{:?}", alone.problems());
        let gate = flags(&[("kustomize-controller", "--feature-gates=StrictPostBuildSubstitutions=true")]);
        assert!(gate.problems()[0].contains("StrictPostBuildSubstitutions"), "{:?}", gate.problems());
        let manager = flags(&[("kustomize-controller", "--override-manager=mine")]);
        assert!(manager.problems()[0].contains("--override-manager=mine"), "{:?}", manager.problems());
        let programs = flags(&[("kustomize-controller", "--insecure-kubeconfig-exec")]);
        assert!(programs.problems()[0].contains("run programs"), "{:?}", programs.problems());
    }

    #[test]
    fn flags_are_read_as_flux_reads_them_so_that_nothing_it_denies_becomes_open() {
        let of = |arguments: &[&str]| {
            let mut flags = Flags::default();
            flags.take_all("kustomize-controller", arguments.iter().copied());
            flags
        };
        for on in ["1", "t", "T", "true", "TRUE", "True"] {
            assert_eq!(of(&[&format!("--no-cross-namespace-refs={on}")]).lock_down(), ["--no-cross-namespace-refs"]);
        }
        for off in ["0", "f", "F", "false", "FALSE", "False"] {
            assert!(of(&[&format!("--no-cross-namespace-refs={off}")]).lock_down().is_empty(), "{off}");
            assert_eq!(of(&[&format!("--watch-all-namespaces={off}")]).problems().len(), 1, "{off}");
        }
        let apart =
            of(&["--default-service-account", "robot", "--no-remote-bases", "--watch-all-namespaces", "--x", "y"]);
        assert_eq!(apart.lock_down(), ["--no-remote-bases", "--default-service-account=robot"]);
        assert_eq!(apart.without_meaning().iter().collect::<Vec<_>>(), ["--x=y"]);
        assert_eq!(of(&["--feature-gates", "Some=1,Other=F"]).problems().len(), 1);
    }
}

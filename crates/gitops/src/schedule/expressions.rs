//! What has to be asked of the API about dependencies. Where expressions decide whether they are ready, that is the owner and the
//! dependency as they are, whenever a watch shows that one of them changed; and whether the account of the owner may see the dependency,
//! where nothing is to be told of it otherwise.

use std::sync::Arc;
use std::time::Duration;

use cowherd_apply::Account;
use cowherd_apply::mask::Mask;
use cowherd_cel::{Budget, Expression, Scope};
use cowherd_runtime::{broken_off, caught};
use kube::api::DynamicObject;
use kube::{Api, Client, ResourceExt};
use tokio::time::Instant;

use super::{Schedule, Signal};
use crate::budgets::Permits;
use crate::delivery::Context;
use crate::owner::{Expressions, Owner, OwnerName, Settings, SettingsError};

/// How long nothing is asked again: until then a watch has shown what changed.
const PAUSE: Duration = Duration::from_millis(200);

/// After what time is asked again what got no answer, and whether may be seen what might not.
pub(super) const RETRY: Duration = Duration::from_secs(5);

/// For how long it is believed that something may be seen.
const BELIEVED: Duration = Duration::from_secs(60);

/// The versions of an owner and of its dependency.
pub(super) type Versions = (Option<String>, Option<String>);

/// What came of the expressions of an owner.
#[derive(Default)]
pub(super) struct Asked {
    /// Those of which an answer is known, with what it was found out of.
    answers: Vec<(OwnerName, Versions, Answer)>,
    /// Which dependencies which account may see, and when that was found out.
    seen: Vec<(OwnerName, Account, bool, Instant)>,
    is_asking: bool,
    /// When nothing was known of what was asked for last.
    last: Option<Instant>,
}

/// Whether a dependency is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Ready,
    NotReady,
    /// The expression cannot be evaluated, for this reason.
    Failed(String),
    /// Whether this account may see it.
    Sight(Account, bool),
    /// The API gave no answer.
    Unknown,
}

impl Asked {
    /// The answer for these versions, if there is one.
    pub(super) fn answer(&self, dependency: &OwnerName, versions: &Versions) -> Option<&Answer> {
        let is_it = |(name, of, _): &&(OwnerName, Versions, Answer)| name == dependency && of == versions;
        self.answers.iter().find(is_it).map(|(_, _, answer)| answer).filter(|answer| **answer != Answer::Unknown)
    }

    /// Whether the account may see the dependency, if that is known.
    pub(super) fn sight(&self, dependency: &OwnerName, account: &Account, now: Instant) -> Option<bool> {
        let is_it = |(name, of, ..): &&(OwnerName, Account, bool, Instant)| name == dependency && of == account;
        let (.., may, at) = self.seen.iter().find(is_it)?;
        (now < *at + if *may { BELIEVED } else { RETRY }).then_some(*may)
    }

    pub(super) fn note(&mut self, dependency: OwnerName, versions: Versions, answer: Answer, now: Instant) {
        self.is_asking = false;
        self.answers.retain(|(name, ..)| *name != dependency);
        if let Answer::Sight(account, may) = answer {
            self.seen.retain(|(name, ..)| *name != dependency);
            return self.seen.push((dependency, account, may, now));
        }
        self.answers.push((dependency, versions, answer));
    }
}

/// What has to be found out of a dependency.
pub(super) struct Question {
    pub(super) dependency: OwnerName,
    pub(super) what: Asking,
}

/// What that is.
pub(super) enum Asking {
    /// What the expression says that decides whether it is ready: the one at this place.
    Expression(Expressions, usize),
    /// Whether the account of the owner may see it.
    Sight,
}

impl Schedule {
    /// Has the expressions of the owner compiled in a place of those for renders, where its namespace has half of them, before anything is
    /// done for it.
    pub(super) fn compile(&mut self, name: &OwnerName, settings: Arc<Settings>) {
        let Some(entry) = self.entries.get_mut(name).filter(|entry| !entry.is_compiling) else { return };
        entry.is_compiling = true;
        let (uid, context, name) = (entry.owner.uid().map(str::to_owned), self.context.clone(), name.clone());
        self.errands.spawn(async move {
            let place = context.renders.acquire(&name.namespace).await;
            let of = settings.clone();
            let compiling = tokio::task::spawn_blocking(move || {
                let _place = place;
                of.expressions.compile()
            });
            let compiled = compiling.await.unwrap_or_else(|error| {
                tracing::error!(owner = %name, error = broken_off(error), "compiling expressions broke off");
                Err(SettingsError::new("", "has expressions that cannot be compiled; this is a bug in cowherd"))
            });
            let _ = context.signals.send(Signal::Compiled { name, uid, settings, compiled });
        });
    }

    /// The expressions of an owner were compiled, as it asked for them then. Where one is wrong, it asks for what cannot be acted on.
    pub(super) fn compiled(
        &mut self,
        name: &OwnerName,
        uid: Option<&str>,
        settings: &Arc<Settings>,
        compiled: Result<(), SettingsError>,
    ) {
        let Some(entry) = self.entries.get_mut(name).filter(|entry| entry.owner.uid() == uid) else { return };
        entry.is_compiling = false;
        let is_still_asked_for = entry.settings().is_some_and(|now| Arc::ptr_eq(now, settings));
        if let Err(error) = compiled
            && is_still_asked_for
        {
            entry.refuse(error);
            let is_observed = entry.status.observed_generation == entry.owner.generation();
            let concerned = self.context.sharing.meet(&entry.owner, true, is_observed);
            self.concern(concerned);
        }
        self.consider(name);
        self.consider_blocked();
        self.consider_expecting(name);
    }

    /// Finds out what has to be known of a dependency of the owner.
    pub(super) fn find_out(&mut self, name: &OwnerName, Question { dependency, what }: Question) {
        let now = Instant::now();
        let Some(entry) = self.entries.get_mut(name) else { return };
        let (uid, owner) = (entry.owner.uid().map(str::to_owned), entry.owner.clone());
        let asked = entry.asked.get_or_insert_default();
        if asked.is_asking {
            return;
        }
        let is_unknown = asked.answers.iter().any(|(of, _, answer)| *of == dependency && *answer == Answer::Unknown);
        let pause = if is_unknown { RETRY } else { PAUSE };
        if let Some(at) = asked.last.map(|last| last + pause).filter(|at| *at > now) {
            self.timers.set(name, at);
            return;
        }
        asked.is_asking = true;
        asked.last = Some(now);
        let (context, signals) = (self.context.clone(), self.context.signals.clone());
        let name = name.clone();
        self.errands.spawn(async move {
            let find = async {
                match what {
                    Asking::Expression(expressions, place) => {
                        let (client, places) = (context.client.clone(), &context.renders);
                        what_is_said(client, places, &name, &dependency, (expressions, place)).await
                    }
                    Asking::Sight => ((None, None), may_see(&context, &owner, &dependency).await),
                }
            };
            let (versions, answer) = caught(find).await.unwrap_or_else(|panic| {
                tracing::error!(owner = %name, %dependency, panic, "finding out whether a dependency is ready panicked");
                ((None, None), Answer::Unknown)
            });
            let _ = signals.send(Signal::Asked { name, uid, dependency, versions, answer });
        });
    }

    pub(super) fn asked(
        &mut self,
        name: &OwnerName,
        uid: Option<&str>,
        dependency: OwnerName,
        (versions, answer): (Versions, Answer),
    ) {
        let Some(entry) = self.entries.get_mut(name).filter(|entry| entry.owner.uid() == uid) else { return };
        entry.asked.get_or_insert_default().note(dependency, versions, answer, Instant::now());
        self.consider(name);
    }

    /// An owner changed that others wait for by expressions, which may say something else of it now.
    pub(super) fn consider_expecting(&mut self, name: &OwnerName) {
        for waiting in self.expecting.get(name).cloned().unwrap_or_default() {
            self.consider(&waiting);
        }
    }

    /// The owner waits, maybe for what an expression decides on.
    pub(super) fn expect_by_expressions(&mut self, name: &OwnerName, settings: &Settings) {
        for dependency in settings.depends_on.iter().filter(|dependency| dependency.ready.is_some()) {
            self.expecting.entry(dependency.name.clone()).or_default().insert(name.clone());
        }
    }

    /// The owner waits for nobody by expressions any more.
    pub(super) fn expects_nothing(&mut self, name: &OwnerName) {
        self.expecting.retain(|_, waiting| {
            waiting.remove(name);
            !waiting.is_empty()
        });
    }
}

/// What a tenant wrote is evaluated in a place of those for renders: its namespace has half of them, and no thread beyond.
async fn what_is_said(
    client: Client,
    places: &Permits,
    name: &OwnerName,
    dependency: &OwnerName,
    (expressions, at): (Expressions, usize),
) -> (Versions, Answer) {
    let (owner, other) = tokio::join!(get(&client, name), get(&client, dependency));
    let (owner, other) = match (owner, other) {
        (Ok(Some(owner)), Ok(Some(other))) => (owner, other),
        (Err(error), _) | (_, Err(error)) => {
            tracing::debug!(owner = %name, %dependency, %error, "whether a dependency is ready cannot be found out");
            return ((None, None), Answer::Unknown);
        }
        // A watch is going to show that they are gone.
        _ => return ((None, None), Answer::Unknown),
    };
    let versions = (owner.resource_version(), other.resource_version());
    let place = places.acquire(&name.namespace).await;
    let deciding = tokio::task::spawn_blocking(move || {
        let _place = place;
        // What is no expression was refused before.
        expressions.ready(at).map_or(Answer::Unknown, |expression| decide(&expression, &owner, &other))
    });
    let decided = deciding.await;
    (versions, decided.unwrap_or(Answer::Unknown))
}

/// Whether the account of the owner may see the dependency, be it there or not.
async fn may_see(context: &Context, owner: &Owner, dependency: &OwnerName) -> Answer {
    let Some(account) = owner.account.clone() else { return Answer::Unknown };
    let Ok(target) = context.targets.of(owner).await else { return Answer::Unknown };
    match target.applier.may_read(&dependency.as_object(), Some(&account)).await {
        Ok(may) => Answer::Sight(account, may),
        Err(error) => {
            let error = error.told(&Mask::default());
            tracing::debug!(owner = %owner.name, %dependency, error, "whether a dependency may be seen cannot be found out");
            Answer::Unknown
        }
    }
}

async fn get(client: &Client, name: &OwnerName) -> kube::Result<Option<DynamicObject>> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &name.namespace, &name.kind.resource());
    api.get_opt(&name.name).await
}

fn decide(expression: &Expression, owner: &DynamicObject, other: &DynamicObject) -> Answer {
    let json = |object| serde_json::to_value(object).unwrap_or_default();
    let (owner, other) = (json(owner), json(other));
    let scope = Scope::named([("self", &owner), ("dep", &other)]);
    match expression.bool(&scope, Budget::EXPRESSION) {
        Ok(true) => Answer::Ready,
        Ok(false) => Answer::NotReady,
        Err(error) => Answer::Failed(format!("failed to evaluate the CEL expression '{expression}': {error}")),
    }
}

//! Leaves objects to other Kustomizations that describe them too.
//!
//! Whoever has one of them by now keeps it. Where nobody has, it is given to the first that may have it, before it applies
//! it: who leaves an object may be gone the next moment, and so may who was to take it. An object that others describe but
//! none of them may write is kept from deletion by nobody.

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_apply::{ApplyError, Heir, Versioned};
use kube::Api;

use super::Context;
use super::claims::Heirs;
use super::settings::Settings;
use crate::NamespacedName;

/// Takes out of what is to go what somebody else has or gets.
///
/// # Errors
/// When it could not be found out whether somebody gets an object. Those before it are taken out.
pub(super) async fn leave_to_others(
    context: &Context,
    name: &NamespacedName,
    stale: &mut Vec<Versioned>,
) -> Result<(), ApplyError> {
    let mut ours = Vec::with_capacity(stale.len());
    let mut objects = std::mem::take(stale).into_iter();
    while let Some(object) = objects.next() {
        match is_left(context, name, &object).await {
            Ok(true) => {}
            Ok(false) => ours.push(object),
            Err(error) => {
                ours.push(object);
                ours.extend(objects);
                *stale = ours;
                return Err(error);
            }
        }
    }
    *stale = ours;
    Ok(())
}

async fn is_left(context: &Context, name: &NamespacedName, object: &Versioned) -> Result<bool, ApplyError> {
    let heirs = match context.gate.heirs(name, &object.id) {
        Heirs::OneHasIt => return Ok(true),
        Heirs::Some(names) => names,
    };
    for heir in heirs {
        let Some(recipient) = recipient(context, &heir, object).await? else { continue };
        if context.applier.hand_over(&name.owner(), object, &recipient).await? {
            context.gate.hand_over(&heir, object);
            return Ok(true);
        }
    }
    Ok(false)
}

/// Who gets the object as that Kustomization, if it is there and may apply anything.
async fn recipient(context: &Context, name: &NamespacedName, object: &Versioned) -> Result<Option<Heir>, ApplyError> {
    let answer = |error| ApplyError::Unreachable { subject: Box::new(object.id.clone()), source: Box::new(error) };
    let api: Api<Kustomization> = Api::namespaced(context.client.clone(), &name.namespace);
    let Some(mut found) = api.get_opt(&name.name).await.map_err(answer)? else { return Ok(None) };
    context.policy.complete(&mut found);
    let Ok(settings) = Settings::read(&found) else { return Ok(None) };
    if context.policy.check(name, &settings).is_err() {
        return Ok(None);
    }
    if let Some(account) = &settings.account
        && !context.can_act_for(account).await.map_err(answer)?
    {
        return Ok(None);
    }
    Ok(Some(Heir { owner: name.owner(), account: settings.account }))
}

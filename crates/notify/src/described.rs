//! What metrics tell of Alerts, Providers and Receivers. The path of a webhook is not told: where it is all that it takes, as with the
//! type `generic`, whoever knows it may ask.

use cowherd_api::ConditionStatus;
use cowherd_api::flux::notification::v1::Receiver;
use cowherd_api::flux::notification::v1beta3::{Alert, Provider};
use cowherd_runtime::Description;

/// An object that metrics tell of.
pub(crate) trait Described {
    /// What they tell of it: nothing that must not be shown.
    fn described(&self) -> Description;
}

impl Described for Alert {
    fn described(&self) -> Description {
        Description::new(None, self.spec.suspend)
    }
}

impl Described for Provider {
    fn described(&self) -> Description {
        Description::new(None, self.spec.suspend)
    }
}

impl Described for Receiver {
    fn described(&self) -> Description {
        let mut conditions = self.status.iter().flat_map(|status| &status.conditions);
        let ready = conditions.find(|condition| condition.type_ == "Ready");
        let ready = ready.map(|condition| match condition.status {
            ConditionStatus::True => "True",
            ConditionStatus::False => "False",
            ConditionStatus::Unknown => "Unknown",
        });
        Description::new(ready, self.spec.suspend)
    }
}

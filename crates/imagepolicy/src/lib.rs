//! What Flux's image automation decides, without asking anybody: which tag of an image is the latest, what markers make of
//! files, and what is said of that in a commit.
//!
//! [`Policy::latest`] chooses of tags as an ImagePolicy says, after a [`Filter`]. [`Setters`] change the values in files of YAML
//! beside which a comment names a policy, `# {"$imagepolicy": "NAMESPACE:NAME:tag"}`, and no other byte. [`Changes`] are what was
//! changed of which object, of which [`message`] makes a commit's message.

mod change;
mod choice;
mod filter;
mod message;
mod number;
mod reference;
mod setters;

pub use change::{Change, Changes, ObjectId};
pub use choice::{InvalidPolicy, NoLatest, Order, Policy};
pub use filter::Filter;
pub use message::{Automation, MessageError, message};
pub use reference::{ImageRef, InvalidRef};
pub use setters::{Setters, Unreadable, Updated, is_marked};

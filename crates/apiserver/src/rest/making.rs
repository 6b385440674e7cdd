//! Making an answer page by page, within the room that there is for answers, and in turns.

use super::reading::PAGE;
use crate::{flow::Place, identity::User, server::ApiServer, service::Call, status::ApiResult, unread::Room};

/// For whom an answer is made: agents of this process need neither room nor a turn.
#[derive(Clone, Debug)]
pub(super) struct Maker(Option<(Room, User)>);

impl Maker {
    /// For who asked.
    pub fn of(call: &Call) -> Self {
        Self(call.room.clone().map(|room| (room, call.user.clone())))
    }

    /// Takes room for so many bytes before anything is made.
    pub async fn room(&self, bytes: usize) -> ApiResult<()> {
        match &self.0 {
            Some((room, _)) => room.take_in_time(bytes).await,
            None => Ok(()),
        }
    }

    /// Takes room for one more page: waits for it, unless something else is there to be sent meanwhile.
    pub async fn room_for_page(&self, is_something_there: bool) -> bool {
        match &self.0 {
            Some((room, _)) if is_something_there => room.try_take(PAGE),
            Some((room, _)) => {
                room.take(PAGE).await;
                true
            }
            None => true,
        }
    }

    /// Takes room for something that has so many bytes, if that is much.
    pub async fn room_for(&self, bytes: usize) {
        if let Some((room, _)) = self.0.as_ref().filter(|_| bytes > PAGE / 4) {
            room.take(bytes).await;
        }
    }

    /// So many bytes were made and are not sent.
    pub fn holds(&self, bytes: usize) {
        if let Some((room, _)) = &self.0 {
            room.hold(bytes);
        }
    }

    /// A turn to make a page: nobody knows before how large its objects are. It is kept until what was made is counted.
    pub async fn turn(&self, server: &ApiServer) -> Option<Place> {
        match &self.0 {
            Some((_, user)) => server.flow().turn(user).await,
            None => None,
        }
    }
}

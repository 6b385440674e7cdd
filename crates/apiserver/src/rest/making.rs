//! Making an answer page by page, within the room that there is for answers, and in turns.

use super::reading::Reading;
use crate::{
    flow::Place, identity::User, server::ApiServer, service::Call, status::ApiResult, stored::Stored, unread::Room,
};

/// For whom an answer is made: agents of this process need neither room nor a turn.
#[derive(Clone, Debug)]
pub(super) struct Maker(Option<(Room, User)>);

/// What came of a page that was to be made.
#[derive(Debug)]
pub(super) enum Page {
    /// It was made, and there is one after it if `is_more`. The turn is kept until what was made is counted.
    Made { is_more: bool, _turn: Option<Place> },
    /// There is no room for it, before something of what was made is sent.
    NoRoom,
}

/// How many bytes of a change need no room of their own: the buffers of a watch have as many anyway.
const SMALL: usize = 64 * 1024;

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

    /// Makes the next page, in turn and within the room that there is: `made` bytes were made and are not sent. Who waits
    /// for room has no turn, and holds nothing that was read: it is read again when there is some.
    pub async fn page(
        &self,
        reading: &mut Reading,
        size: usize,
        made: usize,
        mut take: impl FnMut(Stored<'_>) -> ApiResult<()>,
    ) -> Result<Page, cowherd_store::Error> {
        let mut needed = made + size;
        loop {
            if made == 0 {
                self.room_up_to(needed).await;
            } else if !self.has_room_up_to(needed) {
                return Ok(Page::NoRoom);
            }
            let turn = self.turn(&reading.server).await;
            let fits = |bytes: usize| {
                needed = made + bytes;
                self.has_room_up_to(needed)
            };
            if let Some(is_more) = reading.page_if(size, fits, &mut take).await? {
                return Ok(Page::Made { is_more, _turn: turn });
            }
        }
    }

    /// Whether there is room for a change that has so many bytes, which is taken.
    pub fn has_room_for(&self, bytes: usize) -> bool {
        bytes <= SMALL || self.0.as_ref().is_none_or(|(room, _)| room.try_take(bytes))
    }

    /// Takes room for a change that has so many bytes once there is some.
    pub async fn room_for(&self, bytes: usize) {
        if let Some((room, _)) = &self.0 {
            room.take(bytes).await;
        }
    }

    /// So many bytes were made and are not sent.
    pub fn holds(&self, bytes: usize) {
        if let Some((room, _)) = &self.0 {
            room.hold(bytes);
        }
    }

    fn has_room_up_to(&self, bytes: usize) -> bool {
        self.0.as_ref().is_none_or(|(room, _)| room.try_take_up_to(bytes))
    }

    async fn room_up_to(&self, bytes: usize) {
        if let Some((room, _)) = &self.0 {
            room.take_up_to(bytes).await;
        }
    }

    /// A turn to make a page: nobody knows before how large its objects are.
    async fn turn(&self, server: &ApiServer) -> Option<Place> {
        match &self.0 {
            Some((_, user)) => server.flow().turn(user).await,
            None => None,
        }
    }
}

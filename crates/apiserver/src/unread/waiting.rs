//! The body of an answer that waits to be read.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use cowherd_connections::UnderWay;
use http_body::{Frame, SizeHint};

use super::{Content, Room, lock};
use crate::{body::Body, flow::Place, pieces::Pieces};

/// The body of an answer. It has its room until this is dropped, or until it is given up for others.
#[derive(Debug)]
pub(crate) struct Waiting {
    room: Room,
}

impl Waiting {
    pub(super) fn new(room: Room, body: Body, under_way: UnderWay, place: Option<Place>) -> Self {
        room.held().note();
        *lock(&room.held().content) =
            Content { body: Some(Pieces::of(body)), under_way: Some(under_way), _place: place };
        Self { room }
    }
}

impl http_body::Body for Waiting {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let held = self.room.held();
        held.note();
        match &mut lock(&held.content).body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => {
                let error = io::Error::other("the answer was not read, and others needed its place");
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        lock(&self.room.held().content).body.as_ref().is_some_and(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let content = lock(&self.room.held().content);
        content.body.as_ref().map_or_else(SizeHint::default, |body| body.size_hint())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // What is made bit by bit has the room, too.
        let content = std::mem::take(&mut *lock(&self.room.held().content));
        drop(content);
    }
}

//! Who gets room, and who loses it.

use std::io;

use bytes::Bytes;
use cowherd_connections::Connections;
use futures::{FutureExt, StreamExt, stream};
use http_body_util::BodyExt;

use super::*;
use crate::body;

fn under_way() -> UnderWay {
    Connections::new(1, 1).try_admit(std::net::Ipv4Addr::LOCALHOST.into()).unwrap().activity.request()
}

/// An answer of so many bytes that was made as a whole.
async fn whole(unread: &Arc<Unread>, owner: &str, size: usize) -> Waiting {
    let room = unread.room(owner.into());
    room.take(size).await;
    room.keep(body::full(vec![0; size]), under_way(), None)
}

/// An answer that is made bit by bit, each bit of so many bytes.
fn bit_by_bit(unread: &Arc<Unread>, owner: &str, sizes: &'static [usize]) -> Waiting {
    let room = unread.room(owner.into());
    let making = room.clone();
    let bits = stream::iter(sizes).then(move |size| {
        let room = making.clone();
        async move {
            room.hold(0);
            room.take(*size).await;
            io::Result::Ok(Bytes::from(vec![b'e'; *size]))
        }
    });
    room.keep(body::streamed(Box::pin(bits)), under_way(), None)
}

fn bytes(unread: &Unread) -> u64 {
    lock(&unread.all).bytes
}

fn is_empty(unread: &Unread) -> bool {
    let all = lock(&unread.all);
    all.bytes == 0 && all.of_owner.is_empty() && all.held.is_empty()
}

#[tokio::test]
async fn what_nobody_reads_gives_its_place_to_others_of_its_user_first() {
    let unread = Unread::new(1_000);
    let theirs = whole(&unread, "other", 300).await;
    let first = whole(&unread, "greedy", 400).await;
    let began = Instant::now();
    let second = whole(&unread, "greedy", 400).await;
    assert!(began.elapsed() >= PATIENCE / 2, "whoever is reading has a moment");
    assert!(first.collect().await.is_err(), "it was given up");
    assert_eq!(second.collect().await.unwrap().to_bytes().len(), 400);
    assert_eq!(theirs.collect().await.unwrap().to_bytes().len(), 300);
    assert!(is_empty(&unread));
}

#[tokio::test]
async fn an_answer_is_not_made_before_there_is_room_for_it() {
    let unread = Unread::new(1_000);
    let (first, second) = (unread.room("greedy".into()), unread.room("greedy".into()));
    first.take(400).await;
    assert!(!second.try_take(200), "what is in making counts");
    let other = unread.room("other".into());
    other.take(400).await;
    let third = unread.room("other".into());
    assert!(!third.try_take(250));
    // What is in making is never given up, however long it takes.
    tokio::time::sleep(PATIENCE).await;
    assert!(!second.try_take(200) && !third.try_take(250));
    first.hold(100);
    assert!(second.try_take(200));
    drop((first, second, other));
    assert!(third.try_take(250));
    drop(third);
    assert!(is_empty(&unread));
}

#[tokio::test]
async fn what_comes_bit_by_bit_goes_on_when_there_is_room_and_is_given_up_where_nobody_reads_it() {
    let unread = Unread::new(400_000);
    let (mut first, mut read) =
        (bit_by_bit(&unread, "greedy", &[10, 150_000, 10]), bit_by_bit(&unread, "greedy", &[10, 150_000, 10]));
    for watch in [&mut first, &mut read] {
        assert_eq!(watch.frame().await.unwrap().unwrap().into_data().unwrap().len(), 10);
    }
    first.frame().await.unwrap().unwrap();
    assert!((150_000..160_000).contains(&bytes(&unread)), "{}", bytes(&unread));
    assert!(read.frame().now_or_never().is_none(), "there is no room for as much again");
    // The one that nobody reads goes.
    assert_eq!(read.collect().await.unwrap().to_bytes().len(), 150_010);
    assert!(first.frame().await.unwrap().is_err(), "it was given up");
    drop(first);
    assert!(is_empty(&unread));
}

#[tokio::test]
async fn an_answer_larger_than_all_room_is_given_to_who_has_no_other() {
    let unread = Unread::new(1_000);
    let _held: Vec<_> = [whole(&unread, "a", 450).await, whole(&unread, "b", 450).await].into();
    assert!(unread.room("c".into()).try_take(5_000));
}

//! What people are told to do.

use std::io::{Error, ErrorKind};
use std::path::Path;

use super::StorageFailure;
use crate::model::{Entry, Expected, Revision};
use crate::{WriteError, error};

#[test]
fn every_failure_of_the_disk_says_what_to_do() {
    let room = "free space on its disk or raise the quota; the store goes on by itself once there is room";
    let writable = "make the file and its directory writable for this user";
    for (kind, remedy) in [
        (ErrorKind::StorageFull, room),
        (ErrorKind::QuotaExceeded, room),
        (ErrorKind::FileTooLarge, room),
        (ErrorKind::PermissionDenied, writable),
        (ErrorKind::ReadOnlyFilesystem, writable),
        (ErrorKind::NotFound, "create the directory, or point to an existing one"),
        (ErrorKind::TimedOut, "check the disk"),
    ] {
        let cause = redb::Error::Io(Error::new(kind, "cause"));
        let failure = StorageFailure::new(Path::new("/data/state"), "write", &cause);
        assert_eq!(failure.to_string(), format!("/data/state: cannot write: cause; {remedy}"));
    }
    let corrupted = StorageFailure::new(Path::new("f"), "read", &redb::Error::Corrupted("torn".to_owned()));
    assert_eq!(corrupted.remedy, "restore the file from a backup, or remove it to start from nothing");
    let other = StorageFailure::new(Path::new("f"), "read", &redb::Error::DatabaseAlreadyOpen);
    assert_eq!(other.remedy, "check the disk and the file");
    for out_of_service in [redb::Error::DatabaseClosed, redb::Error::PreviousIo] {
        let failure = StorageFailure::new(Path::new("f"), "read", &out_of_service);
        let told = "f: cannot read: its disk failed, and it is being opened again; try again in a moment";
        assert_eq!(failure.to_string(), told);
        assert!(failure.may_pass() && !failure.is_full());
    }
    assert!(!corrupted.may_pass() && !other.may_pass());
}

#[test]
fn a_conflict_says_what_was_expected_and_what_is_there() {
    let entry = Entry { key: "k".into(), value: Default::default(), created: Revision(2), modified: Revision(7) };
    let conflict = |expected, current: Option<&Entry>| {
        WriteError::Conflict { key: "k".to_owned(), expected, current: current.cloned().map(Box::new) }.to_string()
    };
    assert_eq!(conflict(Expected::Absent, Some(&entry)), "k: expected no such key, found revision 7");
    assert_eq!(conflict(Expected::At(Revision(3)), None), "k: expected revision 3, found no such key");
    assert_eq!(Expected::Any.to_string(), "anything");
    assert_eq!(error::Error::Compacted { oldest: Revision(9) }.to_string().split(' ').nth(3), Some("9"));
}

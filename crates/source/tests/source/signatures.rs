//! Who signed what, as `gpg` and `ssh-keygen` signed it, beside what `git verify-commit` and `git verify-tag` say of the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use cowherd_gitserver::repository::git;
use cowherd_gitserver::signing::{Gpg, SshKey, armored, object, ran, store, with_signature};
use cowherd_source::{Mirrors, Range, Reference, Signers, Snapshot};

use crate::support::http::Server;
use crate::support::{Repository, mirrors, remote};

/// A repository with who signs its commits.
struct Signed {
    directory: tempfile::TempDir,
    repository: Repository,
    mirrors: Mirrors,
    gpg: Gpg,
}

const JANE: &str = "jane@example.com";
const EVE: &str = "eve@example.com";
/// When things were signed that have expired.
const LONG_AGO: [&str; 2] = ["--faked-system-time", "20200101T000000"];

impl Signed {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let repository = Repository::new(directory.path().join("repo"));
        let gpg = Gpg::new(directory.path().join("gpg"));
        repository.git(&["config", "gpg.program", gpg.program().to_str().unwrap()]);
        let allowed = directory.path().join("allowed");
        fs::write(&allowed, "").unwrap();
        repository.git(&["config", "gpg.ssh.allowedSignersFile", allowed.to_str().unwrap()]);
        repository.commit("a.yaml", "a: 1");
        let mirrors = mirrors(directory.path());
        Self { directory, repository, mirrors, gpg }
    }

    fn path(&self) -> &Path {
        &self.repository.path
    }

    /// Lets git know an ssh key.
    fn allow(&self, key: &SshKey) {
        let line = format!("{JANE} {}", key.public_key());
        fs::write(self.directory.path().join("allowed"), line).unwrap();
    }

    fn ssh_key(&self, name: &str, kind: &str, bits: &str) -> SshKey {
        SshKey::new(self.directory.path().join(name), kind, bits)
    }

    /// Makes this the tip of main: the commit that is there, as it lies in the repository, with a signature over it put in.
    fn sign(&self, sign: impl FnOnce(&[u8]) -> String) -> Vec<u8> {
        let unsigned = self.unsigned();
        let signed = with_signature(&unsigned, &sign(&unsigned));
        self.put(&signed);
        signed
    }

    /// A new commit without a signature.
    fn unsigned(&self) -> Vec<u8> {
        self.repository.git(&["reset", "--quiet", "--hard", "main"]);
        self.repository.commit_all("a commit");
        object(self.path(), "commit", "main")
    }

    fn put(&self, commit: &[u8]) {
        let id = store(self.path(), "commit", commit);
        self.repository.git(&["update-ref", "refs/heads/main", &id]);
    }

    fn fetch(&self, reference: &Reference) -> Snapshot {
        let mut remote = remote(&format!("file://{}", self.path().display()));
        remote.with_tag = true;
        self.mirrors.fetch(&remote, reference).unwrap()
    }

    /// What is said of the tip of main, and whether git verifies it.
    fn told(&self, keys: &[(&str, String)]) -> (Result<String, String>, bool) {
        let snapshot = self.fetch(&Reference::Branch("main".into()));
        let told = snapshot.signer(&signers(keys), SystemTime::now()).map_err(|problem| problem.to_string());
        let (is_verified, _, _) = ran(git(self.path()).args(["verify-commit", "main"]), b"");
        (told, is_verified)
    }

    /// What is said of a tag, and whether git verifies it.
    fn told_of_tag(&self, tag: &str, keys: &[(&str, String)]) -> (Result<String, String>, bool) {
        let snapshot = self.fetch(&Reference::Tag(tag.into()));
        let told = snapshot.signer_of_tag(&signers(keys), SystemTime::now()).map_err(|problem| problem.to_string());
        let (is_verified, _, _) = ran(git(self.path()).args(["verify-tag", tag]), b"");
        (told, is_verified)
    }
}

fn signers(keys: &[(&str, String)]) -> Signers {
    let data: BTreeMap<_, _> = keys.iter().map(|(name, key)| ((*name).to_owned(), key.clone().into_bytes())).collect();
    Signers::read(&data)
}

/// The number by which people name a key.
fn id(fingerprint: &str) -> String {
    fingerprint[24..].to_owned()
}

/// That it is refused, for this reason, and what git makes of it.
fn refused((told, is_verified): (Result<String, String>, bool), why: &str, by_git: bool) {
    let told = told.unwrap_err();
    assert!(told.contains(why), "{told}");
    assert_eq!(is_verified, by_git, "{told}");
}

#[test]
fn commits_signed_by_keys_of_each_kind_are_who_git_says() {
    let signed = Signed::new();
    for kind in ["rsa2048", "rsa4096", "nistp256", "nistp384", "nistp521", "ed25519"] {
        let user = format!("{kind}@example.com");
        let fingerprint = signed.gpg.make_key(&user, kind, "cert,sign", "none", &[]);
        signed.repository.git(&["commit", "--quiet", "--allow-empty", "-m", "a commit", &format!("-S{user}")]);
        let (told, is_verified) = signed.told(&[("jane.asc", signed.gpg.public_key(&user))]);
        assert_eq!((told, is_verified), (Ok(id(&fingerprint)), true), "{kind}");
        // The same by one who has the keys of others as well, under whatever name.
        let keys = [("a", "no key".to_owned()), ("key", signed.gpg.public_keys())];
        assert_eq!(signed.told(&keys).0, Ok(id(&fingerprint)), "{kind}");
    }
}

#[test]
fn a_subkey_signs_for_the_key_that_it_belongs_to() {
    let signed = Signed::new();
    let fingerprint = signed.gpg.make_key(JANE, "ed25519", "cert", "none", &[]);
    signed.gpg.add_key(&fingerprint, "nistp256/ecdsa", "sign", "none", &[]);
    signed.gpg.add_key(&fingerprint, "cv25519", "encr", "none", &[]);
    signed.sign(|commit| signed.gpg.sign(&[JANE], &[], commit));
    let keys = [("jane.asc", signed.gpg.public_key(JANE))];
    assert_eq!(signed.told(&keys), (Ok(id(&fingerprint)), true));
}

#[test]
fn nobody_signs_with_a_key_that_they_added_to_one_of_somebody_else() {
    let signed = Signed::new();
    let jane = signed.gpg.make_key(JANE, "ed25519", "cert,sign", "none", &[]);
    let eve = signed.gpg.make_key(EVE, "ed25519", "cert", "none", &[]);
    signed.gpg.add_key(&eve, "ed25519", "sign", "none", &[]);
    signed.sign(|commit| signed.gpg.sign(&[EVE], &[], commit));
    // What eve's key has behind her user is put behind jane's key, as anybody can who publishes it.
    let (of_jane, of_eve) = (packets(&signed, &jane), packets(&signed, &eve));
    let added = of_eve.iter().position(|packet| packet[0] & 0x3f == 14 || packet[0] >> 2 & 0xf == 14).unwrap();
    let forged = [of_jane.concat(), of_eve[added..].concat()].concat();
    let forged = armored("PGP PUBLIC KEY BLOCK", &forged);
    refused(signed.told(&[("jane.asc", forged)]), "which has no valid signature of its own", true);
}

/// The packets of a public key, one by one.
fn packets(signed: &Signed, user: &str) -> Vec<Vec<u8>> {
    let bytes = signed.gpg.run(&["--export", user], b"");
    let listed = String::from_utf8(signed.gpg.run(&["--list-packets"], &bytes)).unwrap();
    let offsets = listed.lines().filter_map(|line| line.strip_prefix("# off=")?.split(' ').next()?.parse().ok());
    let mut offsets: Vec<usize> = offsets.collect();
    offsets.push(bytes.len());
    offsets.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect()
}

#[test]
fn who_is_not_among_those_that_may_sign_does_not() {
    let signed = Signed::new();
    signed.gpg.make_key(JANE, "ed25519", "cert,sign", "none", &[]);
    let eve = signed.gpg.make_key(EVE, "ed25519", "cert,sign", "none", &[]);
    signed.sign(|commit| signed.gpg.sign(&[EVE], &[], commit));
    let jane = [("jane.asc", signed.gpg.public_key(JANE)), ("notes.asc", "no key".to_owned())];
    let told = signed.told(&jane);
    refused(told.clone(), &format!("by the key {}, which is not among those that may sign", id(&eve)), true);
    refused(told, "could not be read: notes.asc (it is not what `gpg --export --armor` prints)", true);
    refused(signed.told(&[]), "the Secret has no public key of that", true);
    refused(signed.told(&[("jane.sshpub", "x".to_owned())]), "its line 1 is no public key", true);
    signed.unsigned();
    refused(signed.told(&jane), "it is not signed", false);
}

#[test]
fn keys_and_signatures_that_have_expired_or_were_revoked_do_not_count() {
    let signed = Signed::new();
    signed.gpg.make_key("old@example.com", "ed25519", "cert,sign", "1d", &LONG_AGO);
    signed.sign(|commit| signed.gpg.sign(&["old@example.com"], &LONG_AGO, commit));
    let keys = |user: &str| [("a.asc", signed.gpg.public_key(user))];
    refused(signed.told(&keys("old@example.com")), "which has expired", false);

    let aged = signed.gpg.make_key("aged@example.com", "ed25519", "cert", "none", &LONG_AGO);
    signed.gpg.add_key(&aged, "ed25519", "sign", "1d", &LONG_AGO);
    signed.sign(|commit| signed.gpg.sign(&["aged@example.com"], &LONG_AGO, commit));
    refused(signed.told(&keys("aged@example.com")), "which has expired", false);

    signed.gpg.make_key("short@example.com", "ed25519", "cert,sign", "none", &LONG_AGO);
    let short = [&LONG_AGO[..], &["--default-sig-expire", "1"]].concat();
    signed.sign(|commit| signed.gpg.sign(&["short@example.com"], &short, commit));
    refused(signed.told(&keys("short@example.com")), "has expired", false);

    let revoked = signed.gpg.make_key(JANE, "ed25519", "cert,sign", "none", &[]);
    signed.sign(|commit| signed.gpg.sign(&[JANE], &[], commit));
    let before = signed.gpg.public_key(JANE);
    assert_eq!(signed.told(&[("a.asc", before.clone())]), (Ok(id(&revoked)), true));
    signed.gpg.revoke(&revoked);
    refused(signed.told(&keys(JANE)), "which was revoked", false);
    // A copy from before does not make it good again.
    let both = [("a.asc", before), ("b.asc", signed.gpg.public_key(JANE))];
    refused(signed.told(&both), "which was revoked", false);
}

#[test]
fn a_key_that_is_not_for_signatures_makes_none() {
    let signed = Signed::new();
    signed.gpg.make_key(JANE, "ed25519", "cert,sign", "none", &[]);
    signed.sign(|commit| signed.gpg.sign(&[JANE], &[], commit));
    signed.gpg.toggle_signing(JANE);
    refused(signed.told(&[("a.asc", signed.gpg.public_key(JANE))]), "which is not one for signatures", false);
}

#[test]
fn what_was_changed_after_it_was_signed_is_signed_by_nobody() {
    let signed = Signed::new();
    signed.gpg.make_key(JANE, "ed25519", "cert,sign", "none", &[]);
    let keys = [("jane.asc", signed.gpg.public_key(JANE))];
    let good = signed.sign(|commit| signed.gpg.sign(&[JANE], &[], commit));
    let good = String::from_utf8(good).unwrap();
    for (from, to) in [("a commit", "a cammit"), ("Jane Roe", "Eve Roe "), ("\n\na", "\nx y\n\na"), ("+0100", "+0200")]
    {
        signed.put(good.replacen(from, to, 1).as_bytes());
        refused(signed.told(&keys), "is not of what stands there", false);
    }
    // The signature of another commit.
    let other = signed.gpg.sign(&[JANE], &[], b"tree 1\n\nanother commit\n");
    signed.sign(|_| other);
    refused(signed.told(&keys), "is not of what stands there", false);
    signed.put(good.as_bytes());
    assert!(signed.told(&keys).0.is_ok());
}

#[test]
fn of_two_signatures_none_counts() {
    let signed = Signed::new();
    signed.gpg.make_key(JANE, "ed25519", "cert,sign", "none", &[]);
    signed.gpg.make_key(EVE, "ed25519", "cert,sign", "none", &[]);
    let keys = [("jane.asc", signed.gpg.public_key(JANE)), ("eve.asc", signed.gpg.public_key(EVE))];
    signed.sign(|commit| signed.gpg.sign(&[JANE, EVE], &[], commit));
    refused(signed.told(&keys), "it has 2 signatures", false);
    // Two armors behind each other, and two headers.
    let one = |user: &str, commit: &[u8]| signed.gpg.sign(&[user], &[], commit);
    signed.sign(|commit| [one(JANE, commit), one(EVE, commit)].concat());
    refused(signed.told(&keys), "it is not one armored signature", false);
    let unsigned = signed.unsigned();
    let (first, second) = (one(JANE, &unsigned), one(EVE, &unsigned));
    signed.put(&with_signature(&with_signature(&unsigned, &first), &second));
    refused(signed.told(&keys), "it has several signatures", false);
}

#[test]
fn digests_and_kinds_of_signatures_that_are_not_accepted_are_named() {
    let signed = Signed::new();
    signed.gpg.make_key(JANE, "rsa2048", "cert,sign", "none", &[]);
    let keys = [("jane.asc", signed.gpg.public_key(JANE))];
    // gpg still takes them, and so does git.
    signed.sign(|commit| signed.gpg.sign(&[JANE], &["--digest-algo", "SHA1"], commit));
    refused(signed.told(&keys), "over a digest that is not accepted (the number 2)", true);
    signed.sign(|commit| signed.gpg.sign(&[JANE], &["--textmode"], commit));
    refused(signed.told(&keys), "of the kind 0x01", true);
    for digest in ["SHA256", "SHA384", "SHA512"] {
        signed.sign(|commit| signed.gpg.sign(&[JANE], &["--digest-algo", digest], commit));
        assert!(signed.told(&keys).0.is_ok(), "{digest}");
    }
    signed.sign(|_| "-----BEGIN SIGNED MESSAGE-----\nMII=\n-----END SIGNED MESSAGE-----\n".to_owned());
    refused(signed.told(&keys), "it is signed by X.509, which is not supported", false);
    signed.sign(|_| "something\n".to_owned());
    refused(signed.told(&keys), "it is signed by something unknown", false);
}

#[test]
fn commits_signed_by_ssh_are_who_git_says() {
    let signed = Signed::new();
    for (kind, bits) in
        [("ed25519", ""), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "2048"), ("rsa", "4096")]
    {
        let key = signed.ssh_key(&format!("{kind}-{bits}"), kind, bits);
        signed.allow(&key);
        signed.sign(|commit| key.sign("git", commit));
        let keys = [("jane.sshpub", format!("# who may\n\n{}", key.public_key()))];
        assert_eq!(signed.told(&keys), (Ok(key.fingerprint()), true), "{kind} {bits}");
    }
}

#[test]
fn signatures_by_ssh_that_are_no_good_are_named() {
    let signed = Signed::new();
    let (jane, eve) = (signed.ssh_key("jane", "ed25519", ""), signed.ssh_key("eve", "ed25519", ""));
    signed.allow(&jane);
    let keys = [("jane.sshpub", jane.public_key())];
    signed.sign(|commit| jane.sign("file", commit));
    refused(signed.told(&keys), "its signature is one for \"file\", where git's are for \"git\"", false);
    signed.sign(|commit| eve.sign("git", commit));
    refused(signed.told(&keys), &format!("by the key {}, which is not among those", eve.fingerprint()), false);
    // A key of ssh under a name that is for OpenPGP is none.
    signed.sign(|commit| jane.sign("git", commit));
    refused(signed.told(&[("jane.asc", jane.public_key())]), "the Secret has no public key of that", true);
    // Whoever restricts a key by an option would not want it to be passed over.
    let restricted = format!("expiry-time=\"20200101\" {}", jane.public_key());
    refused(signed.told(&[("jane.sshpub", restricted)]), "its line 1 is no public key", true);
    let good = signed.sign(|commit| jane.sign("git", commit));
    assert!(signed.told(&keys).0.is_ok());
    let good = String::from_utf8(good).unwrap();
    signed.put(good.replace("a commit", "a cammit").as_bytes());
    refused(signed.told(&keys), "is not of what stands there", false);
    let old = signed.ssh_key("old", "rsa", "1024");
    signed.allow(&old);
    signed.sign(|commit| old.sign("git", commit));
    refused(signed.told(&[("old.sshpub", old.public_key())]), "of a kind that is not supported", true);
}

#[test]
fn signed_tags_are_who_git_says_under_their_own_name_alone() {
    let signed = Signed::new();
    let fingerprint = signed.gpg.make_key(JANE, "ed25519", "cert,sign", "none", &[]);
    let ssh = signed.ssh_key("jane", "ed25519", "");
    signed.allow(&ssh);
    let keys = [("jane.asc", signed.gpg.public_key(JANE)), ("jane.sshpub", ssh.public_key())];
    signed.repository.git(&["tag", "-u", JANE, "-m", "one", "v1"]);
    assert_eq!(signed.told_of_tag("v1", &keys), (Ok(id(&fingerprint)), true));
    let path = ssh.path.to_str().unwrap();
    let by_ssh = ["-c", "gpg.format=ssh", "-c", &format!("user.signingkey={path}"), "tag", "-s", "-m", "two", "v2"];
    signed.repository.git(&by_ssh);
    assert_eq!(signed.told_of_tag("v2", &keys), (Ok(ssh.fingerprint()), true));

    signed.repository.git(&["tag", "-m", "not signed", "plain"]);
    refused(signed.told_of_tag("plain", &keys), "it is not signed", false);
    signed.repository.git(&["tag", "light"]);
    refused(signed.told_of_tag("light", &keys), "it is not signed", false);
    // Whoever may push, and not sign, puts an old tag under the name of a new one.
    signed.repository.git(&["update-ref", "refs/tags/v3", "refs/tags/v1"]);
    refused(signed.told_of_tag("v3", &keys), "the tag that was signed is called \"v1\"", true);
    let changed = String::from_utf8(object(signed.path(), "tag", "v1")).unwrap().replace("\none\n", "\nten\n");
    let changed = store(signed.path(), "tag", changed.as_bytes());
    signed.repository.git(&["update-ref", "refs/tags/v1", &changed]);
    refused(signed.told_of_tag("v1", &keys), "is not of what stands there", false);
    // A tag says nothing of who signed the commit.
    assert!(signed.fetch(&Reference::Tag("v2".into())).signer(&signers(&keys), SystemTime::now()).is_err());
}

#[test]
fn a_tag_comes_from_its_server_when_it_is_asked_for_whatever_is_here_of_its_commit() {
    let signed = Signed::new();
    let fingerprint = signed.gpg.make_key(JANE, "ed25519", "cert,sign", "none", &[]);
    let keys = [("jane.asc", signed.gpg.public_key(JANE))];
    signed.repository.git(&["tag", "-u", JANE, "-m", "one", "v1.0.0"]);
    let server = Server::start(signed.directory.path());
    let mut remote = remote(&server.url("repo/.git"));
    let tag = Reference::Tag("v1.0.0".into());
    let without = signed.mirrors.fetch(&remote, &tag).unwrap();
    assert!(without.tag.is_none(), "nobody asked for it");
    remote.with_tag = true;
    for (reference, unchanged) in [
        (tag.clone(), false),
        (tag, true),
        (Reference::SemVer(Range::parse("1.x").unwrap()), true),
        (Reference::Name("refs/tags/v1.0.0".into()), true),
    ] {
        let fetched = signed.mirrors.fetch(&remote, &reference).unwrap();
        assert_eq!(fetched.signer_of_tag(&signers(&keys), SystemTime::now()).unwrap(), id(&fingerprint));
        assert_eq!(fetched.unchanged, unchanged, "{reference}");
        assert_eq!(fetched.commit, without.commit);
    }
    // It moved, and nothing else.
    signed.repository.git(&["tag", "--force", "-u", JANE, "-m", "anew", "v1.0.0"]);
    let moved = signed.mirrors.fetch(&remote, &Reference::Tag("v1.0.0".into())).unwrap();
    assert!(!moved.unchanged);
    let id_of_tag = signed.repository.git(&["rev-parse", "refs/tags/v1.0.0"]);
    assert_eq!(moved.tag_label(), format!("v1.0.0@{id_of_tag}"));
    let mirror = fs::read_dir(signed.directory.path().join("mirrors")).unwrap().map(Result::unwrap);
    let mirror = mirror.map(|entry| entry.path().join("0")).find(|path| path.join("objects").is_dir()).unwrap();
    crate::support::repository::run(&mirror, &["fsck", "--full", "--strict", "--no-dangling"]);
}

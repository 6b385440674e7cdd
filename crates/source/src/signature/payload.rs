//! What of an object was signed, and by what, as git tells the two apart.

/// What of an object was signed, and the signature.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) payload: Vec<u8>,
    pub(super) signature: String,
}

/// Why the two cannot be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

const NO_TEXT: Malformed = Malformed("its signature is no text");

/// The header of a commit that has its signature.
const SIGNATURE: &[u8] = b"gpgsig ";
/// What headers begin with that are no part of what was signed: the same for other digests of the object.
const SIGNATURES: &[u8] = b"gpgsig";

/// What a line of a tag begins with that begins its signature.
const BEGINNINGS: [&[u8]; 4] = [
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"-----BEGIN SIGNED MESSAGE-----",
    b"-----BEGIN SSH SIGNATURE-----",
];

/// Of a commit, which has its signature in a header.
pub(super) fn of_commit(content: &[u8]) -> Result<Option<Signed>, Malformed> {
    let (payload, signature) = without_signatures(content)?;
    let signature = signature.map(|signature| String::from_utf8(signature).map_err(|_| NO_TEXT)).transpose()?;
    Ok(signature.map(|signature| Signed { payload, signature }))
}

/// Of a tag, which has its signature behind its message.
pub(super) fn of_tag(content: &[u8]) -> Result<Option<Signed>, Malformed> {
    let mut begin = None;
    let mut at = 0;
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        if BEGINNINGS.iter().any(|beginning| line.starts_with(beginning)) {
            begin = Some(at);
        }
        at += line.len();
    }
    let Some((payload, signature)) = begin.map(|begin| content.split_at(begin)) else { return Ok(None) };
    let signature = String::from_utf8(signature.to_vec()).map_err(|_| NO_TEXT)?;
    let (payload, _) = without_signatures(payload)?;
    Ok(Some(Signed { payload, signature }))
}

/// An object without the headers that have signatures, and what is in the one of them that counts.
fn without_signatures(content: &[u8]) -> Result<(Vec<u8>, Option<Vec<u8>>), Malformed> {
    #[derive(PartialEq)]
    enum In {
        Header,
        Signature,
        OtherSignature,
        Message,
    }
    let (mut payload, mut signature) = (Vec::with_capacity(content.len()), None::<Vec<u8>>);
    let mut place = In::Header;
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_prefix(b" ") {
            Some(more) if place == In::Signature => {
                signature.get_or_insert_default().extend_from_slice(more);
                continue;
            }
            Some(_) if place == In::OtherSignature => continue,
            Some(_) => {}
            None if place == In::Message => {}
            None if line == b"\n" => place = In::Message,
            None => {
                if let Some(first) = line.strip_prefix(SIGNATURE) {
                    if signature.replace(first.to_vec()).is_some() {
                        return Err(Malformed(
                            "it has several signatures, of which nobody can say which one counts; sign it once",
                        ));
                    }
                    place = In::Signature;
                    continue;
                }
                place = if line.starts_with(SIGNATURES) { In::OtherSignature } else { In::Header };
                if place == In::OtherSignature {
                    continue;
                }
            }
        }
        payload.extend_from_slice(line);
    }
    Ok((payload, signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(content: &str) -> Option<(String, String)> {
        let signed = of_commit(content.as_bytes()).unwrap()?;
        Some((String::from_utf8(signed.payload).unwrap(), signed.signature))
    }

    #[test]
    fn what_was_signed_of_a_commit_is_all_but_its_signatures() {
        let commit = "tree 1\nauthor A\ngpgsig -----BEGIN\n \n a\n -----END\ngpgsig-sha256 x\n y\nencoding z\n\nsubject\n gpgsig no\ngpgsig no\n";
        let rest = "tree 1\nauthor A\nencoding z\n\nsubject\n gpgsig no\ngpgsig no\n";
        assert_eq!(told(commit), Some((rest.to_owned(), "-----BEGIN\n\na\n-----END\n".to_owned())));
        assert_eq!(told(rest), None);
        // What another header goes on with is no signature.
        let merged = "tree 1\nmergetag object 2\n gpgsig no\n\nsubject\n";
        assert_eq!(told(merged), None);
    }

    #[test]
    fn of_several_signatures_none_counts() {
        let twice = "tree 1\ngpgsig a\nauthor A\ngpgsig b\n\nsubject\n";
        assert!(of_commit(twice.as_bytes()).unwrap_err().0.contains("several signatures"));
        assert_eq!(of_commit(b"tree 1\ngpgsig \xff\n\nsubject\n"), Err(NO_TEXT));
    }

    #[test]
    fn what_was_signed_of_a_tag_is_all_before_its_last_signature() {
        let tag = "object 1\ntag v1\ngpgsig-sha256 x\n y\n\nmessage\n-----BEGIN PGP SIGNATURE-----\nfirst\n-----BEGIN SSH SIGNATURE-----\nsecond\n";
        let signed = of_tag(tag.as_bytes()).unwrap().unwrap();
        let payload = String::from_utf8(signed.payload).unwrap();
        assert_eq!(payload, "object 1\ntag v1\n\nmessage\n-----BEGIN PGP SIGNATURE-----\nfirst\n");
        assert_eq!(signed.signature, "-----BEGIN SSH SIGNATURE-----\nsecond\n");
        assert_eq!(of_tag(b"object 1\n\nno -----BEGIN SSH SIGNATURE-----\n"), Ok(None));
    }
}

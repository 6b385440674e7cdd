//! A document, decrypted as a whole.

use sha2::{Digest, Sha512};

use crate::cipher::{Cipher, Opened};
use crate::metadata::Metadata;
use crate::rules::{Comments, Rule};
use crate::tree::{Comment, Entry, Item, Map, Value};
use crate::{Format, Keys, SopsError, data_key, number};

/// The most bytes of a document that is decrypted, as Flux has it.
pub const MAX_SIZE: usize = 5 * 1024 * 1024;

/// What the code of a document covers first that covers only what is encrypted: so it differs from that of one which covers all.
const ONLY_ENCRYPTED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b, 0x97, 0x5b,
    0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// What a document held.
#[derive(Clone, PartialEq)]
pub struct Decrypted {
    /// It, in the format that was asked for.
    pub bytes: Vec<u8>,
    /// The values that were encrypted: what must not be shown.
    pub secrets: Vec<String>,
    /// Whether its message authentication code is right: nothing in it was changed, moved or taken away since it was encrypted.
    pub is_intact: bool,
}

impl std::fmt::Debug for Decrypted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Decrypted({} bytes)", self.bytes.len())
    }
}

/// Decrypts `data`, which is of the format `from`, and writes what it held in the format `to`.
///
/// That its code is wrong is told by [`Decrypted::is_intact`] alone: Flux does not look at it, and what kustomize has worked on
/// has not the order any more that the code covers.
///
/// # Errors
/// When it is no document of that format or not encrypted, when no key opens it, when a value is not what it says, or when what
/// it held cannot be written so.
pub fn decrypt(data: &[u8], from: Format, to: Format, keys: &Keys) -> Result<Decrypted, SopsError> {
    if data.len() > MAX_SIZE {
        return Err(SopsError::TooLarge { size: data.len(), limit: MAX_SIZE });
    }
    let (mut documents, metadata) = from.load(data)?;
    let metadata = Metadata::read(&metadata)?;
    let cipher = Cipher::new(&data_key::recover(&metadata, keys)?);
    let mut walk = Walk {
        cipher: &cipher,
        rule: &metadata.rule,
        covers_all: !metadata.mac_only_encrypted,
        code: Sha512::new(),
        path: Vec::new(),
        comments: Vec::new(),
        secrets: Vec::new(),
    };
    if metadata.mac_only_encrypted {
        walk.code.update(ONLY_ENCRYPTED);
    }
    for document in &mut documents {
        walk.map(document)?;
    }
    let code = walk.code.finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02X}"));
    let said = cipher.open(&metadata.mac, &metadata.modified);
    let is_intact = said == Ok(Opened::Value(Value::Text(code)));
    Ok(Decrypted { bytes: to.write(&documents)?, secrets: walk.secrets, is_intact })
}

/// A way through all values.
struct Walk<'d> {
    cipher: &'d Cipher,
    rule: &'d Rule,
    /// Whether the code covers what is not encrypted too.
    covers_all: bool,
    code: Sha512,
    path: Vec<String>,
    comments: Comments,
    secrets: Vec<String>,
}

impl Walk<'_> {
    fn map(&mut self, map: &mut Map) -> Result<(), SopsError> {
        self.comments.push(Vec::new());
        for entry in map {
            match entry {
                Entry::Comment(comment) => self.comment(comment),
                Entry::Pair(key, value) => {
                    self.path.push(key.clone());
                    if self.value(value)?.is_some() {
                        return Err(self.misfit("a comment was encrypted in its place"));
                    }
                    self.path.pop();
                    self.no_comments();
                }
            }
        }
        self.comments.pop();
        Ok(())
    }

    fn list(&mut self, items: &mut [Item]) -> Result<(), SopsError> {
        self.comments.push(Vec::new());
        for item in items {
            match item {
                Item::Comment(comment) => self.comment(comment),
                Item::Value(value) => {
                    if let Some(comment) = self.value(value)? {
                        *item = Item::Comment(comment);
                    }
                    self.no_comments();
                }
            }
        }
        self.comments.pop();
        Ok(())
    }

    fn no_comments(&mut self) {
        if let Some(comments) = self.comments.last_mut() {
            comments.clear();
        }
    }

    /// One that cannot be decrypted was not encrypted: earlier versions of sops left them as they were.
    fn comment(&mut self, comment: &mut Comment) {
        if let Some(comments) = self.comments.last_mut() {
            comments.push(comment.text.clone());
        }
        if !self.rule.encrypts(&self.path, &self.comments, true) {
            return;
        }
        let text = match self.cipher.open(&comment.text, &self.place()) {
            Ok(Opened::Comment(text) | Opened::Value(Value::Text(text))) => text,
            _ => return,
        };
        self.hide(&text);
        *comment = Comment { text, is_inline: false };
    }

    /// Decrypts a value. What sops took for one although it is a comment, as it does in lists, is given back.
    fn value(&mut self, value: &mut Value) -> Result<Option<Comment>, SopsError> {
        match value {
            Value::Null => return Ok(None),
            Value::Map(map) => return self.map(map).map(|()| None),
            Value::List(items) => return self.list(items).map(|()| None),
            _ => {}
        }
        let is_encrypted = self.rule.encrypts(&self.path, &self.comments, false);
        if is_encrypted {
            let Value::Text(text) = value else {
                return Err(self.misfit("it is to be encrypted, and is not even a text"));
            };
            let opened = self.cipher.open(text, &self.place()).map_err(|problem| self.misfit(problem))?;
            *value = match opened {
                Opened::Value(opened) => opened,
                Opened::Comment(text) => {
                    self.code.update(&text);
                    self.hide(&text);
                    return Ok(Some(Comment { text, is_inline: false }));
                }
            };
            if let Some(bytes) = covered(value) {
                self.hide(&String::from_utf8_lossy(&bytes));
            }
        }
        if is_encrypted || self.covers_all {
            self.code.update(covered(value).unwrap_or_default());
        }
        Ok(None)
    }

    fn hide(&mut self, text: &str) {
        if !text.is_empty() {
            self.secrets.push(text.to_owned());
        }
    }

    /// Where the walk is, as values are bound to it.
    fn place(&self) -> String {
        self.path.join(":") + ":"
    }

    fn misfit(&self, problem: &'static str) -> SopsError {
        SopsError::Value { path: self.path.join("."), problem }
    }
}

/// What the code covers of a value.
fn covered(value: &Value) -> Option<Vec<u8>> {
    Some(match value {
        Value::Bool(true) => b"True".to_vec(),
        Value::Bool(false) => b"False".to_vec(),
        Value::Int(value) => value.to_string().into_bytes(),
        Value::Float(value) => number::plain(*value).into_bytes(),
        Value::Text(text) | Value::Time(text) => text.clone().into_bytes(),
        Value::Bytes(bytes) => bytes.clone(),
        Value::Null | Value::List(_) | Value::Map(_) => return None,
    })
}

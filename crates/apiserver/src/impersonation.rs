//! Requests that are made for somebody else. Who that is is known whole, or the request is refused.

use std::collections::BTreeMap;

use http::HeaderMap;

use crate::{
    authorization::{self, Attributes},
    identity::{User, service_account},
    query::decode,
    server::ApiServer,
    status::{ApiError, ApiResult},
};

const USER: &str = "impersonate-user";
const GROUP: &str = "impersonate-group";
const UID: &str = "impersonate-uid";
const EXTRA: &str = "impersonate-extra-";
/// The group of what a user is besides a name and groups.
const AUTHENTICATION: &str = "authentication.k8s.io";

/// The user that a request is made for, where somebody who may do so makes it for another.
pub async fn impersonated(server: &ApiServer, user: User, headers: &HeaderMap) -> ApiResult<User> {
    let Some(wanted) = Wanted::read(headers)? else { return Ok(user) };
    for attributes in wanted.rights() {
        authorization::check(server, &user, &attributes).await?;
    }
    Ok(wanted.into_user())
}

/// Whom a request is made for, as its headers say.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    user: String,
    groups: Vec<String>,
    uid: String,
    extra: BTreeMap<String, Vec<String>>,
}

impl Wanted {
    /// Reads the headers; `None` where they name nobody.
    fn read(headers: &HeaderMap) -> ApiResult<Option<Self>> {
        let named = headers.contains_key(USER);
        let mut wanted = Self {
            user: one(headers, USER)?,
            groups: all(headers, GROUP)?,
            uid: one(headers, UID)?,
            ..Self::default()
        };
        for name in headers.keys().map(|name| name.as_str()) {
            if let Some(key) = name.strip_prefix(EXTRA) {
                let key = decode(key, false);
                if key.is_empty() || key.contains(char::REPLACEMENT_CHARACTER) {
                    return Err(ApiError::bad_request(format!("the header {name} names no extra field")));
                }
                wanted.extra.entry(key).or_default().extend(all(headers, name)?);
            }
        }
        if named && wanted.user.is_empty() {
            return Err(ApiError::bad_request("requested impersonation of a user without a name"));
        }
        if !named && wanted != Self::default() {
            let what = match &wanted {
                Self { groups, .. } if !groups.is_empty() => "groups",
                Self { uid, .. } if !uid.is_empty() => "a uid",
                _ => "extra fields",
            };
            return Err(ApiError::bad_request(format!(
                "requested impersonation of {what} without impersonating a user"
            )));
        }
        Ok(named.then_some(wanted))
    }

    /// What somebody must be allowed to do who acts for this user.
    fn rights(&self) -> Vec<Attributes> {
        let right = |namespace: &str, group: &str, resource: &str, name: &str| Attributes {
            verb: "impersonate".to_owned(),
            namespace: namespace.to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            name: name.to_owned(),
            ..Attributes::default()
        };
        let mut rights = vec![match service_account(&self.user) {
            Some((namespace, name)) => right(namespace, "", "serviceaccounts", name),
            None => right("", "", "users", &self.user),
        }];
        rights.extend(self.groups.iter().map(|group| right("", "", "groups", group)));
        for (key, values) in &self.extra {
            let extra = |value: &String| right("", AUTHENTICATION, "userextras", value);
            rights.extend(values.iter().map(|value| Attributes { subresource: key.clone(), ..extra(value) }));
        }
        if !self.uid.is_empty() {
            rights.push(right("", AUTHENTICATION, "uids", &self.uid));
        }
        rights
    }

    fn into_user(self) -> User {
        let groups: Vec<&str> = self.groups.iter().map(String::as_str).collect();
        User { uid: self.uid, extra: self.extra, ..User::known(&self.user, &groups) }
    }
}

/// The only value of a header; empty where it is absent.
fn one(headers: &HeaderMap, name: &str) -> ApiResult<String> {
    let mut values = all(headers, name)?;
    match (values.pop(), values.is_empty()) {
        (None, _) => Ok(String::new()),
        (Some(value), true) => Ok(value),
        (Some(_), false) => Err(ApiError::bad_request(format!("the header {name} may be there once only"))),
    }
}

/// Every value of a header, which must be UTF-8.
fn all(headers: &HeaderMap, name: &str) -> ApiResult<Vec<String>> {
    let values = headers.get_all(name).iter().map(|value| String::from_utf8(value.as_bytes().to_vec()));
    values.collect::<Result<_, _>>().map_err(|_| {
        ApiError::bad_request(format!("the header {name} cannot be read: it is not UTF-8, so nobody is impersonated"))
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn read(headers: &[(&str, &[u8])]) -> ApiResult<Option<Wanted>> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value).unwrap());
        }
        Wanted::read(&map)
    }

    fn refused(headers: &[(&str, &[u8])]) -> String {
        let error = read(headers).unwrap_err();
        assert_eq!(error.code(), 400);
        error.to_string()
    }

    #[test]
    fn everything_that_headers_say_is_taken() {
        assert_eq!(read(&[("accept", b"*/*")]).unwrap(), None);
        let wanted = read(&[
            ("Impersonate-User", "jan\u{e9}".as_bytes()),
            ("Impersonate-Group", b"a"),
            ("Impersonate-Group", "\u{fc}".as_bytes()),
            ("Impersonate-Uid", b"7"),
            ("Impersonate-Extra-Acme.com%2Fproject", b"p"),
            ("Impersonate-Extra-Acme.com%2Fproject", b"q"),
            ("Impersonate-Extra-scopes", b"view"),
        ]);
        let user = wanted.unwrap().unwrap().into_user();
        assert_eq!((user.name.as_str(), user.uid.as_str()), ("jan\u{e9}", "7"));
        assert_eq!(user.groups, ["a", "\u{fc}", "system:authenticated"]);
        assert_eq!(user.extra["acme.com/project"], ["p", "q"]);
        assert_eq!(user.extra["scopes"], ["view"]);
    }

    #[test]
    fn each_part_takes_a_right() {
        let rights = |headers: &[(&str, &[u8])]| -> Vec<String> {
            let rights = read(headers).unwrap().unwrap().rights();
            let text = |right: &Attributes| {
                format!("{} {}.{}/{} {:?}", right.verb, right.full_resource(), right.group, right.namespace, right.name)
            };
            rights.iter().map(text).collect()
        };
        let robot: &[u8] = b"system:serviceaccount:a:robot";
        assert_eq!(rights(&[("impersonate-user", robot)]), ["impersonate serviceaccounts./a \"robot\""]);
        assert_eq!(
            rights(&[
                ("impersonate-user", b"jane"),
                ("impersonate-group", b"g"),
                ("impersonate-uid", b"7"),
                ("impersonate-extra-x", b"1"),
                ("impersonate-extra-x", b"2"),
            ]),
            [
                "impersonate users./ \"jane\"",
                "impersonate groups./ \"g\"",
                "impersonate userextras/x.authentication.k8s.io/ \"1\"",
                "impersonate userextras/x.authentication.k8s.io/ \"2\"",
                "impersonate uids.authentication.k8s.io/ \"7\"",
            ]
        );
    }

    #[test]
    fn what_cannot_be_taken_whole_is_refused() {
        assert!(refused(&[("impersonate-user", b"jan\xe9")]).contains("impersonate-user"));
        assert!(refused(&[("impersonate-user", b"jane"), ("impersonate-group", b"\xfc")]).contains("UTF-8"));
        assert!(refused(&[("impersonate-user", b"jane"), ("impersonate-extra-x", b"\xfc")]).contains("UTF-8"));
        assert!(refused(&[("impersonate-user", b"jane"), ("impersonate-uid", b"\xfc")]).contains("UTF-8"));
        assert!(refused(&[("impersonate-user", b"jane"), ("impersonate-extra-%ff", b"1")]).contains("no extra field"));
        assert!(refused(&[("impersonate-user", b"jane"), ("impersonate-extra-", b"1")]).contains("no extra field"));
        assert!(refused(&[("impersonate-user", b"")]).contains("without a name"));
        assert!(refused(&[("impersonate-user", b"a"), ("impersonate-user", b"b")]).contains("once"));
        assert!(refused(&[("impersonate-group", b"g")]).contains("groups without"));
        assert!(refused(&[("impersonate-uid", b"7")]).contains("a uid without"));
        assert!(refused(&[("impersonate-extra-x", b"7")]).contains("extra fields without"));
    }
}

//! URLs as Go's `net/url` takes them apart and puts them together.

use cowherd_template::format::quote;

/// A URL in its parts, without escapes except where said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: String,
    /// What follows the scheme where that is no path.
    pub(crate) opaque: String,
    pub(crate) user: Option<User>,
    /// The host and its port.
    pub(crate) host: String,
    pub(crate) path: Vec<u8>,
    /// The path as it was written, where escaping the path again would give another text.
    pub(crate) raw_path: String,
    pub(crate) force_query: bool,
    /// As it was written, with escapes.
    pub(crate) raw_query: String,
    pub(crate) fragment: Vec<u8>,
    /// As for the path.
    pub(crate) raw_fragment: String,
    pub(crate) omit_host: bool,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct User {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

/// The part of a URL that a text is in; it says what has to be escaped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    UserPassword,
    Host,
    Zone,
    Fragment,
}

impl Url {
    /// `url.Parse`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let failed = |text: &str, why: String| format!("parse {}: {why}", quote(text.as_bytes()));
        let (before, fragment) = match text.split_once('#') {
            Some((before, fragment)) => (before, Some(fragment)),
            None => (text, None),
        };
        let mut url = Self::parse_rest(before).map_err(|why| failed(before, why))?;
        if let Some(fragment) = fragment.filter(|fragment| !fragment.is_empty()) {
            url.fragment = unescape(fragment, Part::Fragment).map_err(|why| failed(text, why))?;
            if escape(&url.fragment, Part::Fragment) != fragment {
                url.raw_fragment = fragment.to_owned();
            }
        }
        Ok(url)
    }

    fn parse_rest(text: &str) -> Result<Self, String> {
        if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return Err("net/url: invalid control character in URL".into());
        }
        let mut url = Self::default();
        if text == "*" {
            url.path = b"*".to_vec();
            return Ok(url);
        }
        let (scheme, mut rest) = scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        if rest.ends_with('?') && rest.matches('?').count() == 1 {
            url.force_query = true;
            rest = rest.strip_suffix('?').unwrap_or(rest);
        } else if let Some((before, query)) = rest.split_once('?') {
            url.raw_query = query.to_owned();
            rest = before;
        }
        if !rest.starts_with('/') {
            if !url.scheme.is_empty() {
                url.opaque = rest.to_owned();
                return Ok(url);
            }
            let first = rest.split('/').next().unwrap_or_default();
            if first.contains(':') {
                return Err("first path segment in URL cannot contain colon".into());
            }
        }
        if (!url.scheme.is_empty() || !rest.starts_with("///"))
            && let Some(after) = rest.strip_prefix("//")
        {
            let (authority, path) = after.split_at(after.find('/').unwrap_or(after.len()));
            rest = path;
            url.authority(authority)?;
        } else if !url.scheme.is_empty() && rest.starts_with('/') {
            url.omit_host = true;
        }
        url.path = unescape(rest, Part::Path)?;
        if escape(&url.path, Part::Path) != rest {
            url.raw_path = rest.to_owned();
        }
        Ok(url)
    }

    fn authority(&mut self, text: &str) -> Result<(), String> {
        let (user, host) = match text.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, text),
        };
        self.host = parse_host(host)?;
        let Some(user) = user else { return Ok(()) };
        let is_valid = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
        if !user.chars().all(is_valid) {
            return Err("net/url: invalid userinfo".into());
        }
        self.user = Some(match user.split_once(':') {
            None => User { name: unescape(user, Part::UserPassword)?, password: None },
            Some((name, password)) => User {
                name: unescape(name, Part::UserPassword)?,
                password: Some(unescape(password, Part::UserPassword)?),
            },
        });
        Ok(())
    }

    /// The host without its port and brackets.
    pub(crate) fn hostname(&self) -> &str {
        if let Some(inner) = self.host.strip_prefix('[')
            && let Some((inner, _)) = inner.split_once(']')
        {
            return inner;
        }
        match self.host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => &self.host,
        }
    }

    /// The URL as a text.
    pub(crate) fn print(&self) -> String {
        let mut out = String::new();
        if !self.scheme.is_empty() {
            out.push_str(&self.scheme);
            out.push(':');
        }
        if self.opaque.is_empty() {
            self.print_host_and_path(&mut out);
        } else {
            out.push_str(&self.opaque);
        }
        if self.force_query || !self.raw_query.is_empty() {
            out.push('?');
            out.push_str(&self.raw_query);
        }
        if !self.fragment.is_empty() {
            out.push('#');
            out.push_str(&escape(&self.fragment, Part::Fragment));
        }
        out
    }

    fn print_host_and_path(&self, out: &mut String) {
        let has_any = !self.scheme.is_empty() || !self.host.is_empty() || self.user.is_some();
        if has_any && !(self.omit_host && self.host.is_empty() && self.user.is_none()) {
            if !self.host.is_empty() || !self.path.is_empty() || self.user.is_some() {
                out.push_str("//");
            }
            if let Some(user) = &self.user {
                out.push_str(&user.print());
                out.push('@');
            }
            out.push_str(&escape(self.host.as_bytes(), Part::Host));
        }
        let path = if self.path == b"*" { "*".to_owned() } else { escape(&self.path, Part::Path) };
        if !path.is_empty() && !path.starts_with('/') && !self.host.is_empty() {
            out.push('/');
        }
        // A colon in the first segment would be taken for the end of a scheme.
        if out.is_empty() && path.split('/').next().is_some_and(|segment| segment.contains(':')) {
            out.push_str("./");
        }
        out.push_str(&path);
    }
}

impl User {
    /// The user and the password with escapes.
    pub(crate) fn print(&self) -> String {
        let name = escape(&self.name, Part::UserPassword);
        match &self.password {
            Some(password) => format!("{name}:{}", escape(password, Part::UserPassword)),
            None => name,
        }
    }
}

fn scheme(text: &str) -> Result<(&str, &str), String> {
    for (at, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at == 0 => return Err("missing protocol scheme".into()),
            ':' => {
                let (scheme, rest) = text.split_at(at);
                return Ok((scheme, rest.get(1..).unwrap_or_default()));
            }
            _ => return Ok(("", text)),
        }
    }
    Ok(("", text))
}

fn parse_host(host: &str) -> Result<String, String> {
    let as_text = |bytes: Vec<u8>| cowherd_template::lossy(&bytes).into_owned();
    if host.starts_with('[') {
        let end = host.rfind(']').ok_or("missing ']' in host")?;
        let (inside, port) = host.split_at(end + 1);
        check_port(port)?;
        if let Some(zone) = inside.find("%25") {
            let (address, zone) = inside.split_at(zone);
            let parts = [unescape(address, Part::Host)?, unescape(zone, Part::Zone)?, unescape(port, Part::Host)?];
            return Ok(as_text(parts.concat()));
        }
    } else if host.contains('[') {
        return Err("invalid IP-literal".into());
    } else if let Some(at) = host.rfind(':') {
        check_port(host.get(at..).unwrap_or_default())?;
    }
    unescape(host, Part::Host).map(as_text)
}

fn check_port(port: &str) -> Result<(), String> {
    let is_valid = match port.strip_prefix(':') {
        Some(number) => number.bytes().all(|byte| byte.is_ascii_digit()),
        None => port.is_empty(),
    };
    if is_valid { Ok(()) } else { Err(format!("invalid port {} after host", quote(port.as_bytes()))) }
}

/// Whether a byte has to be escaped in a part.
fn has_to_be_escaped(byte: u8, part: Part) -> bool {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
        return false;
    }
    let in_host = br#"!$&'()*+,;=:[]<>""#;
    if matches!(part, Part::Host | Part::Zone) && in_host.contains(&byte) {
        return false;
    }
    match (byte, part) {
        (b'$' | b'&' | b'+' | b'=', _) => matches!(part, Part::Host | Part::Zone) && !in_host.contains(&byte),
        (b',' | b';' | b'/' | b':' | b'@' | b'?', Part::Path) => byte == b'?',
        (b',' | b';', Part::UserPassword) => false,
        (b'/' | b':' | b'@' | b'?', Part::UserPassword) => true,
        (b',' | b';' | b'/' | b':' | b'@' | b'?' | b'!' | b'(' | b')' | b'*', Part::Fragment) => false,
        _ => true,
    }
}

fn escape(bytes: &[u8], part: Part) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        if has_to_be_escaped(*byte, part) {
            out.push_str(&format!("%{byte:02X}"));
        } else {
            out.push(char::from(*byte));
        }
    }
    out
}

fn unescape(text: &str, part: Part) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            let is_host = matches!(part, Part::Host | Part::Zone);
            if is_host && first.is_ascii() && has_to_be_escaped(*first, part) {
                let shown = char::from(*first).to_string();
                return Err(format!("invalid character {} in host name", quote(shown.as_bytes())));
            }
            out.push(*first);
            rest = after;
            continue;
        }
        let (value, after) = escaped(after).ok_or_else(|| invalid_escape(rest))?;
        // Hosts have no escapes of ASCII characters, except for the percent sign in front of a zone.
        let allowed = match part {
            Part::Host => !value.is_ascii() || rest.starts_with(b"%25"),
            Part::Zone => rest.starts_with(b"%25") || value == b' ' || !has_to_be_escaped(value, Part::Host),
            _ => true,
        };
        if !allowed {
            return Err(invalid_escape(rest));
        }
        out.push(value);
        rest = after;
    }
    Ok(out)
}

fn escaped(rest: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, after) = rest.split_at_checked(2)?;
    let digits =
        std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some((u8::from_str_radix(digits, 16).ok()?, after))
}

fn invalid_escape(rest: &[u8]) -> String {
    let shown = rest.get(..3).unwrap_or(rest);
    format!("invalid URL escape {}", quote(shown))
}

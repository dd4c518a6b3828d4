//! Who may talk to the server.
//!
//! A server on loopback is reachable by every web page the user opens, through the browser: by DNS rebinding (a foreign
//! name that suddenly points to 127.0.0.1) and by cross-site requests. So on loopback the Host header must name loopback,
//! and a request that a browser marks as coming from elsewhere is refused. Beyond loopback a key is demanded, which no
//! foreign page has; so it is behind a proxy that others reach (`--public-origin`).
//!
//! Whether a key is needed is settled when the server begins: what began closed stays closed, whatever becomes of the keys.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;

use sha2::{Digest, Sha256};

use crate::accounts::{Account, Accounts};
use crate::app::{self, Owner, session};
use crate::cors::{self, Origin};
use crate::error::ApiError;
use crate::meter::Caller;
use crate::params::random_u64;
use crate::routes::{App, refused};
use crate::serve::ServeError;

#[cfg(test)]
mod tests;

/// What the page may do: load its own files and talk to its own server, nothing else. Text becomes markup in one place
/// alone (the policy `penseur` in dom.js), which takes what the server rendered.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types penseur";

/// Paths that need no key: the page, which asks for it, and the sign of life.
const OPEN_PATHS: [&str; 2] = ["/health", "/v1/health"];

/// Most header lines of a request, and bytes of their names and values.
const MAX_HEADERS: usize = 64;
const MAX_HEADER_BYTES: usize = 32 << 10;

/// The rules for one server.
pub struct Guard {
    /// Host headers are checked only there; elsewhere any name may lead here, and the key protects.
    pub loopback: bool,
    /// Whether one is needed is for [`Guard::needs_key`] to say.
    pub keys: Keys,
    /// Pages of these may ask with a key.
    pub cors_origins: Vec<Origin>,
    /// Where people find the page, if a proxy stands before it.
    pub public_origin: Option<Origin>,
}

/// The keys that are let in: those of a file, and those that `penseur keys` made.
pub struct Keys {
    of_file: Vec<String>,
    accounts: Arc<Accounts>,
    /// Whether there was one when the server began.
    at_start: bool,
}

/// A key that is one of ours.
pub struct Known {
    key: String,
    /// `None` for those of a file, which have no limits.
    account: Option<Account>,
}

impl Known {
    /// What its user's turns are counted by. Keys of a file have numbers above all that are on record.
    fn number(&self) -> u64 {
        if let Some(account) = &self.account {
            return account.id;
        }
        let digest = Sha256::digest(self.key.as_bytes());
        let number = digest[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        number >> 2 | 1 << 61
    }
}

impl Keys {
    /// The keys of a file, if there is one, and those on record.
    pub fn new(file: Option<&Path>, accounts: Arc<Accounts>) -> Result<Self, ServeError> {
        let of_file = file.map(Self::read).transpose()?.unwrap_or_default();
        let keys = Self { of_file, accounts, at_start: false };
        Ok(Self { at_start: !keys.is_empty(), ..keys })
    }

    /// Reads a key file: one key a line; blank lines and `#` comments are skipped.
    fn read(path: &Path) -> Result<Vec<String>, ServeError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ServeError::KeyFile { path: path.to_owned(), source })?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys: BTreeSet<String> = lines.map(str::to_owned).collect();
        if keys.is_empty() {
            return Err(ServeError::NoKeys { path: path.to_owned() });
        }
        if keys.iter().any(|key| key.len() < 16) {
            tracing::warn!("a key in {} has fewer than 16 characters and can be guessed", path.display());
        }
        Ok(keys.into_iter().collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        // A record that cannot be read is no reason to let everybody in.
        self.of_file.is_empty() && !self.accounts.has_keys().unwrap_or(true)
    }

    /// The key, if it is one of them.
    fn find(&self, key: &str) -> Option<Known> {
        let account = self.accounts.find(key).ok().flatten();
        (account.is_some() || self.is_of_file(key)).then(|| Known { key: key.to_owned(), account })
    }

    /// Whether `key` is in the file, in a time that does not tell how much of it is right.
    fn is_of_file(&self, key: &str) -> bool {
        let equal = |known: &String| {
            let different = known.bytes().zip(key.bytes()).fold(0, |acc, (a, b)| acc | (a ^ b));
            known.len() == key.len() && std::hint::black_box(different) == 0
        };
        self.of_file.iter().fold(false, |found, known| found | equal(known))
    }
}

/// Checks a request, passes it on, and adds the headers that every answer carries.
pub async fn guard(State((state, guard)): State<(Arc<App>, Arc<Guard>)>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let path = path.as_str();
    let page = cors::origin(&guard.cors_origins, request.headers(), path);
    let is_api = !OPEN_PATHS.contains(&path) && !app::is_open(path);
    let checked = check_size(request.headers()).and_then(|()| guard.check(request.headers(), request.uri(), is_api));
    let preflight = page.as_ref().and_then(|_| cors::preflight(request.method(), request.headers()));
    // What makes the engine work is counted; looking around is free.
    let works = request.method() == Method::POST && (!path.starts_with("/api/") || app::asks(path));
    let admitted = checked.and_then(|known| guard.admit(known, is_api && works));
    let mut response = match (admitted, preflight) {
        (_, Some(preflight)) if guard.check_host(request.headers(), request.uri()).is_ok() => preflight,
        (Ok((caller, owner)), _) => {
            request.extensions_mut().insert(owner);
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(guard.clone());
            next.run(request).await
        }
        (Err(error), _) => refused(path, &error),
    };
    if let Some(page) = page {
        cors::allow(page, &mut response);
    }
    state.metrics.answered(response.status());
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", CONTENT_SECURITY_POLICY),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if !guard.cors_origins.is_empty() {
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    if let Some(id) = random_u64().ok().and_then(|id| HeaderValue::from_str(&format!("{id:016x}")).ok()) {
        headers.insert(HeaderName::from_static("x-request-id"), id.clone());
        // Anthropic's clients have a name of their own for it.
        headers.insert(HeaderName::from_static("request-id"), id);
    }
    response
}

impl Guard {
    /// The key that a request shows, if any; or why it is not let in. `is_api`: it needs one, where one is needed.
    pub fn check(&self, headers: &HeaderMap, uri: &Uri, is_api: bool) -> Result<Option<Known>, ApiError> {
        let host = self.check_host(headers, uri)?;
        if let Some(known) = keys_in(headers).find_map(|key| self.keys.find(key)) {
            return Ok(Some(known));
        }
        if cors::origin(&self.cors_origins, headers, uri.path()).is_some() {
            return Err(needs_key(headers));
        }
        // A browser sends a cookie along with what a foreign page asks for, so it comes after this check.
        self.check_origin(headers, host, is_api)?;
        let signed_in = session::key_of(headers).and_then(|key| self.keys.find(&key));
        if is_api && signed_in.is_none() && self.needs_key() {
            return Err(needs_key(headers));
        }
        Ok(signed_in)
    }

    /// Whether nobody is let in without a key: beyond loopback, or where there was a key at the start, though the last one be
    /// removed meanwhile. A loopback that began without keys is closed by the first, and open again without.
    fn needs_key(&self) -> bool {
        !self.loopback || self.keys.at_start || !self.keys.is_empty()
    }

    /// Who sends a request that was let in, and whose conversations they see; or which limit their key has reached. `works`:
    /// the request counts.
    fn admit(&self, known: Option<Known>, works: bool) -> Result<(Caller, Owner), ApiError> {
        let Some(known) = known else {
            return Ok((Caller { key: 0, is_operator: !self.needs_key() }, Owner::default()));
        };
        if let Some(account) = known.account.as_ref().filter(|_| works) {
            self.keys.accounts.admit(account)?;
        }
        let is_operator = known.account.as_ref().is_some_and(|account| account.admin);
        Ok((Caller { key: known.number(), is_operator }, Owner::of_key(&known.key)))
    }

    /// The host that a request names, which must be one, and on loopback this machine.
    fn check_host<'a>(&self, headers: &'a HeaderMap, uri: &'a Uri) -> Result<&'a str, ApiError> {
        if headers.get_all(header::HOST).iter().count() > 1 {
            let message = "a request names one host: send a single Host header";
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "several_hosts", message));
        }
        let host = uri.authority().map(|a| a.as_str()).or(header_text(headers, header::HOST)).unwrap_or("");
        let is_public = self.public_origin.as_ref().is_some_and(|public| public.is_at(host));
        if self.loopback && !is_public && !names_loopback(host) {
            let message =
                format!("this server listens on loopback and is not known as \"{host}\": open http://127.0.0.1");
            return Err(ApiError::new(StatusCode::FORBIDDEN, "host_not_allowed", message));
        }
        Ok(host)
    }

    /// Whether a key opens this server; any does where none is needed.
    pub fn knows(&self, key: &str) -> bool {
        !self.needs_key() || self.keys.find(key).is_some()
    }

    /// Refuses what a browser sends on behalf of another site's page.
    fn check_origin(&self, headers: &HeaderMap, host: &str, is_api: bool) -> Result<(), ApiError> {
        let own = |origin: &str| {
            let authority = origin.strip_prefix("http://").or(origin.strip_prefix("https://"));
            authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
                || self.public_origin.as_ref().is_some_and(|public| public.as_str() == origin)
        };
        let foreign = match header_text(headers, header::ORIGIN) {
            Some(origin) => !own(origin),
            None => headers.contains_key(header::ORIGIN),
        };
        let cross_site = headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site" || site == "same-site");
        if foreign || (is_api && cross_site) {
            let message = "requests from other sites' pages are not let in; use the page of this server, or a key";
            return Err(ApiError::new(StatusCode::FORBIDDEN, "origin_not_allowed", message));
        }
        Ok(())
    }
}

/// The bounds on headers. What is far beyond them does not get here: hyper refuses it without a word.
fn check_size(headers: &HeaderMap) -> Result<(), ApiError> {
    let n_bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() <= MAX_HEADERS && n_bytes <= MAX_HEADER_BYTES {
        return Ok(());
    }
    let message = format!(
        "the request has {} headers of {n_bytes} bytes together, and at most {MAX_HEADERS} of {MAX_HEADER_BYTES} are accepted: send fewer, or shorter ones (cookies, say)",
        headers.len()
    );
    Err(ApiError::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", message))
}

fn needs_key(headers: &HeaderMap) -> ApiError {
    let message = match keys_in(headers).next() {
        None => "this server needs a key: send `Authorization: Bearer YOUR_KEY`",
        Some(_) => "this key is not known here: check the `Authorization` header",
    };
    ApiError::new(StatusCode::UNAUTHORIZED, "invalid_api_key", message)
}

fn header_text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// The keys that a request's headers show. Anthropic's clients have a header of their own, and some send both, with a
/// placeholder in one.
fn keys_in(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let bearer = header_text(headers, header::AUTHORIZATION)
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, key)| key.trim());
    bearer.into_iter().chain(header_text(headers, HeaderName::from_static("x-api-key")).map(str::trim))
}

/// Whether a Host header's name (its port aside) means this machine and nothing else.
fn names_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

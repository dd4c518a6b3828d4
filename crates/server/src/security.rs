//! Who may talk to the server.
//!
//! A server on loopback is reachable by every web page the user opens, through the browser: by DNS rebinding (a foreign
//! name that suddenly points to 127.0.0.1) and by cross-site requests. So on loopback the Host header must name loopback,
//! and a request that a browser marks as coming from elsewhere is refused. Beyond loopback a key is demanded, which no
//! foreign page has.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;

use sha2::{Digest, Sha256};

use crate::accounts::Accounts;
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

/// The rules for one server.
pub struct Guard {
    /// Host headers are checked only there; elsewhere any name may lead here, and the key protects.
    pub loopback: bool,
    /// Empty: no key is needed.
    pub keys: Keys,
    /// Pages of these may ask with a key.
    pub cors_origins: Vec<Origin>,
}

/// The keys that are let in: those of a file, and those that `penseur keys` made.
pub struct Keys {
    of_file: Vec<String>,
    accounts: Arc<Accounts>,
}

impl Keys {
    /// The keys of a file, if there is one, and those on record.
    pub fn new(file: Option<&Path>, accounts: Arc<Accounts>) -> Result<Self, ServeError> {
        Ok(Self { of_file: file.map(Self::read).transpose()?.unwrap_or_default(), accounts })
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

    /// Whether `key` is one of them.
    fn contains(&self, key: &str) -> bool {
        self.is_of_file(key) || self.accounts.find(key).is_ok_and(|found| found.is_some())
    }

    /// Who asks with `key`, and whether its limits let this request in.
    fn admit(&self, key: Option<&str>) -> Result<Caller, ApiError> {
        let Some(key) = key else { return Ok(Caller::default()) };
        if let Ok(Some(info)) = self.accounts.find(key) {
            self.accounts.admit(&info)?;
            return Ok(Caller { key: info.id, ..Caller::default() });
        }
        // Keys of a file have no limits; they take turns with others by a number above all that are on record.
        let digest = Sha256::digest(key.as_bytes());
        let number = digest[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let number = if self.is_of_file(key) { number >> 2 | 1 << 61 } else { 0 };
        Ok(Caller { key: number, ..Caller::default() })
    }

    /// Whether who asks with `key` may change what the server holds: everybody where no key is needed, else a key that was
    /// made for it.
    fn is_operator(&self, key: Option<&str>) -> bool {
        match key {
            None => self.is_empty(),
            Some(key) => self.accounts.find(key).is_ok_and(|found| found.is_some_and(|info| info.admin)),
        }
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
    let checked = guard.check(request.headers(), request.uri(), is_api);
    let preflight = page.as_ref().and_then(|_| cors::preflight(request.method(), request.headers()));
    // What makes the engine work is counted; looking around is free.
    let works = request.method() == Method::POST && (!path.starts_with("/api/") || app::asks(path));
    let admitted = checked.and_then(|()| match is_api && works {
        true => guard.keys.admit(guard.key(request.headers()).as_deref()),
        false => Ok(Caller::default()),
    });
    let mut response = match (admitted, preflight) {
        (_, Some(preflight)) if guard.check_host(request.headers(), request.uri()).is_ok() => preflight,
        (Ok(caller), _) => {
            let key = guard.key(request.headers());
            let caller = Caller { is_operator: guard.keys.is_operator(key.as_deref()), ..caller };
            let owner = key.as_deref().map_or_else(Owner::default, Owner::of_key);
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
    /// Says why a request is not let in. `is_api`: it needs the key, if there is one.
    pub fn check(&self, headers: &HeaderMap, uri: &Uri, is_api: bool) -> Result<(), ApiError> {
        let host = self.check_host(headers, uri)?;
        if bearer(headers).is_some_and(|key| self.keys.contains(key)) {
            return Ok(());
        }
        if cors::origin(&self.cors_origins, headers, uri.path()).is_some() {
            return Err(needs_key(headers));
        }
        // A browser sends a cookie along with what a foreign page asks for, so it comes after this check.
        self.check_origin(headers, host, is_api)?;
        let signed_in = session::key_of(headers).is_some_and(|key| self.keys.contains(&key));
        if is_api && !self.keys.is_empty() && !signed_in {
            return Err(needs_key(headers));
        }
        Ok(())
    }

    /// The host that a request names, which must be one, and on loopback this machine.
    fn check_host<'a>(&self, headers: &'a HeaderMap, uri: &'a Uri) -> Result<&'a str, ApiError> {
        if headers.get_all(header::HOST).iter().count() > 1 {
            let message = "a request names one host: send a single Host header";
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "several_hosts", message));
        }
        let host = uri.authority().map(|a| a.as_str()).or(header_text(headers, header::HOST)).unwrap_or("");
        if self.loopback && !names_loopback(host) {
            let message =
                format!("this server listens on loopback and is not known as \"{host}\": open http://127.0.0.1");
            return Err(ApiError::new(StatusCode::FORBIDDEN, "host_not_allowed", message));
        }
        Ok(host)
    }

    /// The key of a request that was let in, from its header or its cookie.
    fn key(&self, headers: &HeaderMap) -> Option<String> {
        let known = |key: &String| self.keys.contains(key);
        bearer(headers).map(str::to_owned).filter(known).or_else(|| session::key_of(headers).filter(known))
    }

    /// Whether a key opens this server; any does where none is needed.
    pub fn knows(&self, key: &str) -> bool {
        self.keys.is_empty() || self.keys.contains(key)
    }

    /// Refuses what a browser sends on behalf of another site's page.
    fn check_origin(&self, headers: &HeaderMap, host: &str, is_api: bool) -> Result<(), ApiError> {
        let own = |origin: &str| {
            let authority = origin.strip_prefix("http://").or(origin.strip_prefix("https://"));
            authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
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

fn needs_key(headers: &HeaderMap) -> ApiError {
    let message = match bearer(headers) {
        None => "this server needs a key: send `Authorization: Bearer YOUR_KEY`",
        Some(_) => "this key is not known here: check the `Authorization` header",
    };
    ApiError::new(StatusCode::UNAUTHORIZED, "invalid_api_key", message)
}

fn header_text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    // Anthropic's clients have a header of their own.
    if let Some(key) = headers.get("x-api-key").and_then(|value| value.to_str().ok()) {
        return Some(key.trim());
    }
    let (scheme, key) = header_text(headers, header::AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}

/// Whether a Host header's name (its port aside) means this machine and nothing else.
fn names_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

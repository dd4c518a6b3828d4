//! Pages of other origins that were let in by name (`--cors-origin`), for whoever has a key.
//!
//! What a browser asks on behalf of such a page is answered where it carries a key in a header, which the page must have been
//! given; never on the strength of a cookie, nor of standing on the same machine, because those come with every page that the
//! user opens. So there is no wildcard, `Access-Control-Allow-Credentials` is never sent, and the app's own routes, which
//! hold conversations, stay closed. A name that is rebound to this machine does not help either: the Host header is checked
//! before.

use std::str::FromStr;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::app;

#[cfg(test)]
mod tests;

/// How long a browser may remember that it may ask.
const REMEMBERED_S: u64 = 600;

/// What a page may read beside the answer.
const EXPOSED: &str = "x-request-id, request-id, retry-after";

/// Where a page comes from: scheme, host and port, as browsers write them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

/// A text that is no origin.
#[derive(Debug, thiserror::Error)]
#[error("expected an origin as browsers send it, such as https://chat.example or http://localhost:3000")]
pub struct OriginError;

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let text = text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
        let (scheme, host) = text.split_once("://").ok_or(OriginError)?;
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        let is_host = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._:[]".contains(c));
        if is_scheme && is_host { Ok(Self(text)) } else { Err(OriginError) }
    }
}

impl Origin {
    /// As browsers send it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a Host header names it.
    pub(crate) fn is_at(&self, host: &str) -> bool {
        self.0.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
    }

    /// Whether connections to it are encrypted.
    pub(crate) fn is_secure(&self) -> bool {
        self.0.starts_with("https://")
    }
}

/// The origin of a request for `path`, if it is one of `allowed` and the path may be asked for from elsewhere.
pub fn origin(allowed: &[Origin], headers: &HeaderMap, path: &str) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let is_allowed = allowed.iter().any(|Origin(known)| origin.as_bytes() == known.as_bytes());
    (is_allowed && !path.starts_with("/api/") && !app::is_open(path)).then(|| origin.clone())
}

/// The answer to a browser that asks whether a page may ask; `None` where it does not.
pub fn preflight(method: &Method, headers: &HeaderMap) -> Option<Response> {
    if method != Method::OPTIONS || !headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let mut response = (StatusCode::NO_CONTENT, Body::empty()).into_response();
    let answer = response.headers_mut();
    answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    answer.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(REMEMBERED_S));
    // Clients send headers of their own (`x-stainless-lang`); none of them means anything here but the key's.
    if let Some(asked) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    if headers.contains_key("access-control-request-private-network") {
        let name = HeaderName::from_static("access-control-allow-private-network");
        answer.insert(name, HeaderValue::from_static("true"));
    }
    Some(response)
}

/// Lets the page at `origin` read an answer.
pub fn allow(origin: HeaderValue, response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
}

//! Signing in: the page sends the key once and keeps it in a cookie that no script can read.
//!
//! The cookie is HttpOnly and SameSite=Strict, and Secure where the connection is; requests that carry it pass the same
//! checks of their origin as those without.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::{Posted, json_body};
use crate::error::ApiError;
use crate::routes::App;
use crate::security::Guard;

/// The cookie's name.
const NAME: &str = "penseur_key";
/// How long a browser keeps it.
const MAX_AGE_S: u64 = 365 * 24 * 3600;
/// A wrong key is answered late, so that nobody tries many.
const WRONG_KEY_DELAY: Duration = Duration::from_millis(500);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    key: String,
}

/// `POST /api/sign-in`
pub async fn sign_in(
    State(app): State<Arc<App>>,
    Extension(guard): Extension<Arc<Guard>>,
    Posted(body): Posted,
) -> Result<Response, ApiError> {
    let SignIn { key } = json_body(&body)?;
    if !guard.knows(&key) {
        tokio::time::sleep(WRONG_KEY_DELAY).await;
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "invalid_api_key", "this key is not known here"));
    }
    let hex: String = key.bytes().map(|byte| format!("{byte:02x}")).collect();
    Ok(set_cookie(&hex, MAX_AGE_S, app.desk.secure))
}

/// `POST /api/sign-out`
pub async fn sign_out(State(app): State<Arc<App>>) -> Response {
    set_cookie("", 0, app.desk.secure)
}

fn set_cookie(value: &str, max_age: u64, secure: bool) -> Response {
    let secure = if secure { "; Secure" } else { "" };
    let cookie = format!("{NAME}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}");
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
}

/// The key in a request's cookie.
pub fn key_of(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let value =
        cookies.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='))?;
    let digits = value.as_bytes().chunks_exact(2);
    let bytes = digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok().filter(|key| !key.is_empty())
}

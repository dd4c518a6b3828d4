//! Uploads: a file becomes text and waits for its question.
//!
//! What arrives is read as text or as a PDF (`pdf`), whatever its name says; the original is not kept and nothing is
//! written outside the store. Names are for the reader and the model alone: they never become a path.

use std::collections::HashMap;
use std::ffi::OsString;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{Owner, blocking, read_body};
use crate::error::ApiError;
use crate::pdf;
use crate::routes::App;

/// Largest file.
pub const MAX_BYTES: usize = 32 << 20;
/// Longest text of a file; more than any context holds.
const MAX_CHARS: usize = 2_000_000;
/// Longest name that is shown.
const MAX_NAME: usize = 120;

/// `POST /api/files?name=`: the body is the file.
pub async fn add(
    State(app): State<Arc<App>>,
    Extension(Owner(owner)): Extension<Owner>,
    Query(query): Query<HashMap<String, String>>,
    request: Request,
) -> Result<Response, ApiError> {
    let name = clean_name(query.get("name").map_or("", String::as_str));
    // Neither semaphore is ever closed. Places are kept by the work, which goes on when the client hangs up.
    let place = app.desk.uploading.clone().acquire_many_owned(room_kib(request.headers())).await;
    let bytes = read_body(&app, request, MAX_BYTES).await?;
    let n_bytes = bytes.len() as u64;
    let reader = if is_pdf(&bytes) { Some(app.desk.reading.clone().acquire_owned().await) } else { None };
    blocking(move || {
        let _places = (place, reader);
        let text = text_of(&bytes, &app.desk.pdf_reader)?;
        if text.trim().is_empty() {
            return Err(unreadable("there is no text in it"));
        }
        if text.chars().count() > MAX_CHARS {
            return Err(unreadable(&format!("its text is longer than {MAX_CHARS} characters: send a part of it")));
        }
        let info = app.desk.store.add_file(&owner, &name, n_bytes, &text)?;
        Ok(Json(info).into_response())
    })
    .await
}

/// The room that a file gets: what it takes by its announced length, so that a few small ones on slow lines hold nobody up.
/// Without one, and beyond the largest, which is refused, as much as the largest.
fn room_kib(headers: &HeaderMap) -> u32 {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let most = (MAX_BYTES >> 10) as u32;
    announced.map_or(most, |length: u64| u32::try_from(length.div_ceil(1 << 10)).unwrap_or(most).clamp(1, most))
}

/// `DELETE /api/files/{id}`: a file that was not sent.
pub async fn delete(
    State(app): State<Arc<App>>,
    Extension(Owner(owner)): Extension<Owner>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    blocking(move || Ok(app.desk.store.delete_file(&owner, &id)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn unreadable(why: &str) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "unreadable_file", format!("this file cannot be read: {why}"))
}

/// A name that can be shown: without path, control characters, and characters that turn the direction of text.
fn clean_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or("");
    let is_shown = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let name: String = last.chars().filter(is_shown).take(MAX_NAME).collect();
    let name = name.trim();
    if name.is_empty() { "file".to_owned() } else { name.to_owned() }
}

fn is_pdf(bytes: &[u8]) -> bool {
    bytes.starts_with(b"%PDF-")
}

/// The text of a file.
fn text_of(bytes: &[u8], pdf_reader: &[OsString]) -> Result<String, ApiError> {
    if is_pdf(bytes) {
        return pdf::text(pdf_reader, bytes).map_err(|why| unreadable(&why));
    }
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        bytes => String::from_utf8(bytes.to_vec()).ok(),
    };
    match text {
        Some(text) if !text.contains('\0') => Ok(text.replace("\r\n", "\n")),
        _ => Err(unreadable("it is neither text in UTF-8 or UTF-16 nor a PDF")),
    }
}

fn utf16(bytes: &[u8], read: fn([u8; 2]) -> u16) -> Option<String> {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| read([pair[0], pair[1]])).collect();
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    //! Names and encodings.

    use super::*;

    #[test]
    fn names_are_shown_and_never_lead_anywhere() {
        for (name, clean) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\Windows\\system.ini", "system.ini"),
            ("a\u{202e}gpj.exe", "agpj.exe"),
            ("x\n\0y\u{7}.txt", "xy.txt"),
            ("", "file"),
            ("..", ".."),
            ("<img src=x onerror=alert(1)>.md", "<img src=x onerror=alert(1)>.md"),
        ] {
            assert_eq!(clean_name(name), clean);
        }
        assert_eq!(clean_name(&"n".repeat(500)).len(), MAX_NAME);
    }

    #[test]
    fn text_is_read_in_the_encodings_that_say_what_they_are() {
        assert_eq!(text_of("é\r\nx".as_bytes(), &[]).expect("text"), "é\nx");
        assert_eq!(text_of(b"\xef\xbb\xbfa", &[]).expect("text"), "a");
        assert_eq!(text_of(b"\xff\xfea\0b\0", &[]).expect("text"), "ab");
        assert_eq!(text_of(b"\xfe\xff\0a", &[]).expect("text"), "a");
        for bytes in [&b"\x89PNG\r\n\x1a\n\0\0"[..], b"PK\x03\x04\xff", b"a\0b", b"\xff\xfe\x00\xd8"] {
            assert_eq!(text_of(bytes, &[]).expect_err("refused").status, StatusCode::UNPROCESSABLE_ENTITY);
        }
    }
}

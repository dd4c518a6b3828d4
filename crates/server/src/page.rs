//! The chat page: three files, part of the binary.

use axum::http::header;
use axum::response::{IntoResponse, Response};

fn file(content_type: &'static str, body: &'static str) -> Response {
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-cache")], body).into_response()
}

/// The page itself.
pub async fn index() -> Response {
    file("text/html; charset=utf-8", include_str!("../web/index.html"))
}

/// Its style.
pub async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("../web/app.css"))
}

/// Its script.
pub async fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("../web/app.js"))
}

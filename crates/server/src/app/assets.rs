//! The page's own files, part of the binary. Browsers keep them and ask whether they changed (their digest is the tag).

use std::sync::Arc;
use std::sync::OnceLock;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

use crate::routes::App;

/// Path, type and content.
type Asset = (&'static str, &'static str, &'static [u8]);

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

macro_rules! asset {
    ($path:literal, $type:expr) => {
        ($path, $type, include_bytes!(concat!("../../web", $path)))
    };
}

const ASSETS: &[Asset] = &[
    asset!("/index.html", HTML),
    asset!("/app.css", CSS),
    asset!("/text.css", CSS),
    asset!("/app.js", JS),
    asset!("/api.js", JS),
    asset!("/chart.js", JS),
    asset!("/chat.js", JS),
    asset!("/composer.js", JS),
    asset!("/dom.js", JS),
    asset!("/i18n.js", JS),
    asset!("/library.js", JS),
    asset!("/plan.js", JS),
    asset!("/plan-zh.js", JS),
    asset!("/runs.js", JS),
    asset!("/settings.js", JS),
    asset!("/sidebar.js", JS),
    asset!("/turn.js", JS),
    asset!("/manifest.webmanifest", "application/manifest+json"),
    asset!("/icon.svg", "image/svg+xml"),
    asset!("/icon-192.png", "image/png"),
    asset!("/icon-512.png", "image/png"),
    asset!("/fonts/latinmodern-math.woff2", "font/woff2"),
];

const WORKER: &str = include_str!("../../web/sw.js");
const WORKER_PATH: &str = "/sw.js";

/// Pages that are drawn by the same document.
const PAGES: &[&str] = &["/", "/c/{id}", "/library", "/runs", "/plan"];

fn tags() -> &'static [(&'static str, String)] {
    static TAGS: OnceLock<Vec<(&'static str, String)>> = OnceLock::new();
    TAGS.get_or_init(|| {
        let tag = |content: &[u8]| {
            let digest = Sha256::digest(content);
            format!("\"{}\"", digest[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        };
        ASSETS.iter().map(|(path, _, content)| (*path, tag(content))).collect()
    })
}

/// Whether the path is one of the page's.
pub fn is_asset(path: &str) -> bool {
    PAGES.contains(&path)
        || path == WORKER_PATH
        || path.starts_with("/c/")
        || ASSETS.iter().any(|(asset, ..)| *asset == path)
}

/// Routes to all of them.
pub fn routes() -> Router<Arc<App>> {
    let pages = PAGES.iter().fold(Router::new(), |router, page| {
        router.route(page, get(|headers: HeaderMap| async move { serve("/index.html", &headers) }))
    });
    let pages = pages.route(WORKER_PATH, get(worker));
    ASSETS.iter().fold(pages, |router, (path, ..)| {
        router.route(path, get(|request: Request| async move { serve(request.uri().path(), request.headers()) }))
    })
}

fn serve(path: &str, headers: &HeaderMap) -> Response {
    let Some((path, kind, content)) = ASSETS.iter().find(|(asset, ..)| *asset == path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = tags().iter().find(|(asset, _)| asset == path).map_or("", |(_, tag)| tag.as_str());
    let fresh = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag);
    let common = [(header::ETAG, tag), (header::CACHE_CONTROL, "no-cache")];
    if fresh {
        (StatusCode::NOT_MODIFIED, common).into_response()
    } else {
        (common, [(header::CONTENT_TYPE, *kind)], *content).into_response()
    }
}

/// The service worker, with the list of files and a version that changes with any of them.
async fn worker() -> Response {
    let files: Vec<&str> = ASSETS.iter().map(|(path, ..)| *path).collect();
    let all: String = tags().iter().map(|(_, tag)| tag.as_str()).collect();
    let version: String = Sha256::digest(all.as_bytes())[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let script = format!("const VERSION = \"{version}\";\nconst FILES = {};\n{WORKER}", serde_json::json!(files));
    ([(header::CONTENT_TYPE, JS), (header::CACHE_CONTROL, "no-cache")], script).into_response()
}

use super::*;

#[test]
fn origins_are_read_as_browsers_write_them() {
    for (text, origin) in [
        ("https://chat.example", "https://chat.example"),
        ("HTTP://LocalHost:3000/", "http://localhost:3000"),
        ("http://[::1]:5173", "http://[::1]:5173"),
        ("chrome-extension://abcdef", "chrome-extension://abcdef"),
    ] {
        assert_eq!(text.parse::<Origin>().expect("an origin"), Origin(origin.into()));
    }
    for text in
        ["*", "null", "", "chat.example", "https://", "https://*.example", "https://a.example/path", "https://a b"]
    {
        assert!(text.parse::<Origin>().is_err(), "{text:?}");
    }
}

#[test]
fn only_a_named_origin_is_answered_and_only_for_the_api() {
    let allowed = ["https://chat.example".parse().expect("an origin")];
    let of = |origin: &'static str, path: &str| {
        let headers = HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(origin))]);
        super::origin(&allowed, &headers, path).is_some()
    };
    assert!(of("https://chat.example", "/v1/chat/completions") && of("https://chat.example", "/messages"));
    for origin in ["https://chat.example.evil", "http://chat.example", "https://chat.example:8443", "null", "*"] {
        assert!(!of(origin, "/v1/chat/completions"), "{origin}");
    }
    for path in ["/api/conversations", "/api/ask", "/", "/app.js"] {
        assert!(!of("https://chat.example", path), "{path}");
    }
}

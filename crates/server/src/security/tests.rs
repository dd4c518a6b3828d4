use super::*;

fn check(guard: &Guard, headers: &[(&'static str, &str)], is_api: bool) -> u16 {
    let map = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header")))
        .collect();
    match guard.check(&map, &Uri::from_static("/v1/models"), is_api) {
        Ok(_) => 200,
        Err(error) => error.status.as_u16(),
    }
}

fn no_accounts() -> Arc<Accounts> {
    Arc::new(Accounts::open(None).expect("memory"))
}

fn keys(of_file: &[&str]) -> Keys {
    Keys {
        of_file: of_file.iter().map(|key| (*key).to_owned()).collect(),
        accounts: no_accounts(),
        at_start: !of_file.is_empty(),
    }
}

#[test]
fn loopback_answers_to_its_own_names_only() {
    let guard = Guard { loopback: true, keys: keys(&[]), cors_origins: Vec::new(), public_origin: None };
    for host in ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080", "[::1]", "127.8.9.1"] {
        assert_eq!(check(&guard, &[("host", host)], true), 200, "{host}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example:8080", "localhost.evil", "", "0.0.0.0", "192.168.0.5", "[::2]"]
    {
        assert_eq!(check(&guard, &[("host", host)], true), 403, "{host}");
    }
    assert_eq!(check(&guard, &[], true), 403, "no Host at all");
}

#[test]
fn pages_of_other_sites_are_kept_out() {
    let guard = Guard { loopback: true, keys: keys(&[]), cors_origins: Vec::new(), public_origin: None };
    let from = |origin| check(&guard, &[("host", "127.0.0.1:8080"), ("origin", origin)], true);
    assert_eq!(from("http://127.0.0.1:8080"), 200);
    for origin in
        ["http://evil.example", "null", "http://127.0.0.1:9999", "http://localhost:8080", "file://", "chrome://x"]
    {
        assert_eq!(from(origin), 403, "{origin}");
    }
    let site = |site, is_api| check(&guard, &[("host", "localhost"), ("sec-fetch-site", site)], is_api);
    assert_eq!(site("cross-site", true), 403);
    assert_eq!(site("cross-site", false), 200, "a link to the page from elsewhere is fine");
    assert_eq!(site("same-origin", true), 200);
}

#[test]
fn keys_open_the_api_and_nothing_else_does() {
    let guard = Guard {
        loopback: false,
        keys: keys(&["one-long-enough-key", "another"]),
        cors_origins: Vec::new(),
        public_origin: None,
    };
    let with = |authorization| check(&guard, &[("host", "x"), ("authorization", authorization)], true);
    assert_eq!(with("Bearer one-long-enough-key"), 200);
    assert_eq!(with("bearer another"), 200);
    for wrong in ["Bearer", "Bearer ", "Bearer anothe", "Bearer another2", "Basic another", "another"] {
        assert_eq!(with(wrong), 401, "{wrong}");
    }
    assert_eq!(check(&guard, &[("host", "x")], true), 401);
    assert_eq!(check(&guard, &[("host", "x")], false), 200, "the page itself is open, to ask for the key");
    let foreign = [("host", "x"), ("origin", "http://y"), ("authorization", "Bearer another")];
    assert_eq!(check(&guard, &foreign, true), 200, "whoever has the key may come from anywhere");
}

#[test]
fn key_files_are_read_and_empty_ones_refused() {
    let dir = std::env::temp_dir().join(format!("penseur-keys-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let path = dir.join("keys");
    std::fs::write(&path, "# mine\n\n  a-key-of-sixteen-chars \r\nb\n").expect("a file");
    let keys = Keys::new(Some(&path), no_accounts()).expect("two keys");
    let knows = |key: &str| keys.find(key).is_some();
    assert!(knows("a-key-of-sixteen-chars") && knows("b") && !knows("# mine"));
    std::fs::write(&path, "# nothing\n").expect("a file");
    assert!(matches!(Keys::read(&path), Err(ServeError::NoKeys { .. })));
    assert!(matches!(Keys::read(&dir.join("absent")), Err(ServeError::KeyFile { .. })));
    std::fs::remove_dir_all(dir).expect("cleaned up");
}

#[test]
fn a_page_that_was_let_in_needs_a_key_in_a_header() {
    let origins = vec!["https://chat.example".parse().expect("an origin")];
    let page = ("origin", "https://chat.example");
    for loopback in [true, false] {
        let keys = keys(&["one-long-enough-key"]);
        let guard = Guard { loopback, keys, cors_origins: origins.clone(), public_origin: None };
        let of = |more: &[(&'static str, &str)]| check(&guard, &[&[("host", "127.0.0.1"), page], more].concat(), true);
        assert_eq!(of(&[("authorization", "Bearer one-long-enough-key")]), 200);
        assert_eq!(of(&[("x-api-key", "one-long-enough-key")]), 200);
        assert_eq!(of(&[]), 401);
        assert_eq!(of(&[("authorization", "Bearer wrong")]), 401);
        let digits: String = "one-long-enough-key".bytes().map(|byte| format!("{byte:02x}")).collect();
        let cookie = format!("penseur_key={digits}");
        let cookie = cookie.as_str();
        assert_eq!(check(&guard, &[("host", "127.0.0.1"), ("cookie", cookie)], true), 200, "the cookie is right");
        assert_eq!(of(&[("cookie", cookie)]), 401, "a cookie comes with every page");
    }
    // Nor does it help to stand on the same machine, should the keys have been taken away meanwhile.
    let open = Guard { loopback: true, keys: keys(&[]), cors_origins: origins, public_origin: None };
    assert_eq!(check(&open, &[("host", "127.0.0.1"), page], true), 401);
    assert_eq!(check(&open, &[("host", "rebound.example"), page], true), 403);
}

#[test]
fn a_placeholder_beside_a_right_key_does_no_harm() {
    let guard =
        Guard { loopback: false, keys: keys(&["one-long-enough-key"]), cors_origins: Vec::new(), public_origin: None };
    let with = |bearer: &str, own: &str| {
        let bearer = format!("Bearer {bearer}");
        check(&guard, &[("host", "x"), ("authorization", &bearer), ("x-api-key", own)], true)
    };
    assert_eq!(with("one-long-enough-key", "dummy"), 200);
    assert_eq!(with("dummy", "one-long-enough-key"), 200);
    assert_eq!(with("dummy", "dummy"), 401);
    let basic = [("host", "x"), ("authorization", "Basic eDp5"), ("x-api-key", "one-long-enough-key")];
    assert_eq!(check(&guard, &basic, true), 200);
}

#[test]
fn beyond_loopback_nobody_is_let_in_without_a_key_whatever_the_record_says() {
    let guard = Guard { loopback: false, keys: keys(&[]), cors_origins: Vec::new(), public_origin: None };
    assert_eq!(check(&guard, &[("host", "x")], true), 401);
    assert!(!guard.knows("anything"));
    assert!(!guard.admit(None, true).expect("a file of the page").0.is_operator);
}

#[test]
fn behind_a_proxy_the_page_is_known_by_its_public_address() {
    let public_origin = Some("https://Chat.example".parse().expect("an origin"));
    let guard = Guard { loopback: true, keys: keys(&["one-long-enough-key"]), cors_origins: Vec::new(), public_origin };
    let digits: String = "one-long-enough-key".bytes().map(|byte| format!("{byte:02x}")).collect();
    let cookie = format!("penseur_key={digits}");
    // Whether the proxy passes the Host header on or names loopback.
    for host in ["127.0.0.1", "chat.example", "CHAT.EXAMPLE"] {
        let from = |origin| check(&guard, &[("host", host), ("origin", origin), ("cookie", cookie.as_str())], true);
        assert_eq!(from("https://chat.example"), 200, "{host}");
        for foreign in ["https://chat.example.evil", "https://chat.example:8443", "https://evil.example", "null"] {
            assert_eq!(from(foreign), 403, "{host} {foreign}");
        }
        assert_eq!(check(&guard, &[("host", host), ("origin", "https://chat.example")], true), 401, "{host}");
    }
    assert_eq!(check(&guard, &[("host", "evil.example"), ("cookie", cookie.as_str())], true), 403);
}

//! Keys, their limits and their usage, over a real socket.

mod common;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use common::client::{Answer, get, raw, request_bytes};
use common::{config, reasoner};
use serde_json::json;
use server::{Accounts, KeyLimits, Server};

/// A server over a data directory of its own, and the same directory's accounts as `penseur keys` opens them.
async fn start(name: &str) -> (SocketAddr, Accounts, PathBuf) {
    start_at(place(name), "127.0.0.1").await
}

fn place(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("penseur-keys-{name}-{}", std::process::id()))
}

async fn start_at(dir: PathBuf, host: &str) -> (SocketAddr, Accounts, PathBuf) {
    let mut config = config(vec![reasoner("mini", Duration::from_micros(100), |_| ("hm".into(), "yes".into()))]);
    (config.host, config.data_dir) = (host.into(), Some(dir.clone()));
    let server = Server::bind(config).await.expect("a free port");
    let address = server.address();
    tokio::spawn(server.run(std::future::pending()));
    (address, Accounts::open(Some(&dir)).expect("the same file"), dir)
}

async fn chat(address: SocketAddr, header: &str) -> Answer {
    let body = json!({"messages": [{"role": "user", "content": "Well?"}]}).to_string();
    raw(address, &request_bytes("POST", "/v1/chat/completions", header, &body)).await
}

#[tokio::test]
async fn a_first_key_closes_the_door_for_others() {
    let (address, accounts, dir) = start("door").await;
    assert_eq!(chat(address, "").await.status, 200, "without keys, on loopback, everybody is let in");
    let key = accounts.add("ann", KeyLimits::default()).expect("added");
    assert_eq!(chat(address, "").await.status, 401);
    assert_eq!(chat(address, "Authorization: Bearer sk-wrong\r\n").await.status, 401);
    assert_eq!(chat(address, &format!("Authorization: Bearer {key}\r\n")).await.status, 200);
    assert_eq!(chat(address, &format!("x-api-key: {key}\r\n")).await.status, 200, "Anthropic's header");
    let rows = accounts.usage().expect("read");
    let of_ann = rows.iter().find(|row| row.key.as_deref() == Some("ann")).expect("recorded");
    assert_eq!((of_ann.used.completions, of_ann.model.as_str()), (2, "mini"));
    assert!(of_ann.used.completion_tokens > 8 && of_ann.used.seconds > 0.0 && of_ann.used.dollars > 0.0);
    assert!(rows.iter().any(|row| row.key.is_none()), "what came before the key is on record too");
    accounts.remove("ann").expect("removed");
    assert_eq!(chat(address, "").await.status, 200);
    std::fs::remove_dir_all(dir).expect("removed");
}

/// What began closed stays closed, or whoever revokes the last key would let the network in.
#[tokio::test]
async fn a_server_that_began_with_keys_opens_to_nobody_when_the_last_is_removed() {
    for host in ["0.0.0.0", "127.0.0.1"] {
        let dir = place("last");
        let first = Accounts::open(Some(&dir)).expect("opened");
        let ann = first.add_admin("ann", KeyLimits::default()).expect("added");
        let (address, accounts, dir) = start_at(dir, host).await;
        let address = SocketAddr::from(([127, 0, 0, 1], address.port()));
        let bearer = |key: &str| format!("Authorization: Bearer {key}\r\n");
        assert_eq!(chat(address, &bearer(&ann)).await.status, 200, "{host}");
        accounts.remove("ann").expect("removed");
        for headers in [String::new(), bearer(&ann), "Origin: http://evil.example\r\n".into()] {
            assert_ne!(chat(address, &headers).await.status, 200, "{host} {headers}");
        }
        for path in ["/api/conversations", "/v1/models", "/metrics"] {
            assert_eq!(get(address, path).await.status, 401, "{host} {path}");
        }
        let unload = raw(address, &request_bytes("POST", "/v1/models/unload", "", "{\"model\": \"mini\"}")).await;
        assert_eq!(unload.status, 401, "{host}");
        let sign_in = raw(address, &request_bytes("POST", "/api/sign-in", "", "{\"key\": \"anything\"}")).await;
        assert_eq!(sign_in.status, 401, "{host}");
        // Whoever runs it makes a new key, and goes on.
        let bob = accounts.add("bob", KeyLimits::default()).expect("added");
        assert_eq!(chat(address, &bearer(&bob)).await.status, 200, "{host}");
        std::fs::remove_dir_all(dir).expect("removed");
    }
}

#[tokio::test]
async fn limits_answer_402_and_429() {
    let (address, accounts, dir) = start("limits").await;
    let slow = accounts.add("slow", KeyLimits { requests_per_minute: Some(1), ..KeyLimits::default() }).expect("added");
    let poor = accounts.add("poor", KeyLimits { dollars: Some(1e-9), ..KeyLimits::default() }).expect("added");
    let bearer = |key: &str| format!("Authorization: Bearer {key}\r\n");
    for (key, status, kind) in [(&slow, 429, "rate_limit_error"), (&poor, 402, "insufficient_quota")] {
        assert_eq!(chat(address, &bearer(key)).await.status, 200);
        let refused = chat(address, &bearer(key)).await;
        assert_eq!(refused.status, status);
        assert_eq!(refused.json()["error"]["type"], kind);
    }
    assert!(chat(address, &bearer(&slow)).await.head.contains("retry-after: "));
    let listing = raw(address, &request_bytes("GET", "/v1/models", &bearer(&slow), "")).await;
    assert_eq!(listing.status, 200, "looking around is free");
    let metrics = raw(address, &request_bytes("GET", "/metrics", &bearer(&slow), "")).await.body;
    assert!(metrics.contains("penseur_first_token_seconds_bucket{le=\"+Inf\"} 2"), "{metrics}");
    assert!(metrics.contains("penseur_dollars_total 0.0"), "{metrics}");
    assert_eq!(get(address, "/metrics").await.status, 401);
    std::fs::remove_dir_all(dir).expect("removed");
}

#[tokio::test]
async fn only_an_operator_loads_and_unloads() {
    let (address, accounts, dir) = start("operator").await;
    let unload = async |header: &str| {
        raw(address, &request_bytes("POST", "/v1/models/unload", header, "{\"model\": \"mini\"}")).await
    };
    assert_eq!(unload("").await.status, 200, "without keys, on loopback, everybody is the operator");
    let ann = accounts.add("ann", KeyLimits::default()).expect("added");
    let boss = accounts.add_admin("boss", KeyLimits::default()).expect("added");
    let bearer = |key: &str| format!("Authorization: Bearer {key}\r\n");
    let refused = unload(&bearer(&ann)).await;
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (403, Some("not_an_operator")));
    assert!(refused.message().contains("--admin"));
    assert_eq!(unload(&bearer(&boss)).await.status, 200);
    for (key, may_load) in [(&ann, false), (&boss, true)] {
        let page = raw(address, &request_bytes("GET", "/api/models", &bearer(key), "")).await;
        assert_eq!(page.json()["may_load"], may_load);
    }
    assert_eq!(chat(address, &bearer(&ann)).await.status, 200, "who asks it something loads a model all the same");
    std::fs::remove_dir_all(dir).expect("removed");
}

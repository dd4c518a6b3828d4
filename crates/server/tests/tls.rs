//! Encrypted connections, with a certificate of `localhost` that is good for nothing else (`data/`).

mod common;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use common::{config, reasoner};
use server::{ServeConfig, ServeError, Server, TlsFiles};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn files(cert: &str, key: &str) -> ServeConfig {
    let model = reasoner("mini", Duration::ZERO, |_| ("hm".into(), "7".into()));
    ServeConfig { tls: Some(TlsFiles { cert: data(cert), key: data(key) }), ..config(vec![model]) }
}

fn connector() -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let cert = CertificateDer::from_pem_file(data("localhost-cert.pem")).expect("a certificate");
    roots.add(cert).expect("a root");
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(client))
}

#[tokio::test]
async fn requests_are_answered_over_tls_and_cookies_are_secure() {
    let server = Server::bind(files("localhost-cert.pem", "localhost-key.pem")).await.expect("bound");
    let address = server.address();
    tokio::spawn(server.run(std::future::pending()));
    let exchange = |request: &'static str| async move {
        let stream = TcpStream::connect(address).await.expect("connected");
        let name = ServerName::try_from("localhost").expect("a name");
        let mut stream = connector().connect(name, stream).await.expect("a handshake");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        // The server closes without a farewell, which is all the same here.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).expect("text")
    };
    let health = exchange("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert!(health.starts_with("HTTP/1.1 200") && health.contains("ok"), "{health}");
    let request = "POST /api/sign-in HTTP/1.1\r\nHost: localhost\r\nOrigin: https://localhost\r\nConnection: close\r\nContent-Length: 11\r\n\r\n{\"key\":\"x\"}";
    let signed_in = exchange(request).await.to_lowercase();
    assert!(signed_in.contains("set-cookie: penseur_key=78;") && signed_in.contains("; secure"), "{signed_in}");
    // Plain HTTP gets nothing, and the server goes on.
    let mut plain = TcpStream::connect(address).await.expect("connected");
    plain.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
    let mut bytes = Vec::new();
    let _ = plain.read_to_end(&mut bytes).await;
    assert!(!bytes.starts_with(b"HTTP"));
    assert!(exchange("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.contains("200"));
}

#[tokio::test]
async fn files_that_are_no_certificates_are_named() {
    for (cert, key) in [
        ("missing.pem", "localhost-key.pem"),
        ("localhost-key.pem", "localhost-key.pem"),
        ("localhost-cert.pem", "localhost-cert.pem"),
    ] {
        let error = Server::bind(files(cert, key)).await.err().expect("refused");
        assert!(matches!(error, ServeError::Tls { .. }), "{error}");
        assert!(error.to_string().contains("localhost") || error.to_string().contains("missing.pem"), "{error}");
    }
}

//! From a configuration to a listening server, and back to silence.
//!
//! The accept loop is written out rather than taken from axum for the sake of three bounds: connections, the time headers
//! may take, and the time running completions get after a signal.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::accounts::{Accounts, AccountsError};
use crate::admission::Running;
use crate::app::Desk;
use crate::app::store::StoreError;
use crate::config::{Limits, ServeConfig};
use crate::connections::{Arriving, Connections, Leaving, Place};
use crate::cors::Origin;
use crate::metrics::Metrics;
use crate::routes::{App, router};
use crate::security::{Guard, Keys};
use crate::shelf::Shelf;
use crate::tls;

/// How long clients may take to hear that their answers end unfinished.
const HAND_BACK_TIME: Duration = Duration::from_secs(1);

/// How long a client that makes room for another may take to read the end of its answer.
const PARTING_TIME: Duration = Duration::from_millis(50);

/// Prompts that are prepared at a time.
const N_PREPARING: usize = 4;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// No model was given.
    #[error("there is no model to serve: give at least one")]
    NoModels,
    /// A name twice.
    #[error("two models are called \"{0}\": give each its own name")]
    DuplicateModel(String),
    /// The default model cannot be loaded.
    #[error("{0}")]
    Model(String),
    /// Listening beyond loopback without keys.
    #[error(
        "{host} is reachable from other machines, and there is no key: make one with `penseur keys add NAME`, give --api-key-file, or listen on 127.0.0.1"
    )]
    KeyRequired {
        /// The host asked for.
        host: String,
    },
    /// Pages of other origins without keys.
    #[error(
        "--cors-origin lets pages in that send a key, and there is no key: make one with `penseur keys add NAME`, or give --api-key-file"
    )]
    CorsWithoutKeys,
    /// Behind a proxy without keys.
    #[error(
        "--public-origin says that others reach this server through a proxy, and there is no key: make one with `penseur keys add NAME`, or give --api-key-file"
    )]
    PublicWithoutKeys,
    /// The key file cannot be read.
    #[error("cannot read the key file {path}: {source}")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The key file holds no key.
    #[error(
        "the key file {path} holds no key: write one on a line of its own, such as the output of `openssl rand -hex 24`"
    )]
    NoKeys {
        /// The file.
        path: PathBuf,
    },
    /// The host name means nothing here.
    #[error("cannot listen on \"{host}\": {source}; give an address of this machine, such as 127.0.0.1")]
    Resolve {
        /// The host asked for.
        host: String,
        /// The system's reason.
        source: io::Error,
    },
    /// Somebody else listens there.
    #[error("port {port} is in use: stop the program that holds it, or choose another with --port")]
    PortInUse {
        /// The port asked for.
        port: u16,
    },
    /// Any other reason not to get the port.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The store of conversations cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The certificate or its key cannot be used.
    #[error("cannot use {path} for encrypted connections: {why}; expected PEM")]
    Tls {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// Keys and usage cannot be kept.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// The asynchronous runtime did not start.
    #[error("cannot start the server's threads: {0}")]
    Runtime(io::Error),
}

/// Serves until SIGINT or SIGTERM. `on_ready` gets the address once connections are accepted. After a signal, running
/// completions have `shutdown_grace` to end; a second signal ends at once.
pub fn serve(config: ServeConfig, on_ready: impl FnOnce(SocketAddr)) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("http")
        .thread_stack_size(engine::constraint::COMPILER_STACK)
        .enable_all()
        .build()
        .map_err(ServeError::Runtime)?;
    let served = runtime.block_on(async {
        let server = Server::bind(config).await?;
        on_ready(server.address());
        let (first, second) = (signals()?, signals()?);
        tokio::select! {
            () = server.run(first) => {}
            () = async { second.await; signals_again().await } => {}
        }
        Ok(())
    });
    // Whatever still runs has had its time.
    runtime.shutdown_timeout(Duration::from_millis(200));
    served
}

/// Ends at the first SIGINT or SIGTERM.
#[cfg(unix)]
fn signals() -> Result<impl Future<Output = ()>, ServeError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Runtime)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Runtime)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn signals() -> Result<impl Future<Output = ()>, ServeError> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

async fn signals_again() {
    match signals() {
        Ok(signal) => signal.await,
        Err(_) => std::future::pending().await,
    }
}

/// A bound server that does not accept yet.
pub struct Server {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    address: SocketAddr,
    router: Router,
    shelf: Arc<Shelf>,
    running: Running,
    limits: Limits,
}

impl Server {
    /// Checks the configuration and takes the port.
    pub async fn bind(config: ServeConfig) -> Result<Self, ServeError> {
        let ServeConfig {
            host,
            port,
            api_key_file,
            cors_origins,
            public_origin,
            tls,
            data_dir,
            pdf_reader,
            dollars_per_second,
            workshop,
            models,
            free_memory,
            limits,
        } = config;
        if models.is_empty() {
            return Err(ServeError::NoModels);
        }
        let name = |i: usize| &models[i].card.name;
        if let Some(twice) = (1..models.len()).find(|&i| (0..i).any(|other| name(other) == name(i))) {
            return Err(ServeError::DuplicateModel(name(twice).clone()));
        }
        let address = resolve(&host, port).await?;
        let accounts = Arc::new(Accounts::open(data_dir.as_deref())?);
        let keys = Keys::new(api_key_file.as_deref(), accounts.clone())?;
        if keys.is_empty() && !address.ip().is_loopback() {
            return Err(ServeError::KeyRequired { host });
        }
        if keys.is_empty() && !cors_origins.is_empty() {
            return Err(ServeError::CorsWithoutKeys);
        }
        if keys.is_empty() && public_origin.is_some() {
            return Err(ServeError::PublicWithoutKeys);
        }
        let tls = tls.as_ref().map(tls::acceptor).transpose()?;
        let listener = TcpListener::bind(address).await.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => ServeError::PortInUse { port },
            _ => ServeError::Bind { address, source },
        })?;
        let address = listener.local_addr().map_err(|source| ServeError::Bind { address, source })?;
        let shelf = Arc::new(Shelf::new(models, free_memory));
        shelf.get(0).await.map_err(|error| ServeError::Model(error.message))?;
        let running = Running::default();
        let app = Arc::new(App {
            shelf: shelf.clone(),
            limits: limits.clone(),
            metrics: Metrics::default(),
            running: running.clone(),
            accounts,
            dollars_per_second,
            preparing: Arc::new(Semaphore::new(N_PREPARING)),
            scoring: Arc::new(Semaphore::new(1)),
            desk: Desk {
                workshop,
                pdf_reader,
                secure: tls.is_some() || public_origin.as_ref().is_some_and(Origin::is_secure),
                ..Desk::open(data_dir.as_deref(), dollars_per_second)?
            },
            started: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs()),
        });
        let guard = Arc::new(Guard { loopback: address.ip().is_loopback(), keys, cors_origins, public_origin });
        Ok(Self { listener, tls, address, router: router(app, guard), shelf, running, limits })
    }

    /// Where it listens; the real port if 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` ends, then lets open connections finish for at most `shutdown_grace`.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let tidying = tokio::spawn(self.shelf.tidy(self.limits.model_idle));
        let connections = Connections::new(self.limits.connections);
        let (stop, stopping) = watch::channel(false);
        tokio::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                accepted = self.listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                // Out of file descriptors, or the client is gone already: others go on.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let place = tokio::select! {
                () = &mut shutdown => break,
                place = connections.place() => place,
            };
            let (router, limits, stopping) = (self.router.clone(), self.limits.clone(), stopping.clone());
            let tls = self.tls.clone();
            tokio::spawn(async move {
                // Tokens are small and must not wait for each other.
                let _ = stream.set_nodelay(true);
                let Some(tls) = tls else { return serve_connection(stream, router, &limits, stopping, place).await };
                // Who does not finish the handshake costs no more than who does not send headers.
                let shaking = tokio::time::timeout(limits.header_time, tls.accept(stream));
                let shaken = tokio::select! {
                    shaken = shaking => shaken,
                    () = place.given_up() => return,
                };
                if let Ok(Ok(stream)) = shaken {
                    serve_connection(stream, router, &limits, stopping, place).await;
                }
            });
        }
        tidying.abort();
        drop(self.listener);
        drop(stopping);
        // Nobody may be listening any more, which is as good.
        let _ = stop.send(true);
        if tokio::time::timeout(self.limits.shutdown_grace, stop.closed()).await.is_err() {
            // Who is still answering hands back what it could not finish.
            self.running.cancel_all();
            let _ = tokio::time::timeout(HAND_BACK_TIME, stop.closed()).await;
        }
    }
}

/// Prefers IPv4 where a name has both, so that `localhost` is what people type.
async fn resolve(host: &str, port: u16) -> Result<SocketAddr, ServeError> {
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let failed = |source| ServeError::Resolve { host: host.to_owned(), source };
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name, port)).await.map_err(failed)?.collect();
    let first = addresses.iter().find(|a| a.is_ipv4()).or(addresses.first());
    first.copied().ok_or_else(|| failed(io::Error::new(io::ErrorKind::NotFound, "the name has no address")))
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    router: Router,
    limits: &Limits,
    mut stopping: watch::Receiver<bool>,
    place: Arc<Place>,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(|request: Request<Incoming>| {
        let (arriving, leaving) = (place.clone(), place.clone());
        let answering = router.call(request.map(|body| Arriving::new(body, arriving)));
        async move { answering.await.map(|response| response.map(|body| Leaving::new(body, leaving))) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        // Far beyond what the guard lets in, which says so.
        .max_headers(512)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let parting_time = tokio::select! {
        // A broken connection is the client's affair.
        _ = connection.as_mut() => return,
        _ = stopping.wait_for(|stop| *stop) => None,
        // The end of an answer may still be on its way.
        () = place.given_up() => Some(if place.has_answered() { PARTING_TIME } else { Duration::ZERO }),
    };
    connection.as_mut().graceful_shutdown();
    match parting_time {
        None => _ = connection.await,
        Some(time) => _ = tokio::time::timeout(time, connection).await,
    }
}

//! Open connections: there is a bound, and once it is reached, whoever keeps the server waiting makes room for whoever comes.
//!
//! A client keeps the server waiting until its request has arrived as a whole, and again after it has its answer. Connections
//! whose request is being answered are never given up, so a crowd of half-open ones costs the others nothing.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// All connections of a server.
pub struct Connections {
    places: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
    /// One more waits.
    changed: Notify,
}

/// Who waits for its client, since when: numbers that grow.
#[derive(Default)]
struct Waiting {
    n: u64,
    since: BTreeMap<u64, Arc<Notify>>,
}

/// What one connection holds.
pub struct Place {
    connections: Arc<Connections>,
    /// Its number in [`Waiting`]; 0 while it works.
    since: AtomicU64,
    has_answered: AtomicBool,
    given_up: Arc<Notify>,
    _permit: OwnedSemaphorePermit,
}

impl Connections {
    /// Room for `most`.
    pub fn new(most: usize) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(most));
        Arc::new(Self { places, waiting: Mutex::default(), changed: Notify::new() })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more, at the cost of the connection that has waited longest for its client. While all are at work,
    /// this waits. One caller at a time.
    pub async fn place(self: &Arc<Self>) -> Arc<Place> {
        let free = || self.places.clone().acquire_owned();
        let mut has_asked = false;
        let permit = loop {
            if !has_asked
                && self.places.available_permits() == 0
                && let Some((_, oldest)) = self.waiting().since.pop_first()
            {
                oldest.notify_one();
                has_asked = true;
            }
            tokio::select! {
                biased;
                permit = free() => break permit.expect("never closed"),
                // Whoever has been asked to go will be gone soon: nobody else has to.
                () = self.changed.notified(), if !has_asked => {}
            }
        };
        let place = Arc::new(Place {
            connections: self.clone(),
            since: AtomicU64::new(0),
            has_answered: AtomicBool::new(false),
            given_up: Arc::default(),
            _permit: permit,
        });
        place.waits();
        place
    }
}

impl Place {
    /// Ends when this connection has to make room.
    pub async fn given_up(&self) {
        self.given_up.notified().await;
    }

    /// Whether a client may still be reading an answer of it.
    pub fn has_answered(&self) -> bool {
        self.has_answered.load(Relaxed)
    }

    fn waits(&self) {
        let mut waiting = self.connections.waiting();
        waiting.n += 1;
        let since = waiting.n;
        waiting.since.insert(since, self.given_up.clone());
        self.since.store(since, Relaxed);
        self.connections.changed.notify_one();
    }

    fn works(&self) {
        self.connections.waiting().since.remove(&self.since.swap(0, Relaxed));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.works();
    }
}

/// A request's body; once it is here, its connection works.
pub struct Arriving<B> {
    body: B,
    place: Arc<Place>,
}

impl<B: Body> Arriving<B> {
    pub fn new(body: B, place: Arc<Place>) -> Self {
        if body.is_end_stream() {
            place.works();
        }
        Self { body, place }
    }
}

impl<B: Body + Unpin> Body for Arriving<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None)) || self.body.is_end_stream() {
            self.place.works();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body; when it has been sent, its connection waits for the next request.
pub struct Leaving<B> {
    body: B,
    place: Arc<Place>,
}

impl<B> Leaving<B> {
    pub fn new(body: B, place: Arc<Place>) -> Self {
        place.has_answered.store(true, Relaxed);
        Self { body, place }
    }
}

impl<B> Drop for Leaving<B> {
    fn drop(&mut self) {
        self.place.works();
        self.place.waits();
    }
}

impl<B: Body + Unpin> Body for Leaving<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const SOON: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn one_more_costs_one() {
        let connections = Connections::new(3);
        let places = [connections.place().await, connections.place().await, connections.place().await];
        places[0].works();
        let coming = tokio::spawn({
            let connections = connections.clone();
            async move { connections.place().await }
        });
        // The second has waited longest; the first works, and the third need not go as well.
        let [first, second, third] = places;
        tokio::time::timeout(SOON, second.given_up()).await.expect("asked to go");
        assert!(tokio::time::timeout(SOON, third.given_up()).await.is_err());
        assert!(tokio::time::timeout(SOON, first.given_up()).await.is_err());
        assert!(!coming.is_finished());
        drop(second);
        tokio::time::timeout(SOON, coming).await.expect("a place is free").expect("no panic");
    }

    #[tokio::test]
    async fn while_all_work_newcomers_wait_for_the_first_that_is_done() {
        let connections = Connections::new(1);
        let place = connections.place().await;
        place.works();
        let coming = tokio::spawn({
            let connections = connections.clone();
            async move { connections.place().await }
        });
        assert!(tokio::time::timeout(SOON, place.given_up()).await.is_err());
        place.waits();
        tokio::time::timeout(SOON, place.given_up()).await.expect("asked to go");
        drop(place);
        tokio::time::timeout(SOON, coming).await.expect("a place is free").expect("no panic");
    }
}

//! What is loaded, what makes room, and what stays.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};

use engine::mock::MockModel;
use engine::{EngineConfig, EngineHandle, SamplingParams};

use super::*;
use crate::params::tests::Fixed;

/// Memory that comes back with the model that holds it.
struct Held(u64, &'static AtomicU64);

impl Drop for Held {
    fn drop(&mut self) {
        self.1.fetch_add(self.0, SeqCst);
    }
}

/// An offer that counts its loads and takes its bytes out of `free`.
fn offer(name: &str, bytes: u64, free: &'static AtomicU64, n_loads: &'static AtomicUsize) -> Offer {
    let card = ModelCard {
        name: name.into(),
        description: String::new(),
        examples: Vec::new(),
        context_length: 640,
        thinking: true,
        temperature: 1.0,
    };
    let name = card.name.clone();
    let load = move || {
        if name == "broken" {
            return Err("its weights are missing".to_owned());
        }
        n_loads.fetch_add(1, SeqCst);
        free.fetch_sub(bytes, SeqCst);
        let held = Held(bytes, free);
        // The whole of it, which goes when the model goes.
        let script = move |_: &[u32], _: &mut [f32]| _ = &held;
        let model = MockModel::new(10, Box::new(script));
        Ok(ServedModel {
            name: name.clone(),
            engine: EngineHandle::spawn(Box::new(model), EngineConfig::default()).expect("a thread"),
            format: Arc::new(Fixed { tags: true }),
            sampling: SamplingParams::default(),
            scorer: None,
        })
    };
    Offer { card, memory_bytes: bytes, load: Box::new(load) }
}

fn presences(shelf: &Shelf) -> Vec<Presence> {
    shelf.cards().map(|(_, _, presence)| presence).collect()
}

#[tokio::test]
async fn idle_models_make_room_the_oldest_first_and_none_is_taken_from_under_an_answer() {
    static FREE: AtomicU64 = AtomicU64::new(25);
    static LOADS: AtomicUsize = AtomicUsize::new(0);
    let offers = ["a", "b", "c"].map(|name| offer(name, 10, &FREE, &LOADS)).into();
    let shelf = Arc::new(Shelf::new(offers, || Some(FREE.load(SeqCst))));
    assert_eq!(presences(&shelf), [Presence::Unloaded; 3]);

    let a = shelf.get(0).await.expect("room for two");
    drop(shelf.get(1).await.expect("room for two"));
    drop(shelf.get(1).await.expect("still there"));
    assert_eq!(LOADS.load(SeqCst), 2, "what is loaded is not loaded again");

    let c = shelf.get(2).await.expect("b makes room, though a is older, because a is in use");
    assert_eq!(presences(&shelf), [Presence::Loaded, Presence::Unloaded, Presence::Loaded]);
    let refused = shelf.get(1).await.map(|_| ()).expect_err("both are in use");
    assert_eq!((refused.status.as_u16(), refused.code), (503, Some("out_of_memory")));
    assert!(refused.message.contains("\"b\" needs"), "{}", refused.message);
    assert_eq!(shelf.put_away(0).await.expect_err("in use").status.as_u16(), 409);

    drop((a, c));
    drop(shelf.get(2).await.expect("loaded"));
    shelf.get(1).await.expect("a was used longest ago");
    assert_eq!(presences(&shelf), [Presence::Unloaded, Presence::Loaded, Presence::Loaded]);
    shelf.put_away(1).await.expect("idle");
    assert_eq!(presences(&shelf)[1], Presence::Unloaded);
}

#[tokio::test]
async fn many_who_ask_at_once_load_a_model_once_and_idleness_puts_it_away() {
    static FREE: AtomicU64 = AtomicU64::new(25);
    static LOADS: AtomicUsize = AtomicUsize::new(0);
    let offers = ["a", "b", "broken"].map(|name| offer(name, 10, &FREE, &LOADS)).into();
    let shelf = Arc::new(Shelf::new(offers, || Some(FREE.load(SeqCst))));
    shelf.get(0).await.expect("room");
    let asked = futures_util::future::join_all((0..8).map(|_| shelf.get(1))).await;
    assert!(asked.iter().all(Result::is_ok));
    assert_eq!(LOADS.load(SeqCst), 2);

    let tidying = tokio::spawn(shelf.clone().tidy(Duration::from_millis(80)));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(presences(&shelf)[1], Presence::Loaded, "in use");
    drop(asked);
    let end = Instant::now() + Duration::from_secs(5);
    while presences(&shelf)[1] == Presence::Loaded && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(presences(&shelf)[..2], [Presence::Loaded, Presence::Unloaded], "the default one stays");
    tidying.abort();

    let failed = shelf.get(2).await.map(|_| ()).expect_err("broken");
    assert_eq!(failed.message, "\"broken\" cannot be loaded: its weights are missing");
    assert_eq!(presences(&shelf)[2], Presence::Unloaded, "and may be tried again");
}

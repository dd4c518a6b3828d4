//! The models on offer: loaded when somebody asks for one, and put away when nobody does.
//!
//! The first is the default; it is loaded at the start and not put away for idleness. When a model does not fit beside those
//! that are loaded, idle ones make room, the one that was used longest ago first. A model is in use as long as a request
//! holds it, so none is taken from under an answer. One is loaded at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;

use crate::config::{ModelCard, Offer, ServedModel};
use crate::error::ApiError;
use crate::wire::fields::short;

#[cfg(test)]
mod tests;

/// How long memory may take to come back after a model was put away.
const RETURN_TIME: Duration = Duration::from_secs(2);

/// All models of a server.
pub struct Shelf {
    slots: Vec<Slot>,
    /// Held by who loads or puts away.
    changing: tokio::sync::Mutex<()>,
    free_memory: fn() -> Option<u64>,
}

struct Slot {
    offer: Offer,
    place: Mutex<Place>,
}

struct Place {
    model: Option<Arc<ServedModel>>,
    is_loading: bool,
    last_used: Instant,
}

/// Where a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// It answers at once.
    Loaded,
    /// Soon.
    Loading,
    /// It answers once it is loaded, which the first request does.
    Unloaded,
}

impl Slot {
    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The model if it is here, and from now on used.
    fn take(&self) -> Option<Arc<ServedModel>> {
        let mut place = self.place();
        place.last_used = Instant::now();
        place.model.clone()
    }

    /// When it was last used, if it is here and nobody uses it.
    fn idle_since(&self) -> Option<Instant> {
        let place = self.place();
        place.model.as_ref().filter(|model| Arc::strong_count(model) == 1 && model.is_idle()).map(|_| place.last_used)
    }

    /// Puts the model away if nobody uses it; false if somebody does.
    fn put_away(&self) -> bool {
        let mut place = self.place();
        if place.model.as_ref().is_some_and(|model| Arc::strong_count(model) > 1 || !model.is_idle()) {
            return false;
        }
        place.model = None;
        true
    }
}

impl Shelf {
    /// A shelf with nothing on it yet. `free_memory`: bytes that could be allocated now, where the system says.
    pub fn new(offers: Vec<Offer>, free_memory: fn() -> Option<u64>) -> Self {
        let place = || Mutex::new(Place { model: None, is_loading: false, last_used: Instant::now() });
        let slots = offers.into_iter().map(|offer| Slot { offer, place: place() }).collect();
        Self { slots, changing: tokio::sync::Mutex::default(), free_memory }
    }

    /// What is on offer, the default first, and where each is.
    pub fn cards(&self) -> impl Iterator<Item = (&ModelCard, u64, Presence)> {
        self.slots.iter().map(|slot| {
            let place = slot.place();
            let presence = match (&place.model, place.is_loading) {
                (Some(_), _) => Presence::Loaded,
                (None, true) => Presence::Loading,
                (None, false) => Presence::Unloaded,
            };
            (&slot.offer.card, slot.offer.memory_bytes, presence)
        })
    }

    /// The loaded models.
    pub fn loaded(&self) -> Vec<Arc<ServedModel>> {
        self.slots.iter().filter_map(|slot| slot.place().model.clone()).collect()
    }

    /// The number of the model of that name, or of the default one.
    pub fn find(&self, name: Option<&str>) -> Result<usize, ApiError> {
        let names = || self.slots.iter().map(|slot| slot.offer.card.name.as_str());
        let found = match name {
            None => Some(0),
            Some(name) => names().position(|known| known == name),
        };
        found.ok_or_else(|| {
            let names: Vec<&str> = names().collect();
            let name = short(name.unwrap_or_default());
            let message = format!("no model \"{name}\" here: this server has {}", names.join(", "));
            ApiError { param: Some("model".into()), ..ApiError::new(StatusCode::NOT_FOUND, "model_not_found", message) }
        })
    }

    /// A model, which is loaded first where it has to be. Goes on loading if the caller gives up.
    pub async fn get(self: &Arc<Self>, idx: usize) -> Result<Arc<ServedModel>, ApiError> {
        if let Some(model) = self.slots[idx].take() {
            return Ok(model);
        }
        let shelf = self.clone();
        let failed = |message: String| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "model_failed", message);
        let loading = tokio::spawn(async move { shelf.load(idx).await });
        loading.await.unwrap_or_else(|_| Err(failed("loading the model failed; the server's log says where".into())))
    }

    async fn load(self: Arc<Self>, idx: usize) -> Result<Arc<ServedModel>, ApiError> {
        let _changing = self.changing.lock().await;
        let slot = &self.slots[idx];
        if let Some(model) = slot.take() {
            return Ok(model);
        }
        self.make_room(&slot.offer).await?;
        slot.place().is_loading = true;
        let shelf = self.clone();
        let loaded = tokio::task::spawn_blocking(move || (shelf.slots[idx].offer.load)()).await;
        let mut place = slot.place();
        place.is_loading = false;
        let name = &slot.offer.card.name;
        let failed = |why: String| {
            let message = format!("\"{name}\" cannot be loaded: {why}");
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "model_failed", message)
        };
        let model = loaded.map_err(|_| failed("the server's log says where it failed".into()))?.map_err(failed)?;
        let model = Arc::new(model);
        (place.model, place.last_used) = (Some(model.clone()), Instant::now());
        tracing::info!("loaded {name}");
        Ok(model)
    }

    /// Puts idle models away until `offer` fits. Needs `changing`.
    async fn make_room(&self, offer: &Offer) -> Result<(), ApiError> {
        let needed = offer.memory_bytes;
        let fits = || (self.free_memory)().is_none_or(|free| free >= needed);
        while !fits() {
            let idle = self.slots.iter().filter_map(|slot| Some((slot.idle_since()?, slot)));
            let Some((_, oldest)) = idle.min_by_key(|(since, _)| *since) else {
                let gb = |bytes: u64| bytes as f64 / 1e9;
                let free = gb((self.free_memory)().unwrap_or(0));
                let message = format!(
                    "\"{}\" needs {:.1} GB of memory, {free:.1} GB are free and no loaded model is idle: ask again later, or for another model",
                    offer.card.name,
                    gb(needed)
                );
                return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "out_of_memory", message));
            };
            if oldest.put_away() {
                tracing::info!("put {} away for {}", oldest.offer.card.name, offer.card.name);
                // Its engine's thread ends by itself.
                let end = Instant::now() + RETURN_TIME;
                while !fits() && Instant::now() < end {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
        Ok(())
    }

    /// Puts a model away; refuses while it answers.
    pub async fn put_away(&self, idx: usize) -> Result<(), ApiError> {
        let _changing = self.changing.lock().await;
        let slot = &self.slots[idx];
        if slot.put_away() {
            return Ok(());
        }
        let message = format!("\"{}\" is answering: unload it when it has ended", slot.offer.card.name);
        Err(ApiError::new(StatusCode::CONFLICT, "model_in_use", message))
    }

    /// Puts models away, the default one excepted, that nobody used for `idle`. Never ends.
    pub async fn tidy(self: Arc<Self>, idle: Duration) {
        if self.slots.len() == 1 {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep((idle / 8).clamp(Duration::from_millis(10), Duration::from_secs(30))).await;
            let _changing = self.changing.lock().await;
            for slot in &self.slots[1..] {
                if slot.idle_since().is_some_and(|since| since.elapsed() >= idle) && slot.put_away() {
                    tracing::info!("put {} away: nobody used it for {idle:?}", slot.offer.card.name);
                }
            }
        }
    }
}

//! Answers that are being generated.
//!
//! Nobody needs to watch: a task reads the engine's events, another renders and stores what changed. Whoever watches asks
//! for everything that changed since the version it has ([`Live::since`]), so a lost connection, a reload and a second
//! device all go on from where they are, and a slow one gets fewer, larger updates.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine::thread::Control;
use serde::Serialize;
use tokio::sync::watch;

use super::json::majority;
use super::render::{Extent, Rendered};
use super::store::{Facts, Sample, Status, Store, StoreError};
use crate::completion::{Choice, Progress};

#[cfg(test)]
mod tests;

/// Shortest time between two updates.
const FRAME: Duration = Duration::from_millis(40);
/// Rendering may take this share of a core: after one that took long the next waits.
const RENDER_SHARE: u32 = 4;
/// Time between two writes of a running answer to the disk.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// The answers that are being generated, by message.
#[derive(Clone, Default)]
pub struct Answers(Arc<Mutex<HashMap<String, Arc<Live>>>>);

impl Answers {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Live>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A running answer, if it is the owner's.
    pub fn find(&self, owner: &str, message: &str) -> Option<Arc<Live>> {
        self.lock().get(message).filter(|live| live.owner == owner).cloned()
    }

    /// The running answers of an owner: message and conversation.
    pub fn of(&self, owner: &str) -> Vec<(String, String)> {
        let all = self.lock();
        let owned = all.values().filter(|live| live.owner == owner);
        owned.map(|live| (live.message.clone(), live.conversation.clone())).collect()
    }

    /// Takes over an accepted answer: generates, renders and stores it to its end.
    pub fn run(&self, live: Arc<Live>, choices: Vec<Choice>, store: Arc<Store>, limit: Duration) {
        self.lock().insert(live.message.clone(), live.clone());
        let answers = self.clone();
        tokio::spawn(async move {
            let readers: Vec<_> = choices
                .into_iter()
                .enumerate()
                .map(|(idx, choice)| tokio::spawn(read(live.clone(), idx, choice, limit)))
                .collect();
            keep(&live, &store).await;
            for reader in readers {
                // It has ended, or its part of the answer is marked as failed.
                let _ = reader.await;
            }
            let (settling, store) = (live.clone(), store.clone());
            if tokio::task::spawn_blocking(move || settling.settle(&store)).await.is_err() {
                tracing::error!("the majority of an answer's samples was not chosen");
            }
            // From here on the store tells all.
            answers.lock().remove(&live.message);
            live.publish(|state| state.ended = true);
        });
    }
}

/// One running answer.
pub struct Live {
    pub message: String,
    pub conversation: String,
    owner: String,
    controls: Vec<Control>,
    dollars_per_second: f64,
    stopped: AtomicBool,
    /// Whether the reader has chosen a sample.
    chosen: Mutex<bool>,
    state: Mutex<State>,
    /// The version of the latest update.
    version: watch::Sender<u64>,
    /// Text that is not rendered yet.
    dirty: tokio::sync::Notify,
}

struct State {
    version: u64,
    ended: bool,
    samples: Vec<LiveSample>,
}

struct LiveSample {
    sample: Sample,
    /// The figures of what it goes on from; its own are added to them.
    begun: Facts,
    /// When its first token came.
    first_token: Option<Instant>,
    thinking: Section,
    answer: Section,
    /// Of the latest change of anything here.
    version: u64,
    saved: bool,
    rendered: bool,
}

/// A text and the versions in which its blocks changed last.
#[derive(Clone, Default)]
struct Section {
    rendered: Rendered,
    versions: Vec<u64>,
    /// When its number of blocks changed last.
    n_version: u64,
}

/// What changed in an answer.
#[derive(Debug, Serialize)]
pub struct Update {
    pub version: u64,
    /// Whether this is the last.
    pub ended: bool,
    pub samples: Vec<SampleUpdate>,
}

/// What changed in a sample.
#[derive(Debug, Serialize)]
pub struct SampleUpdate {
    pub idx: usize,
    pub status: Status,
    pub facts: Facts,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking: Option<SectionUpdate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<SectionUpdate>,
}

/// Blocks from `from` on take the place of those that a page has there.
#[derive(Debug, Serialize)]
pub struct SectionUpdate {
    pub from: usize,
    pub blocks: Vec<String>,
}

/// What an answer is and whose.
pub struct About {
    pub message: String,
    pub conversation: String,
    pub owner: String,
    pub dollars_per_second: f64,
}

impl Live {
    /// An answer whose samples begin as given.
    pub fn new(about: About, samples: Vec<Sample>, controls: Vec<Control>) -> Arc<Self> {
        let samples = samples
            .into_iter()
            .map(|sample| LiveSample {
                begun: sample.facts.clone(),
                sample,
                first_token: None,
                thinking: Section::default(),
                answer: Section::default(),
                version: 1,
                saved: true,
                rendered: false,
            })
            .collect();
        Arc::new(Self {
            message: about.message,
            conversation: about.conversation,
            owner: about.owner,
            dollars_per_second: about.dollars_per_second,
            controls,
            stopped: AtomicBool::new(false),
            chosen: Mutex::new(false),
            state: Mutex::new(State { version: 1, ended: false, samples }),
            version: watch::Sender::new(1),
            dirty: tokio::sync::Notify::new(),
        })
    }

    /// Ends it here and keeps what there is.
    pub fn stop(&self) {
        self.stopped.store(true, Relaxed);
        self.controls.iter().for_each(Control::cancel);
    }

    /// Ends the thinking and goes on with the answer.
    pub fn answer_now(&self) {
        self.controls.iter().for_each(Control::end_thinking);
    }

    /// The reader chooses a sample, which `write` stores: what most samples say is not chosen over it.
    pub fn choose<T>(&self, write: impl FnOnce() -> T) -> T {
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        *chosen = true;
        write()
    }

    /// Goes on from what most samples say, unless the reader has chosen.
    fn settle(&self, store: &Store) {
        let chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        let samples: Vec<Sample> = self.lock().samples.iter().map(|live| live.sample.clone()).collect();
        let Some(majority) = majority(&samples).filter(|_| !*chosen) else { return };
        match store.choose_sample(&self.owner, &self.message, majority.sample) {
            // The conversation may have been deleted meanwhile.
            Ok(()) | Err(StoreError::NotFound(_)) => {}
            Err(error) => tracing::error!("the majority of an answer's samples was not chosen: {error}"),
        }
    }

    /// Follows the versions.
    pub fn versions(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Everything that changed after `version`; 0 is before everything.
    pub fn since(&self, version: u64) -> Update {
        let state = self.lock();
        let samples = state.samples.iter().enumerate().filter(|(_, live)| live.version > version);
        let samples = samples.map(|(idx, live)| SampleUpdate {
            idx,
            status: live.sample.status,
            facts: live.sample.facts.clone(),
            thinking: live.thinking.since(version),
            answer: live.answer.since(version),
        });
        Update { version: state.version, ended: state.ended, samples: samples.collect() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and tells those who watch.
    fn publish(&self, change: impl FnOnce(&mut State)) {
        let version = {
            let mut state = self.lock();
            state.version += 1;
            change(&mut state);
            state.version
        };
        self.version.send_replace(version);
    }

    /// Changes a sample; rendering and storing follow.
    fn change(&self, idx: usize, change: impl FnOnce(&mut LiveSample)) {
        let mut state = self.lock();
        let live = &mut state.samples[idx];
        change(live);
        (live.saved, live.rendered) = (false, false);
        drop(state);
        self.dirty.notify_one();
    }

    /// Renders what changed. The lock is held only to copy, so the engine's events are never held up.
    fn render(&self) {
        let n_samples = self.lock().samples.len();
        for idx in 0..n_samples {
            let (texts, extent, mut sections) = {
                let mut state = self.lock();
                let live = &mut state.samples[idx];
                if std::mem::replace(&mut live.rendered, true) {
                    continue;
                }
                let extent = if live.sample.status == Status::Running { Extent::Growing } else { Extent::Whole };
                let texts = [live.sample.reasoning.clone(), live.sample.content.clone()];
                // Watchers see the earlier blocks until the new ones are ready; copying them copies pointers.
                (texts, extent, [live.thinking.clone(), live.answer.clone()])
            };
            let thinks = texts[1].is_empty() && extent == Extent::Growing;
            let extents = [if thinks { extent } else { Extent::Whole }, extent];
            let changed: Vec<usize> = (0..2).map(|i| sections[i].rendered.update(&texts[i], extents[i])).collect();
            self.publish(|state| {
                let version = state.version;
                for (section, from) in sections.iter_mut().zip(changed) {
                    section.mark(from, version);
                }
                let live = &mut state.samples[idx];
                [live.thinking, live.answer] = sections;
                live.version = version;
            });
        }
    }

    /// The samples whose latest state is not on the disk.
    fn unsaved(&self) -> Vec<(usize, Sample)> {
        let mut state = self.lock();
        let all = state.samples.iter_mut().enumerate();
        all.filter_map(|(idx, live)| {
            let saved = std::mem::replace(&mut live.saved, true);
            (!saved).then(|| (idx, live.sample.clone()))
        })
        .collect()
    }

    fn is_running(&self) -> bool {
        self.lock().samples.iter().any(|live| live.sample.status == Status::Running)
    }
}

impl Section {
    /// Notes that blocks from `from` on are of this version.
    fn mark(&mut self, from: usize, version: u64) {
        let n = self.rendered.blocks().len();
        if n != self.versions.len() {
            self.n_version = version;
        }
        self.versions.resize(n, version);
        self.versions[from.min(n)..].fill(version);
    }

    fn since(&self, version: u64) -> Option<SectionUpdate> {
        let from = self.versions.iter().position(|v| *v > version);
        if from.is_none() && self.n_version <= version {
            return None;
        }
        let from = from.unwrap_or(self.versions.len());
        Some(SectionUpdate { from, blocks: self.rendered.blocks().skip(from).map(str::to_owned).collect() })
    }
}

/// Reads one sample to its end.
async fn read(live: Arc<Live>, idx: usize, mut choice: Choice, limit: Duration) {
    let end = tokio::time::Instant::now() + limit;
    loop {
        let progress = match tokio::time::timeout_at(end, choice.next()).await {
            Ok(Some(progress)) => progress,
            Ok(None) => return,
            Err(_) => {
                let message = format!("This took longer than the {} seconds that an answer may take.", limit.as_secs());
                return live.change(idx, |state| fail(state, message));
            }
        };
        let (n_completion, n_reasoning) = choice.n_tokens();
        match progress {
            Progress::Text(delta) => live.change(idx, |state| {
                let since = state.first_token.get_or_insert_with(Instant::now).elapsed().as_millis() as u64;
                let Sample { reasoning, content, facts, .. } = &mut state.sample;
                let begun = &state.begun;
                facts.completion_tokens = begun.completion_tokens + n_completion;
                facts.reasoning_tokens = begun.reasoning_tokens + n_reasoning;
                if !delta.reasoning.is_empty() || content.is_empty() && !reasoning.is_empty() {
                    facts.thinking_ms = begun.thinking_ms + since;
                }
                facts.decode_ms = begun.decode_ms + since;
                reasoning.push_str(&delta.reasoning);
                content.push_str(&delta.content);
            }),
            // The app's questions ask for neither.
            Progress::Call(_) | Progress::Tokens(..) => {}
            Progress::End(ended) => {
                let stopped = live.stopped.load(Relaxed);
                return live.change(idx, |state| finish(state, ended, stopped, live.dollars_per_second));
            }
        }
    }
}

fn fail(live: &mut LiveSample, message: String) {
    live.sample.status = Status::Failed;
    live.sample.facts.error = Some(message);
}

fn finish(live: &mut LiveSample, end: crate::completion::End, stopped: bool, dollars_per_second: f64) {
    let (usage, timings) = (end.usage, end.timings);
    let (facts, begun) = (&mut live.sample.facts, &live.begun);
    facts.prompt_tokens = usage.n_prompt;
    facts.cached_tokens = usage.n_cached;
    facts.completion_tokens = begun.completion_tokens + usage.n_completion;
    facts.reasoning_tokens = begun.reasoning_tokens + usage.n_reasoning;
    facts.queued_ms = timings.queued.as_millis() as u64;
    facts.prefill_ms = timings.prefill.as_millis() as u64;
    let decode_ms = timings.decode.as_millis() as u64;
    facts.decode_ms = begun.decode_ms + decode_ms;
    // A fast answer comes in one piece, so that its thinking's time was not seen: then its share of the tokens tells.
    let share = usage.n_reasoning as f64 / usage.n_completion.max(1) as f64;
    facts.thinking_ms = facts.thinking_ms.max(begun.thinking_ms + (share * decode_ms as f64) as u64);
    facts.dollars = begun.dollars + (timings.prefill + timings.decode).as_secs_f64() * dollars_per_second;
    facts.thinking_stop_reason = end.thinking_stop_reason.map(|reason| reason.as_str().to_owned());
    match end.finish_reason {
        Ok(reason) => {
            facts.finish_reason = Some(reason.to_owned());
            live.sample.status = Status::Done;
        }
        Err(_) if stopped => live.sample.status = Status::Stopped,
        Err(error) => fail(live, error.message),
    }
}

/// Renders and stores until every sample has ended, and once after that.
async fn keep(live: &Arc<Live>, store: &Arc<Store>) {
    let mut saved_at = Instant::now();
    loop {
        live.dirty.notified().await;
        // Asked before rendering: what comes later is rendered in the next round.
        let running = live.is_running();
        let start = Instant::now();
        let save = !running || saved_at.elapsed() >= SAVE_EVERY;
        let (work, store) = (live.clone(), store.clone());
        let done = tokio::task::spawn_blocking(move || {
            work.render();
            if save {
                save_all(&work, &store);
            }
        });
        if done.await.is_err() {
            tracing::error!("rendering or storing an answer failed");
        }
        if save {
            saved_at = Instant::now();
        }
        if !running {
            return;
        }
        tokio::time::sleep(FRAME.max(start.elapsed() * (RENDER_SHARE - 1))).await;
    }
}

fn save_all(live: &Live, store: &Store) {
    for (idx, sample) in live.unsaved() {
        if let Err(error) = store.save_sample(&live.message, idx, &sample) {
            tracing::error!("an answer could not be stored: {error}");
        }
    }
}

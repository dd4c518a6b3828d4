//! Generated problems with worked thinking, as documents. No problem repeats on purpose, and validation problems are
//! never trained on: the families split them by construction.

use super::{Codec, Document, Source};
use crate::error::Result;
use crate::recipe::{Learn, SourceSpec};
use model::chat_template::Message;
use std::sync::Arc;
use tasks::{Example, Mixture, MixtureSpec, Rng, Split};

/// Seed of the validation problems: they are the same for every run.
const VALIDATION_SEED: u64 = 0;

/// A `task` source.
pub(super) struct Problems {
    label: String,
    mixture: Mixture,
    seed: u64,
    /// Share that is answered with thinking.
    think: f64,
    /// Share whose thinking is the bare answer.
    guess: f64,
    learn: Learn,
    seq_len: usize,
    codec: Arc<Codec>,
}

impl Problems {
    /// Looks the families up.
    pub(super) fn new(spec: &SourceSpec, label: String, seed: u64, seq_len: usize, codec: &Arc<Codec>) -> Result<Self> {
        let learn = spec.learn.unwrap_or(Learn::Completion);
        let codec = Arc::clone(codec);
        Ok(Problems {
            label,
            mixture: mixture(spec)?,
            seed,
            think: spec.think,
            guess: spec.guess,
            learn,
            seq_len,
            codec,
        })
    }

    fn document(&self, seed: u64, index: u64, split: Split) -> Option<Document> {
        let example = self.mixture.sample(seed, index, split);
        let mut rng = Rng::stream(&[seed, index, 0x0074_6869_6e6b]);
        let thinks = rng.chance(self.think);
        let mut conversation = conversation(&example, thinks)?;
        if self.guess > 0.0 && thinks && rng.chance(self.guess) {
            conversation[1].reasoning_content = Some(example.answer.clone());
        }
        let documents = self.codec.conversation(&conversation, self.learn)?;
        documents.into_iter().next().map(|document| document.truncate(self.seq_len))
    }
}

impl Source for Problems {
    fn label(&self) -> &str {
        &self.label
    }

    fn draw(&self, index: u64) -> Option<Document> {
        self.document(self.seed, index, Split::Train)
    }

    fn held_out(&self, n_tokens: u64) -> Vec<Document> {
        let mut n_left = n_tokens;
        let documents = (0..n_tokens).filter_map(|index| self.document(VALIDATION_SEED, index, Split::Validation));
        let fits = |document: &Document| {
            n_left = n_left.saturating_sub(document.n_rows() as u64);
            n_left > 0
        };
        documents.take_while(fits).collect()
    }
}

/// The first `n` documents of a `task` source, of which the answer is learnt, whatever the recipe says.
///
/// # Errors
/// Unknown families.
pub(crate) fn worked_documents(
    spec: &SourceSpec,
    seed: u64,
    seq_len: usize,
    codec: &Arc<Codec>,
    n: usize,
) -> Result<Vec<Document>> {
    let spec = SourceSpec { learn: Some(Learn::Completion), ..spec.clone() };
    let problems = Problems::new(&spec, String::new(), seed, seq_len, codec)?;
    Ok((0..n as u64).filter_map(|index| problems.draw(index)).collect())
}

/// The mixture that a source names or spells out.
pub(crate) fn mixture(spec: &SourceSpec) -> Result<Mixture> {
    let mut mixture = match spec.mixture.as_deref() {
        Some(name) => MixtureSpec::named(name)?,
        None => MixtureSpec { entries: spec.tasks.clone(), ..MixtureSpec::default() },
    };
    mixture.options = spec.options.unwrap_or_default();
    Ok(Mixture::new(&mixture)?)
}

/// Question and worked answer; `None` where the family has no demonstration.
fn conversation(example: &Example, thinks: bool) -> Option<[Message; 2]> {
    let shown = example.demonstration.as_ref()?;
    let mut answer = Message::assistant(&*shown.answer_text);
    if thinks {
        answer = answer.with_reasoning(&*shown.reasoning);
    }
    Some([Message::user(&*example.prompt), answer])
}

/// Prompts, thinking and answers as texts, about `n_bytes` of them.
pub(super) fn sample_texts(spec: &SourceSpec, seed: u64, n_bytes: usize) -> Result<Vec<String>> {
    let mixture = mixture(spec)?;
    let (mut texts, mut n_left) = (Vec::new(), n_bytes);
    for index in 0.. {
        if n_left == 0 {
            break;
        }
        let example = mixture.sample(seed, index, Split::Train);
        let shown = example.demonstration.map(|d| [d.reasoning, d.answer_text]).into_iter().flatten();
        for text in std::iter::once(example.prompt).chain(shown) {
            n_left = n_left.saturating_sub(text.len() + 1);
            texts.push(text);
        }
    }
    Ok(texts)
}

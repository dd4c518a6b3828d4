use super::loader::{Loader, LoaderState};
use super::pack::Bins;
use super::permute::permute;
use super::prefetch::Prefetch;
use super::{Codec, Document, Source, ValidationSet, open_sources, sample_texts};
use crate::recipe::{Learn, Recipe, StageRecipe, TrainSpec};
use model::bpe_train::BpeTrainer;
use model::chat_template::{ChatTemplate, Message, RenderOptions};
use std::path::Path;
use std::sync::Arc;

/// A tokenizer of ours with few merges, and our template.
pub(crate) fn codec() -> Arc<Codec> {
    let texts = ["What is 12 + 34? The answer is 46. Add the ones and then the tens."; 4];
    let tokenizer = BpeTrainer::penseur(300).train(texts).unwrap().tokenizer().unwrap();
    Arc::new(Codec { tokenizer, template: ChatTemplate::penseur() })
}

/// A stage over `sources` (TOML), with small batches.
pub(crate) fn stage(sources: &str, more: &str) -> StageRecipe {
    let text = format!(
        "{sources}\n[model]\ndepth = 1\n[tokenizer]\nvocab_size = 300\n\
         [train]\nsteps = 20\nseq_len = 64\nmicro_batch_tokens = 128\nbatch_tokens = 256\n{more}"
    );
    Recipe::from_toml(&text, "test", &[]).unwrap().stages.remove(0)
}

/// Documents of known lengths, of which number `index` starts with the token `index`.
pub(crate) struct Counting {
    pub(crate) label: &'static str,
    pub(crate) n_tokens: usize,
}

impl Source for Counting {
    fn label(&self) -> &str {
        self.label
    }

    fn draw(&self, index: u64) -> Option<Document> {
        if index % 10 == 7 {
            return None;
        }
        let n = self.n_tokens + (index % 13) as usize;
        let tokens: Vec<u32> = (0..n as u32).map(|i| (index as u32).wrapping_mul(31).wrapping_add(i) % 300).collect();
        Some(Document { learn: vec![true; n], tokens, is_truncated: index.is_multiple_of(5) })
    }

    fn held_out(&self, n_tokens: u64) -> Vec<Document> {
        (0..n_tokens / 40).filter_map(|i| self.draw(1000 * (i + 1))).collect()
    }
}

fn counting_loader(state: Option<LoaderState>) -> Loader {
    let train = TrainSpec { ..stage(TASK, "").train };
    let sources: Vec<Arc<dyn Source>> =
        vec![Arc::new(Counting { label: "long", n_tokens: 45 }), Arc::new(Counting { label: "short", n_tokens: 5 })];
    Loader::new(sources, vec![3.0, 1.0], &train, state)
}

const TASK: &str = "[[data.source]]\nkind = \"task\"\nmixture = \"addition\"\n";

#[test]
fn permutations_are_bijections_that_differ() {
    for n in [1u64, 2, 3, 7, 64, 100, 1000] {
        let mut seen: Vec<u64> = (0..n).map(|i| permute(5, n, i)).collect();
        let other: Vec<u64> = (0..n).map(|i| permute(6, n, i)).collect();
        assert!(n < 7 || seen != other);
        seen.sort_unstable();
        assert_eq!(seen, (0..n).collect::<Vec<_>>());
    }
}

#[test]
fn documents_go_where_they_leave_the_least_room() {
    let document = |n: usize| Document { tokens: vec![1; n + 1], learn: vec![true; n + 1], is_truncated: false };
    let mut bins = Bins::new(2, 10);
    assert!(bins.place(&document(6)) && bins.place(&document(5)));
    assert!(bins.place(&document(4)), "fills the fuller one");
    assert!(!bins.place(&document(6)));
    assert!(bins.place(&document(5)) && bins.is_full());
    let lens: Vec<usize> = bins.finish().iter().map(model::PackedBatch::len).collect();
    assert_eq!(lens, [10, 10]);
}

#[test]
fn batches_are_full_and_mixed_by_tokens() {
    let mut loader = counting_loader(None);
    let (mut n_rows, mut n_micro) = (0, 0);
    let mut last = LoaderState::default();
    for _ in 0..200 {
        let step = loader.next_step().unwrap();
        assert!(step.micro.iter().all(|batch| batch.len() <= 128));
        n_rows += step.micro.iter().map(model::PackedBatch::len).sum::<usize>();
        n_micro += step.micro.len();
        last = step.after;
    }
    assert_eq!(last.tokens, n_rows as u64);
    assert!(n_rows as f64 > 0.97 * 128.0 * n_micro as f64, "{n_rows} rows in {n_micro} micro-batches");
    let share = last.tokens_drawn[0] as f64 / last.tokens_drawn.iter().sum::<u64>() as f64;
    assert!((share - 0.75).abs() < 0.01, "{share}");
    assert!(last.n_skipped > 0 && last.n_truncated > 0, "counted: {last:?}");
}

#[test]
fn a_loader_goes_on_from_its_state() {
    let mut whole = counting_loader(None);
    let steps: Vec<_> = (0..30).map(|_| whole.next_step().unwrap()).collect();
    for cut in [0, 1, 7, 28] {
        let text = serde_json::to_string(&steps[cut].after).unwrap();
        let mut rest = Prefetch::start(counting_loader(serde_json::from_str(&text).ok()));
        for step in &steps[cut + 1..] {
            assert_eq!(&rest.next_step().unwrap(), step);
        }
    }
}

#[test]
fn answers_are_learnt_and_prompts_are_not() {
    let codec = codec();
    let messages = [
        Message::user("What is 2 + 2?"),
        Message::assistant("4").with_reasoning("2 and 2"),
        Message::user("And <think> 3 + 3?"),
        Message::assistant("6"),
    ];
    let documents = codec.conversation(&messages, Learn::Completion).unwrap();
    assert_eq!(documents.len(), 2, "one for each answer");
    for (document, (n_before, thinking)) in documents.iter().zip([(1, true), (3, false)]) {
        let options = RenderOptions { thinking: Some(thinking), ..RenderOptions::default() };
        let prompt = codec.template.encode(&codec.tokenizer, &messages[..n_before], &options).unwrap().tokens;
        let n_prompt = document.learn.iter().filter(|learn| !**learn).count();
        assert_eq!(document.tokens[..n_prompt], prompt, "the very prompt of generation");
        assert!(document.learn[n_prompt..].iter().all(|learn| *learn));
        assert_eq!(document.tokens.last().copied(), codec.tokenizer.eos_id());
    }
    let learnt = &documents[0].tokens[documents[0].learn.iter().position(|l| *l).unwrap()..];
    assert_eq!(codec.tokenizer.decode(learnt, false), "2 and 2\n</think>\n\n4<｜end▁of▁sentence｜>");
    assert_eq!(codec.learnt_bytes(&documents[0]), "2 and 2\n\n\n4".len() as u64);
    assert!(codec.conversation(&messages[..1], Learn::Completion).is_none(), "no answer");
}

#[test]
fn texts_are_cut_without_loss_and_held_out_by_content() {
    let dir = tempfile::tempdir().unwrap();
    let lines: Vec<String> = (0..4000).map(|i| format!("line {i} of a text with some words in it é\n")).collect();
    std::fs::write(dir.path().join("a.txt"), lines.concat()).unwrap();
    let sources = format!("[[data.source]]\nfiles = [\"{}/*.txt\"]\n", dir.path().display());
    let mut stage = stage(&sources, "[eval]\ntokens = 1e9\n");
    stage.data.validation = 0.2;
    let codec = codec();
    let source = &open_sources(&stage, &codec, &dir.path().join("cache")).unwrap()[0];
    // Each epoch draws every document once, and no two are the same here.
    let mut train: Vec<Document> = (0..20_000).filter_map(|i| source.draw(i)).collect();
    train.sort_by(|a, b| a.tokens.cmp(&b.tokens));
    train.dedup();
    let tokens = |documents: Vec<Document>| documents.iter().map(|d| d.n_rows() as u64).sum::<u64>();
    let held_out = source.held_out(u64::MAX >> 1);
    assert!(held_out.iter().all(|document| !train.contains(document)));
    let all = codec.text(&lines.concat()).len() as u64;
    // Each piece of 16 KiB costs one prediction at most, and merges may differ where pieces meet.
    let n_pieces = lines.concat().len() as u64 / (16 << 10) + 1;
    let found = tokens(train) + tokens(held_out);
    assert!(found <= all && found + 3 * n_pieces >= all, "{found} of {all}");
    let set = ValidationSet::new(&stage, std::slice::from_ref(source), &codec);
    let (bytes, share) = (set.groups[0].n_bytes, lines.concat().len() as f64);
    assert!((0.02..0.5).contains(&(bytes as f64 / share)), "{bytes}");

    let again = &open_sources(&stage, &codec, &dir.path().join("cache")).unwrap()[0];
    assert_eq!(again.draw(3), source.draw(3), "from the cache");
    assert_eq!(std::fs::read_dir(dir.path().join("cache")).unwrap().count(), 1);
}

#[test]
fn records_are_read_or_refused_with_their_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    let open = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let sources = format!("[[data.source]]\nkind = \"jsonl\"\nfiles = [\"{}\"]\n", path.display());
        open_sources(&stage(&sources, ""), &codec(), &dir.path().join("cache")).map_err(|e| e.to_string())
    };
    let good = [
        r#"{"text": "one"}"#,
        r#"{"prompt": "1 + 1 =", "response": "2", "id": 3}"#,
        r#"{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho", "reasoning_content": "hm"}]}"#,
        r#"{"messages": [{"role": "user", "content": "no answer"}]}"#,
    ];
    let sources = open(&good.join("\n")).unwrap();
    assert_eq!(sources[0].n_unusable(), 1, "counted, not hidden");
    assert!(open("{\"text\": \"one\"}\n{\"txt\": 1}").err().unwrap().contains("a.jsonl:2: expected `text`"));
    assert!(open("{\"text\": ").err().unwrap().contains("a.jsonl:1: not a JSON record"));
    assert!(open("").err().unwrap().contains("nothing to learn from"));
    let missing = stage("[[data.source]]\nfiles = [\"/no/such/file\"]\n", "");
    assert!(open_sources(&missing, &codec(), dir.path()).err().unwrap().to_string().contains("matches no file"));
}

#[test]
fn problems_are_functions_of_their_number() {
    let mut stage = stage("[[data.source]]\nkind = \"task\"\nmixture = \"addition\"\nthink = 0.5\n", "");
    stage.train.seq_len = 2048;
    let codec = codec();
    let open = || open_sources(&stage, &codec, Path::new("/nowhere")).unwrap().remove(0);
    let (a, b) = (open(), open());
    let think_end = codec.tokenizer.think_end_id().unwrap();
    let mut n_thinking = 0;
    for index in 0..40 {
        let document = a.draw(index).unwrap();
        assert_eq!(Some(&document), b.draw(index).as_ref());
        let at = document.tokens.iter().position(|t| *t == think_end).unwrap_or(0);
        n_thinking += usize::from(document.learn[at]);
    }
    assert!((8..32).contains(&n_thinking), "{n_thinking} of 40 think");
    assert!(!a.held_out(2000).is_empty());
    assert!(!sample_texts(&stage).unwrap().is_empty());
}

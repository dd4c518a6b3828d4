use super::*;
use crate::sampler::uniform;

fn tokens(n: usize) -> Vec<u32> {
    (0..n as u32).collect()
}

#[test]
fn grows_only_while_blocks_are_free() {
    let mut manager = BlockManager::new(3);
    let (mut a, mut b) = (BlockTable::default(), BlockTable::default());
    assert!(manager.grow(&mut a, 65));
    assert_eq!((a.blocks.len(), manager.n_free()), (2, 1));
    assert!(!manager.grow(&mut b, 65), "two blocks are needed and one is left");
    assert_eq!((b.blocks.len(), manager.n_free()), (0, 1), "a refusal takes nothing");
    assert!(manager.grow(&mut a, 128), "no further block is needed");
    manager.release(&mut a);
    assert_eq!(manager.n_free(), 3);
}

#[test]
fn a_prefix_is_shared_and_outlives_its_first_owner() {
    let mut manager = BlockManager::new(8);
    let prompt = tokens(150);
    let mut first = BlockTable::default();
    assert_eq!(manager.share_prefix(&mut first, &prompt), 0);
    assert!(manager.grow(&mut first, 150));
    manager.register(&mut first, &prompt, 150);

    let mut second = BlockTable::default();
    assert_eq!(manager.share_prefix(&mut second, &prompt), 128);
    assert_eq!(second.blocks, first.blocks[..2]);
    assert_eq!(manager.n_free(), 5);
    manager.release(&mut first);
    manager.release(&mut second);
    assert_eq!(manager.n_free(), 8);

    let mut third = BlockTable::default();
    assert_eq!(manager.share_prefix(&mut third, &prompt), 128, "found although nobody held it");
    manager.release(&mut third);
    manager.clear_cache();
    assert_eq!(manager.share_prefix(&mut third, &prompt), 0);
}

#[test]
fn one_token_is_always_left_to_compute() {
    let mut manager = BlockManager::new(4);
    let prompt = tokens(128);
    let mut table = BlockTable::default();
    assert!(manager.grow(&mut table, 128));
    manager.register(&mut table, &prompt, 128);
    let mut again = BlockTable::default();
    assert_eq!(manager.share_prefix(&mut again, &prompt), 64);
}

#[test]
fn an_evicted_parent_hides_its_children() {
    let mut manager = BlockManager::new(3);
    let prompt = tokens(129);
    let mut table = BlockTable::default();
    assert!(manager.grow(&mut table, 129));
    manager.register(&mut table, &prompt, 129);
    manager.release(&mut table);
    // The unregistered third block goes first, then the second; the first stays findable.
    let mut other = BlockTable::default();
    assert!(manager.grow(&mut other, 128));
    let mut again = BlockTable::default();
    assert_eq!(manager.share_prefix(&mut again, &prompt), 64);
}

/// Random sequences come, grow, share and go: no block has two unrelated owners, none is lost, and a shared block
/// always holds the tokens that were asked for.
#[test]
fn random_use_loses_nothing_and_mixes_nothing() {
    let mut manager = BlockManager::new(40);
    let mut content: Vec<Vec<u32>> = vec![Vec::new(); 40];
    let mut live: Vec<(BlockTable, Vec<u32>)> = Vec::new();
    let mut counter = 0;
    let mut random = |n: usize| {
        counter += 1;
        (uniform(7, counter) * n as f64) as usize
    };
    for _ in 0..3000 {
        if live.len() < 12 && random(2) == 0 {
            let kind = random(3) as u32;
            let mut prompt: Vec<u32> = (0..64 * (1 + random(4)) as u32).map(|i| i * kind).collect();
            prompt.extend((0..random(70)).map(|i| 1000 + i as u32));
            let mut table = BlockTable::default();
            let n_found = manager.share_prefix(&mut table, &prompt);
            for (chunk, &block) in prompt[..n_found].chunks(BLOCK_SIZE).zip(&table.blocks) {
                assert_eq!(content[block as usize], chunk, "a cached block holds other tokens");
            }
            if manager.grow(&mut table, prompt.len()) {
                let first_own = n_found / BLOCK_SIZE;
                for (chunk, &block) in prompt.chunks(BLOCK_SIZE).zip(&table.blocks).skip(first_own) {
                    content[block as usize] = chunk.to_vec();
                }
                manager.register(&mut table, &prompt, prompt.len());
                live.push((table, prompt));
            } else {
                manager.release(&mut table);
            }
        } else if !live.is_empty() {
            let (mut table, prompt) = live.swap_remove(random(live.len()));
            for (chunk, &block) in prompt.chunks(BLOCK_SIZE).zip(&table.blocks) {
                assert_eq!(content[block as usize], chunk, "an owned block was overwritten");
            }
            manager.release(&mut table);
        }
        let owned: BTreeSet<u32> = live.iter().flat_map(|(t, _)| t.blocks.iter().copied()).collect();
        assert_eq!(owned.len() + manager.n_free(), 40, "a block is lost or counted twice");
    }
}

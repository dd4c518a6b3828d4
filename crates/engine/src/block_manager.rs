//! Which KV block holds which positions of which sequence.
//!
//! Blocks are reference counted, so sequences with a common prefix share its full blocks (vLLM's paged attention with
//! a prefix cache). A block whose last owner is gone keeps its content and can be found again until it is needed for
//! something else; the one unused longest goes first.
//!
//! A cached block is looked up by its exact tokens and the identity of the block before it. Nothing rests on hashes
//! being free of collisions.

use std::collections::{BTreeSet, HashMap};

use crate::language_model::BLOCK_SIZE;

#[cfg(test)]
mod tests;

/// Identity of a cached prefix: never used twice, so a stale child of an evicted block cannot be found.
type PrefixId = u64;
const ROOT: PrefixId = 0;

#[derive(Clone, Default)]
struct Block {
    n_owners: u32,
    /// Key under which this block's content is cached.
    cached_as: Option<(PrefixId, Box<[u32]>)>,
    freed_at: u64,
}

struct CachedBlock {
    block: u32,
    prefix: PrefixId,
}

/// The blocks one sequence holds.
#[derive(Debug, Default)]
pub struct BlockTable {
    /// Pool indices, one for each [`BLOCK_SIZE`] positions.
    pub blocks: Vec<u32>,
    /// Leading blocks whose content is in the cache, and the identity of the prefix they make.
    n_registered: usize,
    prefix: PrefixId,
}

/// Owner of all block indices of one pool.
pub struct BlockManager {
    blocks: Vec<Block>,
    /// Blocks without owners, by the time they were freed.
    free: BTreeSet<(u64, u32)>,
    cache: HashMap<(PrefixId, Box<[u32]>), CachedBlock>,
    clock: u64,
    last_prefix: PrefixId,
}

impl BlockManager {
    /// A pool of `n_blocks`, all free, nothing cached.
    pub fn new(n_blocks: usize) -> Self {
        Self {
            blocks: vec![Block::default(); n_blocks],
            free: (0..n_blocks as u32).map(|block| (0, block)).collect(),
            cache: HashMap::new(),
            clock: 0,
            last_prefix: ROOT,
        }
    }

    /// Blocks that hold `n` positions.
    pub fn blocks_for(n: usize) -> usize {
        n.div_ceil(BLOCK_SIZE)
    }

    /// Blocks without an owner (cached content in them counts as free).
    pub fn n_free(&self) -> usize {
        self.free.len()
    }

    /// All blocks of the pool.
    pub fn n_blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Takes shared ownership of the longest cached prefix of `tokens`, in full blocks, leaving at least one token to
    /// compute. `table` must be empty. Returns the positions found.
    pub fn share_prefix(&mut self, table: &mut BlockTable, tokens: &[u32]) -> usize {
        assert!(table.blocks.is_empty(), "share_prefix: the table already has {} blocks", table.blocks.len());
        let n_shareable = tokens.len().saturating_sub(1) / BLOCK_SIZE;
        for chunk in tokens.chunks_exact(BLOCK_SIZE).take(n_shareable) {
            let Some(found) = self.cache.get(&(table.prefix, chunk.into())) else { break };
            let (block, prefix) = (found.block, found.prefix);
            self.take(block);
            table.blocks.push(block);
            table.prefix = prefix;
            table.n_registered += 1;
        }
        table.blocks.len() * BLOCK_SIZE
    }

    /// Extends `table` to `n` positions; false, changing nothing, if there are not enough free blocks.
    #[must_use]
    pub fn grow(&mut self, table: &mut BlockTable, n: usize) -> bool {
        let n_missing = Self::blocks_for(n).saturating_sub(table.blocks.len());
        if n_missing > self.free.len() {
            return false;
        }
        for _ in 0..n_missing {
            let (_, block) = self.free.first().copied().expect("counted above");
            self.take(block);
            if let Some(key) = self.blocks[block as usize].cached_as.take() {
                self.cache.remove(&key);
            }
            table.blocks.push(block);
        }
        true
    }

    /// Makes the full blocks among the first `n_computed` positions of `tokens` findable.
    pub fn register(&mut self, table: &mut BlockTable, tokens: &[u32], n_computed: usize) {
        while (table.n_registered + 1) * BLOCK_SIZE <= n_computed {
            let start = table.n_registered * BLOCK_SIZE;
            let key = (table.prefix, Box::from(&tokens[start..start + BLOCK_SIZE]));
            // A twin computed at the same time stays the cached one; both hold the same content.
            if let Some(twin) = self.cache.get(&key) {
                table.prefix = twin.prefix;
            } else {
                let block = table.blocks[table.n_registered];
                self.last_prefix += 1;
                table.prefix = self.last_prefix;
                self.blocks[block as usize].cached_as = Some(key.clone());
                self.cache.insert(key, CachedBlock { block, prefix: self.last_prefix });
            }
            table.n_registered += 1;
        }
    }

    /// Gives up all of a sequence's blocks and leaves `table` empty.
    pub fn release(&mut self, table: &mut BlockTable) {
        // From the end, so that of a cached prefix the tail is evicted first.
        for block in std::mem::take(table).blocks.into_iter().rev() {
            let state = &mut self.blocks[block as usize];
            assert!(state.n_owners > 0, "block {block} released twice");
            state.n_owners -= 1;
            if state.n_owners == 0 {
                // Content that cannot be found again is the first to be reused.
                self.clock += 1;
                state.freed_at = if state.cached_as.is_some() { self.clock } else { 0 };
                self.free.insert((state.freed_at, block));
            }
        }
    }

    /// Forgets all cached content, as a change of weights demands. Owners keep their blocks.
    pub fn clear_cache(&mut self) {
        self.cache.clear();
        for block in &mut self.blocks {
            block.cached_as = None;
        }
    }

    fn take(&mut self, block: u32) {
        let state = &mut self.blocks[block as usize];
        if state.n_owners == 0 {
            let was_free = self.free.remove(&(state.freed_at, block));
            assert!(was_free, "block {block} has no owner but is not free");
        }
        state.n_owners += 1;
    }
}

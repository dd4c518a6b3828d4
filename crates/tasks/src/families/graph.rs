//! Small undirected graphs with letters for nodes, for families about paths.

use crate::rng::Rng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// More nodes than there are letters cannot be named.
const MAX_NODES: usize = 26;

/// Nodes `0..n`, named A, B, C, …, and edges between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graph {
    n: usize,
    edges: Vec<(usize, usize)>,
}

/// `A` for 0
pub fn name(node: usize) -> char {
    char::from(b'A' + (node % MAX_NODES) as u8)
}

impl Graph {
    /// A graph of `n` nodes and `n_edges` different edges in random order; fewer where there are fewer pairs.
    pub fn draw(n: usize, n_edges: usize, rng: &mut Rng) -> Self {
        let mut seen = BTreeSet::new();
        let mut edges = Vec::new();
        while edges.len() < n_edges.min(n * (n - 1) / 2) {
            let (a, b) = (rng.below(n as u64) as usize, rng.below(n as u64) as usize);
            if a != b && seen.insert((a.min(b), a.max(b))) {
                edges.push((a, b));
            }
        }
        Self { n, edges }
    }

    /// Every edge is between two nodes that there are.
    pub fn is_sound(&self) -> bool {
        (1..=MAX_NODES).contains(&self.n) && self.edges.iter().all(|&(a, b)| a < self.n && b < self.n && a != b)
    }

    /// Number of nodes.
    pub fn n_nodes(&self) -> usize {
        self.n
    }

    /// Neighbours in the order of the alphabet.
    pub fn neighbours(&self, node: usize) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        for &(a, b) in &self.edges {
            found.extend((a == node).then_some(b).or((b == node).then_some(a)));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Is there an edge between two nodes?
    pub fn joins(&self, a: usize, b: usize) -> bool {
        self.edges.iter().any(|&edge| edge == (a, b) || edge == (b, a))
    }

    /// Nodes reached from `start`, nearest first, each with the node it was reached from (itself for the start) and its
    /// distance.
    pub fn reach(&self, start: usize) -> Vec<(usize, usize, usize)> {
        let mut reached = vec![(start, start, 0)];
        let mut next = 0;
        while let Some(&(node, _, distance)) = reached.get(next) {
            for neighbour in self.neighbours(node) {
                if reached.iter().all(|(other, ..)| *other != neighbour) {
                    reached.push((neighbour, node, distance + 1));
                }
            }
            next += 1;
        }
        reached
    }

    /// Edges as people list them: `A-B, C-A`.
    pub fn written(&self, between: &str) -> String {
        let edges: Vec<String> = self.edges.iter().map(|&(a, b)| format!("{}{between}{}", name(a), name(b))).collect();
        edges.join(", ")
    }

    /// The one spelling: each edge in alphabetical order, sorted.
    pub fn canonical(&self) -> String {
        let mut edges: Vec<(usize, usize)> = self.edges.iter().map(|&(a, b)| (a.min(b), a.max(b))).collect();
        edges.sort_unstable();
        edges.iter().map(|&(a, b)| format!("{}{} ", name(a), name(b))).collect()
    }

    /// `A: B C`, the neighbours of a node.
    pub fn tagged(&self, node: usize) -> String {
        let names: Vec<String> = self.neighbours(node).iter().map(|&n| name(n).to_string()).collect();
        format!("{}: {}", name(node), if names.is_empty() { "none".to_string() } else { names.join(" ") })
    }
}

//! A shortest path between two nodes of a small graph. Any shortest path is right; it is checked by walking it.

use super::graph::{Graph, name};
use crate::phrase::{Answers, Wordings};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::path;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Shortest paths, all edges of length 1.
pub struct ShortestPath;

/// From one node to another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    graph: Graph,
    from: usize,
    to: usize,
}

const WORDINGS: Wordings = Wordings {
    answers: Answers::Text,
    nouns: &["a shortest path from {a} to {b} in the graph with edges {e}"],
    orders: &[
        "find a shortest path from {a} to {b}: edges {e}",
        "find the shortest route from {a} to {b}. The roads are {e}",
        "give a shortest path from {a} to {b} in the undirected graph {e}",
    ],
    questions: &[
        "what is a shortest path from {a} to {b} in the graph with edges {e}",
        "roads join {e}. How do you get from {a} to {b} with the fewest roads",
        "in the graph {e}, which path from {a} to {b} is shortest",
    ],
    wholes: &[
        "Edges: {e}\nFind a shortest path from {a} to {b}.",
        "Graph: {e}. Shortest path from {a} to {b}? Write it like A-B-C.",
        "An undirected graph has the edges {e}. Name the nodes of a shortest path from {a} to {b} in order.",
    ],
    chinese: &["图的边有：{e}。求从{a}到{b}的最短路径。", "无向图{e}中，从{a}到{b}怎么走最近？"],
};

impl Problem {
    /// Length of the shortest path; `None` when there is no path or the graph is no graph.
    fn distance(&self) -> Option<usize> {
        if !self.graph.is_sound() || self.from.max(self.to) >= self.graph.n_nodes() || self.from == self.to {
            return None;
        }
        self.graph.reach(self.from).iter().find(|(node, ..)| *node == self.to).map(|(.., distance)| *distance)
    }

    /// The path that the breadth-first search finds.
    fn path(&self) -> Option<Vec<usize>> {
        self.distance()?;
        let reached = self.graph.reach(self.from);
        let mut path = vec![self.to];
        while path[path.len() - 1] != self.from {
            let at = path[path.len() - 1];
            path.push(reached.iter().find(|(node, ..)| *node == at)?.1);
        }
        path.reverse();
        Some(path)
    }
}

/// `A-B-C`
fn written(path: &[usize]) -> String {
    path.iter().map(|&node| name(node).to_string()).collect::<Vec<_>>().join("-")
}

impl Family for ShortestPath {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "shortest_path"
    }

    fn about(&self) -> &'static str {
        "shortest path in a graph of 4, 6, 8 nodes"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let n = [4, 6, 8][usize::from(difficulty) - 1];
        let low = usize::from(difficulty).min(2);
        loop {
            let n_edges = n + rng.below(3) as usize - 1;
            let graph = Graph::draw(n, n_edges, rng);
            let problem = Problem { graph, from: rng.below(n as u64) as usize, to: rng.below(n as u64) as usize };
            // A single edge is rarely worth a question.
            if problem.distance().is_some_and(|distance| distance >= low && (distance > 1 || rng.chance(0.2))) {
                return problem;
            }
        }
    }

    fn canonical(&self, p: &Problem) -> String {
        let (a, b) = (p.from.min(p.to), p.from.max(p.to));
        format!("path {}{} {}", name(a), name(b), p.graph.canonical())
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let edges = p.graph.written(rng.pick(&["-", "-", "-", "–", " to ", "—"]));
        let (a, b) = (name(p.from).to_string(), name(p.to).to_string());
        WORDINGS.quote(&[("e", &edges), ("a", &a), ("b", &b)], rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        p.path().map(|path| written(&path)).unwrap_or_default()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let mut trace = Trace::new();
        trace.line(format!("from {} to {}", name(p.from), name(p.to)));
        let reached = p.graph.reach(p.from);
        let mut known = vec![p.from];
        for &(node, ..) in &reached {
            let new: Vec<usize> =
                p.graph.neighbours(node).into_iter().filter(|neighbour| !known.contains(neighbour)).collect();
            known.extend(&new);
            let names: Vec<String> = new.iter().map(|&n| format!("{} by {}", name(n), name(node))).collect();
            let news = if names.is_empty() { "nothing new".to_string() } else { names.join(", ") };
            trace.line(format!("{}, new: {news}", p.graph.tagged(node)));
            if new.contains(&p.to) {
                break;
            }
        }
        // Back from the end, by the node that each was reached by.
        let path = p.path()?;
        let mut back: Vec<usize> = path.clone();
        back.reverse();
        trace.line(format!("back: {}", written(&back).replace('-', " by ")));
        trace.line(written(&path));
        let answer_text = asked.reply(&written(&path), format!("A shortest path is {}", written(&path)));
        Some(Demonstration { reasoning: trace.finish(), answer_text })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        let Some(distance) = p.distance() else {
            return Judgement::cannot_judge(
                "there is no path between the two nodes, or they are no nodes of the graph",
            );
        };
        let nodes = match path::last_letters(answer_text) {
            Ok(letters) => letters,
            Err(reason) => return Judgement::wrong(reason),
        };
        let nodes: Vec<usize> = nodes.iter().map(|&letter| (letter as u32).wrapping_sub('A' as u32) as usize).collect();
        if nodes.first() != Some(&p.from) || nodes.last() != Some(&p.to) {
            return Judgement::wrong(format!("the path does not lead from {} to {}", name(p.from), name(p.to)));
        }
        if let Some(step) = nodes.windows(2).find(|step| !p.graph.joins(step[0], step[1])) {
            return Judgement::wrong(format!("there is no edge {}-{}", name(step[0]), name(step[1])));
        }
        if nodes.len() - 1 > distance {
            return Judgement::wrong(format!("the path has {} edges, the shortest {distance}", nodes.len() - 1));
        }
        Judgement::right("every step is an edge, and no path is shorter")
    }
}

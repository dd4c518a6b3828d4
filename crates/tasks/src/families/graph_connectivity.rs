//! Can one get from one node of a small graph to another?

use super::graph::{Graph, name};
use crate::phrase::{Answers, Wordings};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::text;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Connectivity of undirected graphs.
pub struct GraphConnectivity;

/// Are the two nodes joined by some path?
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    graph: Graph,
    from: usize,
    to: usize,
}

const WORDINGS: Wordings = Wordings {
    answers: Answers::Sentence,
    questions: &[
        "is there a path from {a} to {b} in the graph with edges {e}",
        "roads join {e}. Can you get from {a} to {b}",
        "in the undirected graph {e}, are {a} and {b} connected",
        "can {b} be reached from {a} if the edges are {e}",
        "are {a} and {b} connected? The edges are {e}",
    ],
    orders: &["tell me whether {a} and {b} are connected in the graph {e}"],
    nouns: &[],
    wholes: &[
        "Edges: {e}\nIs there a path from {a} to {b}?",
        "An undirected graph has the edges {e}. Is {b} reachable from {a}? Answer yes or no.",
    ],
    chinese: &["图的边有：{e}。从{a}能走到{b}吗？", "无向图{e}中，{a}和{b}连通吗？"],
};

impl Problem {
    fn is_sound(&self) -> bool {
        self.graph.is_sound() && self.from.max(self.to) < self.graph.n_nodes()
    }

    fn is_joined(&self) -> bool {
        self.graph.reach(self.from).iter().any(|(node, ..)| *node == self.to)
    }
}

impl Family for GraphConnectivity {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "graph_connectivity"
    }

    fn about(&self) -> &'static str {
        "is there a path between two nodes of a graph of 4 to 5, 6 to 7, 8 to 9 nodes"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let n = (2 + 2 * u64::from(difficulty) + rng.below(2)) as usize;
        let wanted = rng.chance(0.5);
        loop {
            let n_edges = n / 2 + rng.below(n as u64 / 2) as usize;
            let graph = Graph::draw(n, n_edges, rng);
            let problem = Problem { graph, from: rng.below(n as u64) as usize, to: rng.below(n as u64) as usize };
            let trivial = problem.from == problem.to
                || problem.graph.joins(problem.from, problem.to)
                || problem.graph.neighbours(problem.from).is_empty();
            if !trivial && problem.is_joined() == wanted {
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
        match (p.is_sound(), p.is_sound() && p.is_joined()) {
            (false, _) => String::new(),
            (true, true) => "yes".to_string(),
            (true, false) => "no".to_string(),
        }
    }

    fn demonstrate(&self, p: &Problem, _: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let mut trace = Trace::new();
        let (a, b) = (name(p.from), name(p.to));
        trace.line(format!("from {a} to {b}"));
        let mut known = vec![p.from];
        let mut next = 0;
        while let Some(&node) = known.get(next) {
            known.extend(p.graph.neighbours(node).into_iter().filter(|n| !known.contains(n)).collect::<Vec<_>>());
            let names: Vec<String> = known.iter().map(|&n| name(n).to_string()).collect();
            trace.line(format!("{}, reached {}", p.graph.tagged(node), names.join(" ")));
            if known.contains(&p.to) {
                break;
            }
            next += 1;
        }
        let (line, answer_text) = match known.contains(&p.to) {
            true => (format!("{b} is reached"), format!("Yes, there is a path from {a} to {b}.")),
            false => (format!("no more, {b} is not reached"), format!("No, there is no path from {a} to {b}.")),
        };
        trace.line(line);
        Some(Demonstration { reasoning: trace.finish(), answer_text })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        if !p.is_sound() {
            return Judgement::cannot_judge("an edge or a question is about a node that there is not");
        }
        text::judge_word(&["yes", "no"], &self.answer(p), answer_text)
    }
}
